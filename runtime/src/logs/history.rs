//! Looking lines up: in the files, and the newest in memory.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::app_log::AppLog;
use super::backwards::{self, Found};
use super::disk::AppDisk;
use super::ring::{LogReader, micros};
use super::segments::Segment;
use super::{LogLevel, LogLine, record, segments};
use api_types::Environment;

/// How long a reader waits for lines on their way to the disk; it then does without them.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// The newest lines that fit.
    pub limit: usize,
    /// Of this function.
    pub function: Option<String>,
    /// Of this call.
    pub request_id: Option<String>,
    /// Of versions that were live there.
    pub environment: Option<Environment>,
    /// This severe or more.
    pub level: Option<LogLevel>,
    /// Not older.
    pub since: Option<SystemTime>,
    /// Older than that.
    pub until: Option<SystemTime>,
}

impl LogQuery {
    /// True for a line that fits.
    pub fn wants(&self, line: &LogLine) -> bool {
        self.function.as_ref().is_none_or(|function| *function == line.function)
            && self.request_id.as_ref().is_none_or(|request_id| *request_id == line.request_id)
            && self.environment.is_none_or(|environment| Some(environment) == line.environment)
            && self.level.is_none_or(|level| line.level >= level)
            && self.since.is_none_or(|since| line.time >= since)
            && self.until.is_none_or(|until| line.time < until)
    }
}

/// The kept lines of an app's log.
#[derive(Debug)]
pub struct LogHistory {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// What else was kept and is lost, as far as files were looked at.
    pub unreadable: Unreadable,
    /// Goes on after them.
    pub reader: LogReader,
    /// To be dropped when the lines were sent: an app has few such answers at a time.
    pub place: Option<OwnedSemaphorePermit>,
}

/// Why there is no answer with kept lines.
#[derive(Debug, Error)]
pub enum LogsError {
    /// The readers of earlier answers are slow.
    #[error("{limit} answers with lines of this app's log are not read to their ends; read or close one of them first")]
    TooMany {
        /// An app has so many at a time.
        limit: usize,
    },
    /// A defect of the engine.
    #[error("the log cannot be read")]
    Failed(#[from] io::Error),
}

/// Lines and files that lie on disk and cannot be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Damaged lines in files that can be read.
    pub lines: u64,
    /// Files, or the folder itself, that cannot be opened or read on to their beginning.
    pub files: u64,
}

/// Reads the files, and the lines in memory. Damage of a file costs only the lines of that file.
///
/// # Errors
/// When the thread that reads panicked.
pub(crate) async fn read(log: Arc<AppLog>, query: &LogQuery) -> io::Result<LogHistory> {
    let newest = log.ring().after(0);
    let reader = LogReader::new(log.ring().clone(), newest.dropped + newest.lines.len() as u64);
    let (mut lines, mut unreadable) = (Vec::new(), Unreadable::default());
    if let Some(disk) = log.disk() {
        if newest.dropped > 0 {
            // Lines that left the ring may still be on their way. Without an answer the thread is gone, or the disk hangs.
            let _ = tokio::time::timeout(FLUSH_TIME, disk.flush()).await;
        }
        let (log, query) = (log.clone(), query.clone());
        let in_memory_from = newest.lines.first().map_or(u64::MAX, |line| line.id);
        let reading = tokio::task::spawn_blocking(move || {
            let disk = log.disk()?;
            let mut files =
                Files { disk, query: &query, end: in_memory_from, found: Vec::new(), lost: Unreadable::default() };
            log.ring().count_damaged(files.read());
            files.found.reverse();
            Some((files.found, files.lost))
        });
        (lines, unreadable) = reading.await.map_err(io::Error::other)?.unwrap_or_default();
    }
    lines.extend(newest.lines.into_iter().filter(|line| query.wants(line)));
    lines.drain(..lines.len().saturating_sub(query.limit));
    Ok(LogHistory { lines, unreadable, reader, place: None })
}

/// The newest lines of an app's files before the id `end`.
struct Files<'a> {
    disk: &'a AppDisk,
    query: &'a LogQuery,
    end: u64,
    /// Newest first.
    found: Vec<LogLine>,
    lost: Unreadable,
}

impl Files<'_> {
    /// Returns the number of new damaged lines.
    fn read(&mut self) -> u64 {
        let segments = match segments::list(&self.disk.folder) {
            Ok(segments) => segments,
            Err(error) => {
                self.cannot_read(&self.disk.folder, &error);
                return 0;
            }
        };
        self.disk.damage.forget_but(|path| segments.iter().any(|segment| segment.path == path));
        let since = self.query.since.map_or(0, micros);
        let (mut next_first_id, mut news) = (u64::MAX, 0);
        for segment in segments.iter().rev() {
            // Ids are times, except after the clock was set back.
            if self.is_full() || next_first_id < since {
                break;
            }
            let is_newest = next_first_id == u64::MAX;
            next_first_id = segment.first_id;
            if segment.first_id < self.end {
                news += self.read_one(segment, is_newest);
            }
        }
        news
    }

    fn read_one(&mut self, segment: &Segment, is_newest: bool) -> u64 {
        let mut damaged = 0;
        let reading = backwards::read(&segment.path, |found| {
            let (bytes, is_line) = match found {
                Found::Line(line) => (line, true),
                // The thread that writes may be in the middle of it.
                Found::Unfinished(line) => (line, !is_newest),
                Found::TooLong => (b"".as_slice(), true),
            };
            match record::read(bytes) {
                Some(line) if line.id < self.end && self.query.wants(&line) => self.found.push(line),
                Some(_) => {}
                None if is_line && (!bytes.is_empty() || found == Found::TooLong) => damaged += 1,
                None => {}
            }
            if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match reading {
            // It was its turn to be deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return 0,
            Err(error) => self.cannot_read(&segment.path, &error),
            Ok(()) => {}
        }
        self.lost.lines += damaged;
        self.disk.damage.lines(&segment.path, damaged)
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.query.limit
    }

    fn cannot_read(&mut self, path: &Path, error: &io::Error) {
        self.lost.files += 1;
        self.disk.damage.unreadable(path, error);
    }
}
