//! The thread that writes the lines of all apps to files, app by app, so that a loud one does not silence the others.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::damage::Damage;
use super::retention::LogRetention;
use super::ring::LogRing;
use super::{LogLine, record, segments};

/// How often the files of apps that write nothing are looked at.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// A full disk fails every write; the server's log says so no more often than this.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The folder of all logs, and the thread that writes to it.
#[derive(Debug)]
pub(crate) struct LogDisk {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The part of an app.
#[derive(Debug)]
pub(super) struct AppDisk {
    shared: Arc<Shared>,
    pub(super) folder: PathBuf,
    pub(super) damage: Damage,
    /// The app was deleted.
    forgotten: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    retention: LogRetention,
    work: Mutex<Work>,
    come: Condvar,
}

/// Bounded by the number of apps, and by that of waiting readers.
#[derive(Debug, Default)]
struct Work {
    /// Each app once: its ring holds the lines, and drops the oldest when the disk does not keep up.
    dirty: Vec<(Arc<LogRing>, Arc<AppDisk>)>,
    forgotten: Vec<PathBuf>,
    waiting: Vec<oneshot::Sender<()>>,
    stopped: bool,
}

impl LogDisk {
    /// Starts the thread. Files are opened only to write to them, so a damaged one never stops a start.
    pub(crate) fn start(folder: PathBuf, retention: LogRetention) -> io::Result<Self> {
        let shared = Arc::new(Shared { folder, retention, work: Mutex::default(), come: Condvar::new() });
        let of_thread = shared.clone();
        let thread = thread::Builder::new().name("hookd-logs".to_owned()).spawn(move || of_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The part of an app, and the id of its newest line.
    pub(super) fn of_app(&self, app_id: &str) -> (AppDisk, u64) {
        let folder = self.shared.folder.join(app_id);
        let last_id = segments::last_id(&folder);
        let forgotten = AtomicBool::new(false);
        (AppDisk { shared: self.shared.clone(), folder, damage: Damage::default(), forgotten }, last_id)
    }
}

impl Drop for LogDisk {
    fn drop(&mut self) {
        self.shared.work().stopped = true;
        self.shared.come.notify_one();
        // What was written so far is a matter of milliseconds, and is what a stop is wanted to keep.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes logs panicked");
        }
    }
}

impl AppDisk {
    /// Deletes the lines, and writes no more.
    pub(super) fn forget(&self) {
        self.forgotten.store(true, Ordering::Relaxed);
        self.shared.work().forgotten.push(self.folder.clone());
        self.shared.come.notify_one();
    }

    /// The ring has lines to write.
    pub(super) fn queue(self: &Arc<Self>, ring: Arc<LogRing>) {
        self.shared.work().dirty.push((ring, self.clone()));
        self.shared.come.notify_one();
    }

    /// Answers when everything that was there before is in the files; also when the thread is gone.
    pub(super) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, written) = oneshot::channel();
        let mut work = self.shared.work();
        if !work.stopped {
            work.waiting.push(done);
            self.shared.come.notify_one();
        }
        written
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut pruned: Option<Instant> = None;
        let mut complained: Option<Instant> = None;
        let mut complain = |what: &str, folder: &Path, error: io::Error| {
            if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
                complained = Some(Instant::now());
                tracing::warn!(folder = %folder.display(), %error, "{what}");
            }
        };
        loop {
            let work = self.next();
            for (ring, disk) in &work.dirty {
                let lines = ring.take_unwritten();
                if disk.forgotten.load(Ordering::Relaxed) {
                    continue;
                }
                if let Err((lost, error)) = self.append(&disk.folder, &lines) {
                    ring.count_lost(lost);
                    complain("log lines of functions cannot be kept", &disk.folder, error);
                }
            }
            for folder in &work.forgotten {
                match std::fs::remove_dir_all(folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        complain("the log of a deleted app cannot be deleted", folder, error);
                    }
                    _ => {}
                }
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE_EVERY) {
                pruned = Some(Instant::now());
                self.prune_all(|folder, error| complain("old log lines cannot be deleted", folder, error));
            }
            for waiting in work.waiting {
                // The task that waited may have ended.
                let _ = waiting.send(());
            }
            if work.stopped {
                return;
            }
        }
    }

    /// On an error, how many of the lines were not written.
    fn append(&self, folder: &Path, mut lines: &[LogLine]) -> Result<(), (u64, io::Error)> {
        let full = segments::full_bytes(&self.retention);
        while let Some(first) = lines.first() {
            let mut text = Vec::new();
            let mut rest = lines.iter();
            while (text.len() as u64) < full.max(1)
                && let Some(line) = rest.next()
            {
                record::write(line, &mut text);
            }
            let appended = segments::append(folder, first.id, &text, &self.retention);
            appended.map_err(|error| (lines.len() as u64, error))?;
            lines = rest.as_slice();
        }
        Ok(())
    }

    /// Waits for work, or until it is time to look at old files.
    fn next(&self) -> Work {
        let idle = |work: &mut Work| {
            work.dirty.is_empty() && work.forgotten.is_empty() && work.waiting.is_empty() && !work.stopped
        };
        let waited = self.come.wait_timeout_while(self.work(), PRUNE_EVERY, idle);
        let (mut work, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let stopped = work.stopped;
        let taken = std::mem::take(&mut *work);
        // Stays for later callers.
        work.stopped = stopped;
        taken
    }

    /// A file that cannot be deleted in one folder does not stop the deletion of old files in another.
    fn prune_all(&self, mut complain: impl FnMut(&Path, io::Error)) {
        let apps = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return complain(&self.folder, error),
            Ok(apps) => apps,
        };
        for app in apps.filter_map(Result::ok) {
            if app.file_type().is_ok_and(|kind| kind.is_dir())
                && let Err(error) = segments::prune(&app.path(), &self.retention)
            {
                complain(&app.path(), error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::logs::LogLevel;

    #[test]
    fn lines_that_come_at_once_are_spread_over_files_so_that_most_of_what_may_be_kept_is() {
        let folder = tempfile::tempdir().unwrap();
        let retention = LogRetention { bytes_per_app: 160_000, ..LogRetention::default() };
        let (work, come) = (Mutex::default(), Condvar::new());
        let shared = Shared { folder: folder.path().to_owned(), retention, work, come };
        let now = super::super::ring::micros(SystemTime::now());
        let line = |number: u64| LogLine {
            id: now + number,
            time: SystemTime::now(),
            environment: None,
            level: LogLevel::Info,
            source: "stdout".to_owned(),
            text: "x".repeat(100),
            version: 1,
            function: "hello".to_owned(),
            request_id: number.to_string(),
        };
        shared.append(folder.path(), &(0..4_000).map(line).collect::<Vec<_>>()).unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap();
        let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!((130_000..=160_000).contains(&bytes), "{bytes}");
    }
}
