//! The lines that functions write: bounded per line, per call and per app, in memory and on disk.
//!
//! A line goes into the ring of its app's log ([`AppLog`]), which is what followers read and the queue of the thread that writes the
//! files ([`LogDisk`]): no call ever waits for the disk.

mod app_log;
mod app_share;
mod backwards;
mod call;
mod damage;
mod disk;
mod history;
mod record;
mod retention;
mod ring;
mod segments;

use std::time::SystemTime;

pub(crate) use self::app_log::AppLog;
pub(crate) use self::app_share::LogShare;
pub(crate) use self::call::CallLog;
pub(crate) use self::disk::LogDisk;
pub(crate) use self::history::read;
pub use self::history::{LogHistory, LogQuery, LogsError, Unreadable};
pub use self::retention::LogRetention;
pub use self::ring::{LogBatch, LogReader};
use api_types::Environment;
pub use api_types::control::LogLevel;

/// One line of a function's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Grows with every line of the app, also over restarts.
    pub id: u64,
    /// When the engine got it.
    pub time: SystemTime,
    /// Where the version is live that wrote it; absent while it is being deployed.
    pub environment: Option<Environment>,
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
