//! The log of a process that serves: lines on stderr.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::output_streams::{self, Streams};
use crate::error::{ServerError, Step as _};

/// The variable with the filter of the log.
const LOG_VARIABLE: &str = EnvFilter::DEFAULT_ENV;

/// Sends the log to stderr: what RUST_LOG names, else `filter`. From here on nothing in this process waits for a reader of its
/// streams, and a panic is a line of the log.
///
/// # Errors
/// There is no file handle left.
pub fn start(filter: &str) -> Result<(), ServerError> {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let streams =
        output_streams::begin(|lines| Some(gap_notice(lines))).step(|| "cannot open stderr for the log".to_owned())?;
    let named = std::env::var(LOG_VARIABLE).ok().filter(|named| !named.is_empty());
    let parsed = named.as_ref().map(EnvFilter::try_new).transpose();
    let (chosen, problem) = match parsed {
        Ok(chosen) => (chosen.unwrap_or_else(|| EnvFilter::new(filter)), None),
        Err(problem) => (EnvFilter::new(filter), Some(problem)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(chosen)
        .with_ansi(colours)
        .with_writer(move || &streams.stderr)
        // It would print to a stream that may be closed, and panic.
        .log_internal_errors(false)
        .init();
    panic::set_hook(Box::new(move |panic| log_panic(streams, panic)));
    if let Some(problem) = problem {
        tracing::warn!("`{LOG_VARIABLE}` is ignored: {problem}; the filter is `{filter}`");
    }
    Ok(())
}

fn gap_notice(lines: u64) -> String {
    line("WARN", &format!("{lines} lines of this log are lost here: its reader was too slow, or away"))
}

/// Past all that formats and filters lines: that may be what panicked.
fn log_panic(streams: &Streams, panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let text = panic.payload_as_str().unwrap_or("no text").replace('\n', "\\n");
    let thread = thread.name().unwrap_or("unnamed");
    let backtrace = Backtrace::capture();
    let trace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    streams.stderr.send(&line("ERROR", &format!("thread `{thread}` panicked{place}: {text}{trace}")));
}

fn line(level: &str, text: &str) -> String {
    let mut line = String::new();
    // A string takes everything, and a clock before 1970 leaves its place empty.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    line + &format!(" {level:>5} hookd: {text}\n")
}
