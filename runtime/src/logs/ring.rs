//! The newest lines of an app, in memory: for its followers, and for the thread that writes them to disk.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use super::{LogLevel, LogLine};

/// Lines of an app that stay in memory; the oldest are dropped first.
const RING_LINES: usize = 4_096;
/// Bytes of lines of an app that stay in memory.
const RING_BYTES: usize = 1 << 20;

/// The last lines of an app.
#[derive(Debug, Default)]
pub(crate) struct LogRing {
    ring: Mutex<Ring>,
    /// Notified of every new line.
    grown: Notify,
    over_budget: AtomicU64,
    lost: AtomicU64,
    damaged: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Lines that made room; the number of the oldest line that is kept.
    evicted: u64,
    /// Number of the first line that was not handed to the disk.
    unwritten: u64,
    /// Lines that made room before they were handed to the disk, since the last report of it.
    lost: u64,
    /// The disk knows that there is something to write.
    queued: bool,
    last_id: u64,
}

/// The counters of an app's lines since the engine opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogCounts {
    /// Lines of functions that were over the budget of their call.
    pub(crate) over_budget: u64,
    /// Lines that the disk did not keep.
    pub(crate) lost: u64,
    /// Lines that were kept, and were found damaged when they were read.
    pub(crate) damaged: u64,
}

/// The lines that a reader has not seen yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBatch {
    /// Lines that made room before they were read. They come before `lines`.
    pub dropped: u64,
    /// Oldest first.
    pub lines: Vec<LogLine>,
}

/// Follows the log of an app.
#[derive(Debug)]
pub struct LogReader {
    ring: Arc<LogRing>,
    /// Number of the next line.
    next: u64,
}

impl LogReader {
    /// Begins with the line of this number.
    pub(super) fn new(ring: Arc<LogRing>, next: u64) -> Self {
        Self { ring, next }
    }

    /// The lines since the last time. Does not wait.
    pub fn read(&mut self) -> LogBatch {
        let batch = self.ring.after(self.next);
        self.next += batch.dropped + batch.lines.len() as u64;
        batch
    }

    /// Waits until there is something to read; for ever in an app whose functions are silent.
    pub async fn grown(&self) {
        loop {
            // Registered before looking, so that a line between the two is not missed.
            let grown = self.ring.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            if self.ring.end() > self.next {
                return;
            }
            grown.await;
        }
    }
}

impl LogRing {
    /// The ids of later lines are greater.
    pub(super) fn continue_after(&self, last_id: u64) {
        self.locked().last_id = last_id;
    }

    /// The lines from number `next` on.
    pub(crate) fn after(&self, next: u64) -> LogBatch {
        let ring = self.locked();
        let seen = usize::try_from(next.saturating_sub(ring.evicted)).unwrap_or(usize::MAX);
        LogBatch { dropped: ring.evicted.saturating_sub(next), lines: ring.lines.iter().skip(seen).cloned().collect() }
    }

    pub(crate) fn counts(&self) -> LogCounts {
        LogCounts {
            over_budget: self.over_budget.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            damaged: self.damaged.load(Ordering::Relaxed),
        }
    }

    pub(super) fn count_over_budget(&self, lines: u32) {
        self.over_budget.fetch_add(u64::from(lines), Ordering::Relaxed);
    }

