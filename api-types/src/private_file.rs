//! Files that only their owner may read, replaced as a whole.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file is as it was before.
#[derive(Debug, Error)]
#[error("cannot write `{}`", path.display())]
pub struct WriteError {
    /// The file.
    path: PathBuf,
    #[source]
    problem: io::Error,
}

/// Replaces the file: a reader sees the old bytes or the new ones.
///
/// # Errors
/// Its folder does not exist or takes no file, or the disk is full.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let replace = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // A temporary file is private (0600), and the rename keeps it so.
        file.persist(path)?;
        Ok(())
    };
    replace().map_err(|problem| WriteError { path: path.to_owned(), problem })
}
