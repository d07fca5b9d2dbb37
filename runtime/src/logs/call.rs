//! The log of one call, within its budget.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::app_log::AppLog;
use super::{LogLevel, LogLine};
use api_types::Environment;
use api_types::Limits;

/// Longest line that is kept, in characters (EC-34).
const MAX_LINE_CHARS: usize = 4_096;

/// The log of one call.
#[derive(Debug)]
pub(crate) struct CallLog {
    app_log: Arc<AppLog>,
    app_id: String,
    version: u64,
    function: String,
    request_id: String,
    environment: Option<Environment>,
    budget: Mutex<Budget>,
}

#[derive(Debug)]
struct Budget {
    bytes: usize,
    lines: u32,
    dropped: u32,
    /// The limit that was reached first, with its value.
    met: Option<(&'static str, u64)>,
    log_bytes: u64,
    log_lines: u64,
    /// Its errors, for who waits for the call.
    errors: String,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        let (bytes, lines) = (limits.log_bytes, limits.log_lines);
        Self {
            bytes,
            lines,
            dropped: 0,
            met: None,
            log_bytes: bytes as u64,
            log_lines: lines.into(),
            errors: String::new(),
        }
    }

    fn used(&self) -> (usize, u32) {
        let bytes = usize::try_from(self.log_bytes).unwrap_or(usize::MAX);
        let lines = u32::try_from(self.log_lines).unwrap_or(u32::MAX);
        (bytes - self.bytes, lines - self.lines)
    }

    /// False when a line of so many bytes is dropped.
    fn take(&mut self, bytes: usize) -> bool {
        let met = match (self.lines.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(lines), Some(bytes)) => {
                (self.lines, self.bytes) = (lines, bytes);
                return true;
            }
            (None, _) => ("log_lines", self.log_lines),
            (_, None) => ("log_bytes", self.log_bytes),
        };
        self.met.get_or_insert(met);
        self.dropped = self.dropped.saturating_add(1);
        false
    }
}

impl CallLog {
    pub(crate) fn new(
        app_log: Arc<AppLog>,
        app_id: &str,
        version: u64,
        function: &str,
        request_id: String,
        limits: &Limits,
    ) -> Self {
        Self {
            app_log,
            app_id: app_id.to_owned(),
            version,
            function: function.to_owned(),
            request_id,
            environment: None,
            budget: Mutex::new(Budget::new(limits)),
        }
    }

    /// Where the version that is called is live; one that is only being deployed is live nowhere yet.
    pub(crate) fn in_environment(self, environment: Environment) -> Self {
        Self { environment: Some(environment), ..self }
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(crate) fn function(&self) -> &str {
        &self.function
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Bytes and lines that were used of its budget.
    pub(crate) fn used(&self) -> (usize, u32) {
        let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.used()
    }

    /// A line of the function; dropped and counted once the call's budget is used up.
    pub(crate) fn guest(&self, level: LogLevel, source: &str, text: &str) {
        let text = clean(text, MAX_LINE_CHARS);
        {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            if !budget.take(text.len()) {
                return;
            }
            if level == LogLevel::Error && budget.errors.len() < MAX_LINE_CHARS {
                budget.errors.push_str(&text);
                budget.errors.push('\n');
            }
        }
        self.write(level, &clean(source, 128), text);
    }

    /// The first lines that the function logged as errors.
    pub(crate) fn errors(&self) -> String {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).errors.trim_end().to_owned()
    }

    /// A line of the engine about the call; not subject to the budget.
    pub(crate) fn engine(&self, level: LogLevel, text: &str) {
        self.write(level, "engine", clean(text, MAX_LINE_CHARS));
    }

    /// Says how many lines were dropped. A cancelled guest may write until its tick is over: these lines are not kept.
    pub(crate) fn finish(&self) {
        let (dropped, met) = {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.lines = 0;
            (budget.dropped, budget.met)
        };
        if let Some((limit, value)) = met {
            self.app_log.ring().count_over_budget(dropped);
            self.engine(LogLevel::Warn, &format!("{dropped} log lines were dropped: the limit `{limit}` is {value}"));
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
        self.app_log.push(LogLine {
            id: 0,
            time: SystemTime::now(),
            environment: self.environment,
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

    fn log(limits: &Limits) -> (Arc<AppLog>, CallLog) {
        let app_log = Arc::new(AppLog::default());
        let log = CallLog::new(app_log.clone(), "demo", 1, "hello", "r1".to_owned(), limits);
        (app_log, log)
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
        let (app_log, log) = log(&Limits { log_lines: 2, ..Limits::default() });
        for text in ["one", "two", "three", "four"] {
            log.guest(LogLevel::Info, "stdout", text);
        }
        log.finish();
        let texts: Vec<String> = app_log.ring().after(0).lines.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "2 log lines were dropped: the limit `log_lines` is 2"]);
    }

    #[test]
    fn bytes_over_the_budget_are_dropped() {
        let (app_log, log) = log(&Limits { log_bytes: 5, ..Limits::default() });
        log.guest(LogLevel::Info, "stdout", "12345");
        log.guest(LogLevel::Info, "stdout", "6");
        assert_eq!(app_log.ring().after(0).lines.len(), 1);
    }
}
