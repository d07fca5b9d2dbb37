//! Other clocks than the machine's: `libfaketime` stands between a process and it.

use std::path::PathBuf;

use tempfile::TempDir;

/// Loads it. `$LIB` is for the loader.
pub const FAKETIME: (&str, &str) = ("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1");

/// A clock whose days pass when a test says so, also for waits.
pub struct Clock {
    folder: TempDir,
}

impl Clock {
    /// As the machine's at first.
    pub fn new() -> Self {
        let clock = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        clock.set_ahead(0);
        clock
    }

    /// So many days ahead of the machine's.
    pub fn set_ahead(&self, days: u32) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("+{days}d\n")).expect("a file");
        // A process reads it at any time.
        std::fs::rename(new, self.file()).expect("a file");
    }

    /// For the processes that go by it.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        let file = self.file().to_str().expect("UTF-8").to_owned();
        let (name, library) = FAKETIME;
        [(name, library.to_owned()), ("FAKETIME_NO_CACHE", "1".to_owned()), ("FAKETIME_TIMESTAMP_FILE", file)]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}
