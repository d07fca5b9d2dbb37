//! `wasi:logging`: the log of a hook.

use wasmtime::component::{HasData, Linker};

use super::bindings::wasi::logging::logging::{self, Host, Level};
use super::state::CallState;
use crate::logs::{CallLog, LogLevel};

struct LoggingView<'a>(&'a CallLog);

/// Names the projection from a store's data to the view.
struct HasLogging;

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

pub(super) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    logging::add_to_linker::<_, HasLogging>(linker, |state| LoggingView(&state.log))
}
