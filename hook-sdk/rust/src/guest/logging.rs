//! Log entries through `wasi:logging`.

use std::cell::RefCell;
use std::{fmt, mem, panic};

use crate::bindings::wasi::logging::logging;
use crate::log::{Level, Session, Stream};

/// The session that the macros submit.
pub const SESSION: Session = Session { start, finish };

#[cfg(feature = "log")]
inventory::submit! { SESSION }

thread_local! {
    /// Printed text that has no line end yet.
    static UNFINISHED_LINES: RefCell<UnfinishedLines> = const {
        RefCell::new(UnfinishedLines { stdout: String::new(), stderr: String::new() })
    };
}

struct UnfinishedLines {
    stdout: String,
    stderr: String,
}

/// Warm instances start many calls; all but the first change nothing.
fn start() {
    panic::set_hook(Box::new(|panic| {
        finish();
        log(Level::Error, "panic", format_args!("{panic}"));
    }));
    #[cfg(feature = "log")]
    if ::log::set_logger(&records::Logger).is_ok() {
        ::log::set_max_level(::log::LevelFilter::Trace);
    }
}

/// The call is over: what has no line end gets none any more.
fn finish() {
    for stream in [Stream::Stdout, Stream::Stderr] {
        let rest = with_line(stream, mem::take);
        if !rest.is_empty() {
            write_line(stream, &rest);
        }
    }
}

/// Prints to a stream, line by line.
pub fn print(stream: Stream, text: fmt::Arguments<'_>) {
    // Formatted first, outside the borrow: what is formatted may print too.
    let text = text.to_string();
    let Some((lines, rest)) = text.rsplit_once('\n') else {
        with_line(stream, |line| line.push_str(&text));
        return;
    };
    let mut first = with_line(stream, |line| mem::replace(line, rest.to_owned()));
    first.push_str(lines);
    for line in first.split('\n') {
        write_line(stream, line);
    }
}

fn with_line<T>(stream: Stream, act: impl FnOnce(&mut String) -> T) -> T {
    UNFINISHED_LINES.with_borrow_mut(|lines| match stream {
        Stream::Stdout => act(&mut lines.stdout),
        Stream::Stderr => act(&mut lines.stderr),
    })
}

fn write_line(stream: Stream, line: &str) {
    match stream {
        Stream::Stdout => logging::log(logging::Level::Info, "stdout", line),
        Stream::Stderr => logging::log(logging::Level::Error, "stderr", line),
    }
}

/// Writes one entry.
pub fn log(level: Level, source: &str, message: fmt::Arguments<'_>) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    match message.as_str() {
        Some(text) => logging::log(level, source, text),
        None => logging::log(level, source, &message.to_string()),
    }
}

#[cfg(feature = "log")]
mod records {
    use crate::log::Level;

    /// Takes the records of the crate `log`.
    pub struct Logger;

    impl ::log::Log for Logger {
        fn enabled(&self, _metadata: &::log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &::log::Record<'_>) {
            let level = match record.level() {
                ::log::Level::Trace => Level::Trace,
                ::log::Level::Debug => Level::Debug,
                ::log::Level::Info => Level::Info,
                ::log::Level::Warn => Level::Warn,
                ::log::Level::Error => Level::Error,
            };
            super::log(level, record.target(), *record.args());
        }

        fn flush(&self) {}
    }
}
