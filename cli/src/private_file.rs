//! Files that only their owner may read, replaced as a whole.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// Lets this process create files and folders that only its user may use, also when a library creates them.
pub fn create_no_other() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Replaces the file: a reader sees the old bytes or the new ones.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in the folder `{}`", folder.display()))?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.with_context(|| format!("cannot write `{}`", path.display()))?;
    // A temporary file is private (0600), and the rename keeps it so.
    file.persist(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(())
}
