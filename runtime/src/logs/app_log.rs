//! The log of one app: its newest lines in memory, and its files.

use std::sync::{Arc, OnceLock};

use super::LogLine;
use super::disk::{AppDisk, LogDisk};
use super::ring::LogRing;

/// The log of an app.
#[derive(Debug, Default)]
pub(crate) struct AppLog {
    ring: Arc<LogRing>,
    /// Set once, before the first call; absent where lines are for memory only.
    disk: OnceLock<Arc<AppDisk>>,
}

impl AppLog {
    /// Keeps the lines from now on; their ids are greater than those that are there. Reads the end of the newest file.
    pub(crate) fn keep_on(&self, disk: &LogDisk, app_id: &str) {
        let (disk, last_id) = disk.of_app(app_id);
        self.ring.continue_after(last_id);
        // A second disk is ignored; the first one stays.
        let _ = self.disk.set(Arc::new(disk));
    }

    /// Deletes the lines of an app that was deleted; calls that still run write for memory only.
    pub(crate) fn forget(&self) {
        if let Some(disk) = self.disk.get() {
            disk.forget();
        }
    }

    /// The newest lines.
    pub(crate) fn ring(&self) -> &Arc<LogRing> {
        &self.ring
    }

    pub(super) fn disk(&self) -> Option<&AppDisk> {
        self.disk.get().map(Arc::as_ref)
    }

    pub(super) fn push(&self, line: LogLine) {
        let disk = self.disk.get();
        if self.ring.push(line, disk.is_some())
            && let Some(disk) = disk
        {
            disk.queue(self.ring.clone());
        }
    }
}
