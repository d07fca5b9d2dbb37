//! Room for open files.

use std::fs::File;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};

/// Makes room for so many open files in the process, or as many as its limit allows.
///
/// The kernel doubles the table of a process's files when it is full, and with several threads it stops the one that opens a
/// file until all processors have seen the new table, which takes over ten milliseconds. A first call or a client that
/// connects must not be the one who waits.
///
/// # Errors
/// When no file handle is left for the attempt. This costs only time.
pub fn reserve_file_table(files: u32) -> std::io::Result<()> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = u64::from(files).min(limit).saturating_sub(1);
    // The table stays as large when the file is closed.
    fcntl_dupfd_cloexec(File::open("/dev/null")?, i32::try_from(last).unwrap_or(i32::MAX))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        line.trim().parse().unwrap()
    }

    #[test]
    fn the_table_grows_without_open_files() {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let before = size();
        reserve_file_table(3_000).unwrap();
        assert!(size() >= limit.min(3_000), "from {before} to {}", size());
        reserve_file_table(0).unwrap();
    }
}
