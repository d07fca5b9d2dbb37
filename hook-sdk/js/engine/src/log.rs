//! Lines of the log. Before the snapshot they are collected for the deployment.

use std::cell::RefCell;

use crate::bindings::wasi::logging::logging;
use crate::preparation;

/// What is kept of the lines of an app's top level.
const COLLECTED_BYTES: usize = 256 * 1024;

thread_local! {
    static COLLECTED: RefCell<Vec<(&'static str, String)>> = const { RefCell::new(Vec::new()) };
}

/// Writes a line. An unknown level counts as `info`.
pub(crate) fn write(level: &str, text: &str) {
    let (name, level) = match level {
        "debug" => ("debug", logging::Level::Debug),
        "warn" => ("warn", logging::Level::Warn),
        "error" => ("error", logging::Level::Error),
        _ => ("info", logging::Level::Info),
    };
    if !preparation::is_preparing() {
        return logging::log(level, "", text);
    }
    COLLECTED.with_borrow_mut(|lines| {
        let used: usize = lines.iter().map(|(_, text)| text.len()).sum();
        if used.saturating_add(text.len()) <= COLLECTED_BYTES {
            lines.push((name, text.to_owned()));
        }
    });
}

/// The collected lines, with their levels.
pub(crate) fn take_collected() -> Vec<(&'static str, String)> {
    COLLECTED.take()
}
