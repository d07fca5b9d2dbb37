//! `wasi:logging`: the log of a hook.

use wasmtime::component::HasData;

use super::bindings::wasi::logging::logging::{Host, Level};
use crate::logs::{CallLog, LogLevel};

pub(super) struct LoggingView<'a>(pub(super) &'a CallLog);

/// Names the projection from a store's data to the view.
pub(super) struct HasLogging;

impl HasData for HasLogging {
    type Data<'a> = LoggingView<'a>;
}

impl Host for LoggingView<'_> {
    fn log(&mut self, level: Level, context: String, message: String) {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error | Level::Critical => LogLevel::Error,
        };
        self.0.guest(level, &context, &message);
    }
}
