//! How long lines stay on disk.

use std::time::Duration;

/// How long the lines that functions write stay on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRetention {
    /// Of one app, within a sixteenth; the oldest lines are deleted first.
    pub bytes_per_app: u64,
    /// Older lines are deleted, with the precision of a day.
    pub age: Duration,
}

impl Default for LogRetention {
    fn default() -> Self {
        Self { bytes_per_app: 16 << 20, age: Duration::from_secs(7 * 24 * 3_600) }
    }
}
