//! Looking lines up: in the files, and the newest in memory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::ring::{LogReader, LogRing, micros};
use super::{LogLevel, LogLine, record, segments};
use crate::environment::Environment;

/// How long a reader waits for lines on their way to the disk; it then does without them.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// The newest of those that fit.
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

/// What is kept of an app's log.
#[derive(Debug)]
pub struct LogHistory {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Goes on after them.
    pub reader: LogReader,
}

/// Reads the files and the ring. A damaged file costs the lines that are damaged.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) async fn read(ring: Arc<LogRing>, query: &LogQuery) -> io::Result<LogHistory> {
    let newest = ring.after(0);
    let reader = LogReader::new(ring.clone(), newest.dropped + newest.lines.len() as u64);
    let mut lines = Vec::new();
    if let Some(disk) = ring.disk() {
        if newest.dropped > 0 {
            // Lines that left the ring may still be on their way. Without an answer the thread is gone, or the disk hangs.
            let _ = tokio::time::timeout(FLUSH_TIME, disk.flush()).await;
        }
        let (folder, query) = (disk.folder.clone(), query.clone());
        let in_memory_from = newest.lines.first().map_or(u64::MAX, |line| line.id);
        let reading = tokio::task::spawn_blocking(move || from_files(&folder, &query, in_memory_from));
        lines = reading.await.map_err(io::Error::other)??;
    }
    lines.extend(newest.lines.into_iter().filter(|line| query.wants(line)));
    lines.drain(..lines.len().saturating_sub(query.limit));
    Ok(LogHistory { lines, reader })
}

/// The newest lines before the id `end`, oldest first.
fn from_files(folder: &Path, query: &LogQuery, end: u64) -> io::Result<Vec<LogLine>> {
    let since = query.since.map_or(0, micros);
    let mut found = Vec::new();
    let mut next_first_id = u64::MAX;
    for segment in segments::list(folder)?.iter().rev() {
        // Ids are times, but for those of a moment at which the clock was set back.
        if found.len() >= query.limit || next_first_id < since {
            break;
        }
        next_first_id = segment.first_id;
        if segment.first_id >= end {
            continue;
        }
        let bytes = match std::fs::read(&segment.path) {
            Ok(bytes) => bytes,
            // It was its turn to be deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let lines = bytes.rsplit(|&byte| byte == b'\n').filter_map(record::read);
        let wanted = lines.filter(|line| line.id < end && query.wants(line));
        found.extend(wanted.take(query.limit - found.len()));
    }
    found.reverse();
    Ok(found)
}

/// Id of the newest line that is kept; 0 when there is none that can be read.
pub(super) fn last_id(folder: &Path) -> u64 {
    let newest = segments::list(folder).ok().and_then(|mut segments| segments.pop());
    newest.map_or(0, |newest| {
        let bytes = std::fs::read(&newest.path).unwrap_or_default();
        let last = bytes.rsplit(|&byte| byte == b'\n').find_map(record::read);
        last.map_or(newest.first_id, |line| line.id)
    })
}
