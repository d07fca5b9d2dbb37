//! What functions write: bounded per line, per call and per app.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tokio::sync::Notify;

use crate::limits::Limits;

/// Longest line that is kept, in characters (EC-34).
const MAX_LINE_CHARS: usize = 4_096;
/// Lines of an app that stay readable in memory; the oldest make room.
const RING_LINES: usize = 1_000;
/// Bytes of lines of an app that stay readable in memory.
const RING_BYTES: usize = 1 << 20;

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the usual five")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// One line of a function's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When the engine got it.
    pub time: SystemTime,
    /// Severity; `stdout` counts as info and `stderr` as warn.
    pub level: LogLevel,
    /// `stdout`, `stderr`, `engine`, or what the function's logger calls itself.
    pub source: String,
    /// Without control characters; line breaks are written `\n`.
    pub text: String,
    /// Version of the app.
    pub version: u64,
    /// Function called.
    pub function: String,
    /// The call.
    pub request_id: String,
}

/// The last lines of an app.
#[derive(Debug, Default)]
pub(crate) struct LogRing {
    ring: Mutex<Ring>,
    /// Told of every new line.
    grown: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Lines that made room; the number of the oldest line that is kept.
    evicted: u64,
}

/// What a reader has not seen yet.
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
    pub(crate) fn new(ring: Arc<LogRing>) -> Self {
        Self { ring, next: 0 }
    }

    /// What came since the last time; at first everything that is kept. Does not wait.
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
    /// The lines from number `next` on.
    pub(crate) fn after(&self, next: u64) -> LogBatch {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = usize::try_from(next.saturating_sub(ring.evicted)).unwrap_or(usize::MAX);
        LogBatch { dropped: ring.evicted.saturating_sub(next), lines: ring.lines.iter().skip(seen).cloned().collect() }
    }

    fn end(&self) -> u64 {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.evicted + ring.lines.len() as u64
    }

    fn push(&self, line: LogLine) {
        {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.bytes += line.text.len();
            ring.lines.push_back(line);
            while ring.lines.len() > RING_LINES || ring.bytes > RING_BYTES {
                let Some(oldest) = ring.lines.pop_front() else { break };
                ring.bytes -= oldest.text.len();
                ring.evicted += 1;
            }
        }
        self.grown.notify_waiters();
    }
}

/// The log of one call.
#[derive(Debug)]
pub(crate) struct CallLog {
    ring: Arc<LogRing>,
    app_id: String,
    version: u64,
    function: String,
    request_id: String,
    budget: Mutex<Budget>,
}

#[derive(Debug)]
struct Budget {
    bytes: usize,
    lines: u32,
    dropped: u32,
}

impl CallLog {
    pub(crate) fn new(
        ring: Arc<LogRing>,
        app_id: &str,
        version: u64,
        function: &str,
        request_id: String,
        limits: &Limits,
    ) -> Self {
        let budget = Budget { bytes: limits.log_bytes, lines: limits.log_lines, dropped: 0 };
        Self {
            ring,
            app_id: app_id.to_owned(),
            version,
            function: function.to_owned(),
            request_id,
            budget: Mutex::new(budget),
        }
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// A line of the function; dropped and counted once the call's budget is used up.
    pub(crate) fn guest(&self, level: LogLevel, source: &str, text: &str) {
        let text = clean(text, MAX_LINE_CHARS);
        {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            if budget.lines == 0 || budget.bytes < text.len() {
                budget.dropped = budget.dropped.saturating_add(1);
                return;
            }
            budget.lines -= 1;
            budget.bytes -= text.len();
        }
        self.write(level, &clean(source, 128), text);
    }

    /// A line of the engine about the call; not subject to the budget.
    pub(crate) fn engine(&self, level: LogLevel, text: &str) {
        self.write(level, "engine", clean(text, MAX_LINE_CHARS));
    }

    /// Says how many lines were dropped. Called once the guest is gone.
    pub(crate) fn finish(&self) {
        let dropped = self.budget.lock().unwrap_or_else(PoisonError::into_inner).dropped;
        if dropped > 0 {
            metrics::counter!("hookd_hook_log_lines_dropped_total").increment(u64::from(dropped));
            self.engine(LogLevel::Warn, &format!("{dropped} log lines were dropped: the call's log budget is used up"));
        }
    }

    fn write(&self, level: LogLevel, source: &str, text: String) {
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "hookd::hook_log",
                    app_id = self.app_id,
                    version = self.version,
                    function = self.function,
                    request_id = self.request_id,
                    source,
                    "{text}"
                )
            };
        }
        match level {
            LogLevel::Trace => event!(trace),
            LogLevel::Debug => event!(debug),
            LogLevel::Info => event!(info),
            LogLevel::Warn => event!(warn),
            LogLevel::Error => event!(error),
        }
        self.ring.push(LogLine {
            time: SystemTime::now(),
            level,
            source: source.to_owned(),
            text,
            version: self.version,
            function: self.function.clone(),
            request_id: self.request_id.clone(),
        });
    }
}