    pub(super) fn count_lost(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn count_damaged(&self, lines: u64) {
        self.damaged.fetch_add(lines, Ordering::Relaxed);
    }

    /// `is_kept`: the line is for the disk too. True when the disk does not know yet that there is something to write.
    pub(super) fn push(&self, mut line: LogLine, is_kept: bool) -> bool {
        let mut ring = self.locked();
        let now = micros(line.time);
        // As exact as it is kept in files, so that a line is the same wherever it is read.
        line.time = UNIX_EPOCH + Duration::from_micros(now);
        line.id = now.max(ring.last_id + 1);
        ring.last_id = line.id;
        ring.bytes += line.text.len();
        ring.lines.push_back(line);
        while ring.lines.len() > RING_LINES || ring.bytes > RING_BYTES {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.text.len();
            if ring.evicted == ring.unwritten {
                ring.unwritten += 1;
                ring.lost += 1;
            }
            ring.evicted += 1;
        }
        let is_news = is_kept && !std::mem::replace(&mut ring.queued, true);
        drop(ring);
        self.grown.notify_waiters();
        is_news
    }

    /// The lines that the disk does not have yet; from now on they count as handed over. Begins with a line that says
    /// how many were lost before them.
    pub(super) fn take_unwritten(&self) -> Vec<LogLine> {
        let mut ring = self.locked();
        let written = usize::try_from(ring.unwritten.saturating_sub(ring.evicted)).unwrap_or(usize::MAX);
        let mut lines: Vec<LogLine> = ring.lines.iter().skip(written).cloned().collect();
        ring.unwritten = ring.evicted + ring.lines.len() as u64;
        ring.queued = false;
        let lost = std::mem::take(&mut ring.lost);
        drop(ring);
        if lost > 0 {
            self.count_lost(lost);
            let first = lines.first();
            let notice = LogLine {
                // The id of the last of the lost lines: free, and before the first one that is there.
                id: first.map_or(0, |line| line.id.saturating_sub(1)),
                time: first.map_or_else(SystemTime::now, |line| line.time),
                environment: None,
                level: LogLevel::Warn,
                source: "engine".to_owned(),
                text: format!("{lost} log lines were not kept: they came faster than the disk takes them"),
                version: 0,
                function: "logs".to_owned(),
                request_id: String::new(),
            };
            lines.insert(0, notice);
        }
        lines
    }

    pub(super) fn end(&self) -> u64 {
        let ring = self.locked();
        ring.evicted + ring.lines.len() as u64
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since 1970.
pub(super) fn micros(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{AppLog, CallLog};
    use api_types::Limits;

    fn log() -> (Arc<LogRing>, CallLog) {
        let app = Arc::new(AppLog::default());
        let ring = app.ring().clone();
        let log = CallLog::new(app, "demo", 1, "hello", "r1".to_owned(), &Limits::default());
        (ring, log)
    }

    #[test]
    fn the_ring_keeps_the_newest_lines() {
        let (ring, log) = log();
        for number in 0..RING_LINES + 5 {
            log.engine(LogLevel::Info, &number.to_string());
        }
        let lines = ring.after(0).lines;
        assert_eq!(lines.len(), RING_LINES);
        assert_eq!(lines[0].text, "5");
    }

    #[test]
    fn a_reader_learns_how_many_lines_it_missed() {
        let (ring, log) = log();
        let mut reader = LogReader::new(ring, 0);
        log.engine(LogLevel::Info, "first");
        assert_eq!(reader.read().lines.len(), 1);
        assert_eq!(reader.read(), LogBatch::default());
        for number in 0..RING_LINES + 3 {
            log.engine(LogLevel::Info, &number.to_string());
        }
        let batch = reader.read();
        assert_eq!((batch.dropped, batch.lines.len()), (3, RING_LINES));
        assert_eq!(batch.lines[0].text, "3");
        assert_eq!(reader.read(), LogBatch::default());
    }

    #[tokio::test]
    async fn a_waiting_reader_wakes_at_the_next_line() {
        let (ring, log) = log();
        let mut reader = LogReader::new(ring, 0);
        let ((), ()) = tokio::join!(reader.grown(), async { log.engine(LogLevel::Info, "now") });
        assert_eq!(reader.read().lines[0].text, "now");
    }

    #[test]
    fn ids_grow_also_when_the_clock_goes_back() {
        let (ring, log) = log();
        ring.locked().last_id = u64::MAX / 2;
        log.engine(LogLevel::Info, "one");
        log.engine(LogLevel::Info, "two");
        let ids: Vec<u64> = ring.after(0).lines.iter().map(|line| line.id).collect();
        assert_eq!(ids, [u64::MAX / 2 + 1, u64::MAX / 2 + 2]);
    }

    #[test]
    fn lines_dropped_before_they_were_written_are_reported_and_counted() {
        let (ring, log) = log();
        log.engine(LogLevel::Info, "written");
        assert_eq!(ring.take_unwritten().len(), 1);
        for number in 0..RING_LINES + 3 {
            log.engine(LogLevel::Info, &number.to_string());
        }
        let taken = ring.take_unwritten();
        assert_eq!(taken.len(), RING_LINES + 1);
        assert!(taken[0].text.starts_with("3 log lines were not kept"), "{}", taken[0].text);
        assert_eq!(taken[1].text, "3");
        assert!(taken[0].id < taken[1].id);
        assert_eq!(ring.counts(), LogCounts { lost: 3, ..LogCounts::default() });
        assert!(ring.take_unwritten().is_empty());
    }
}
