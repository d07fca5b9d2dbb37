//! The file that a LeanEngine app's output goes to.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use crate::exit::InputError;

/// The most bytes that are read of what one call wrote.
const MAX_BYTES: u64 = 4 << 20;

/// A file that grows.
pub struct LogFile(PathBuf);

impl LogFile {
    /// # Errors
    /// It cannot be read.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file = Self(path);
        file.length()?;
        Ok(file)
    }

    /// Bytes until now.
    pub fn length(&self) -> anyhow::Result<u64> {
        Ok(self.read_error(File::open(&self.0).and_then(|file| file.metadata()))?.len())
    }

    /// The lines behind a length.
    pub fn lines_after(&self, length: u64) -> anyhow::Result<Vec<String>> {
        let mut bytes = Vec::new();
        self.read_error(File::open(&self.0).and_then(|mut file| {
            file.seek(SeekFrom::Start(length))?;
            file.take(MAX_BYTES).read_to_end(&mut bytes)
        }))?;
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }

    fn read_error<T>(&self, read: std::io::Result<T>) -> anyhow::Result<T> {
        let problem = |error| InputError::new(format!("cannot read `{}`: {error}", self.0.display()));
        Ok(read.map_err(|error| problem(error).hint("start the app as in `node server.js > app.log 2>&1`"))?)
    }
}