/// One printable line: a guest must not be able to forge further lines or send control sequences to a terminal.
fn clean(text: &str, max_chars: usize) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    let mut line = String::with_capacity(text.len().min(max_chars));
    let mut chars = text.chars();
    for character in chars.by_ref().take(max_chars) {
        match character {
            '\n' => line.push_str("\\n"),
            '\t' => line.push(' '),
            control if control.is_control() => {}
            printable => line.push(printable),
        }
    }
    let cut = chars.count();
    if cut > 0 {
        let _ = write!(line, "… ({cut} characters cut)");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(limits: &Limits) -> (Arc<LogRing>, CallLog) {
        let ring = Arc::new(LogRing::default());
        let log = CallLog::new(ring.clone(), "demo", 1, "hello", "r1".to_owned(), limits);
        (ring, log)
    }

    #[test]
    fn control_characters_are_stripped_and_line_breaks_escaped() {
        assert_eq!(clean("a\x1b[31mb\r\nc\td\n", 100), "a[31mb\\nc d");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        assert_eq!(clean("abcdef", 4), "abcd… (2 characters cut)");
    }

    #[test]
    fn lines_over_the_budget_are_dropped_and_counted() {
        let (ring, log) = log(&Limits { log_lines: 2, ..Limits::default() });
        for text in ["one", "two", "three", "four"] {
            log.guest(LogLevel::Info, "stdout", text);
        }
        log.finish();
        let texts: Vec<String> = ring.after(0).lines.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "2 log lines were dropped: the call's log budget is used up"]);
    }

    #[test]
    fn bytes_over_the_budget_are_dropped() {
        let (ring, log) = log(&Limits { log_bytes: 5, ..Limits::default() });
        log.guest(LogLevel::Info, "stdout", "12345");
        log.guest(LogLevel::Info, "stdout", "6");
        assert_eq!(ring.after(0).lines.len(), 1);
    }

    #[test]
    fn the_ring_keeps_the_newest_lines() {
        let (ring, log) = log(&Limits::default());
        for number in 0..RING_LINES + 5 {
            log.engine(LogLevel::Info, &number.to_string());
        }
        let lines = ring.after(0).lines;
        assert_eq!(lines.len(), RING_LINES);
        assert_eq!(lines[0].text, "5");
    }

    #[test]
    fn a_reader_is_told_how_many_lines_it_missed() {
        let (ring, log) = log(&Limits::default());
        let mut reader = LogReader::new(ring);
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
        let (ring, log) = log(&Limits::default());
        let mut reader = LogReader::new(ring);
        let ((), ()) = tokio::join!(reader.grown(), async { log.engine(LogLevel::Info, "now") });
        assert_eq!(reader.read().lines[0].text, "now");
    }
}
