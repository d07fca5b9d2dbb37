//! The log of an app's functions.

use serde::{Deserialize, Serialize};

use crate::Environment;

/// Which lines of the log to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsQuery {
    /// So many of the newest lines that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only those of this function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Only those of this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Only those of the versions of this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Only those of this level and above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// Only those since this time; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only those before this time; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Go on with new lines.
    #[serde(default)]
    pub follow: bool,
}

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the usual five")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// As in answers and in the URL's query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LogEvent {
    /// A line of the log.
    Line(LogLine),
    /// Lines before the next one came too fast to be shown.
    Dropped {
        /// How many.
        lines: u64,
    },
    /// Before all lines: what lies on disk and cannot be read.
    Unreadable {
        /// Damaged lines.
        lines: u64,
        /// Files of which no line can be read.
        files: u64,
    },
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Grows with every line of the app, also over restarts.
    pub id: u64,
    /// When the engine got it, as `2026-11-21T05:16:36.123Z`.
    pub time: String,
    /// Severity; `stdout` counts as info and `stderr` as warn.
    pub level: LogLevel,
    /// The app.
    pub app_id: String,
    /// Where the version is live that wrote it; `null` while it is being deployed.
    pub environment: Option<Environment>,
    /// Version of the app.
    pub version: u64,
    /// Function called.
    pub function: String,
    /// The call.
    pub request_id: String,
    /// `stdout`, `stderr`, `engine`, or the name that the function's logger gives itself.
    pub source: String,
    /// Without control characters; line breaks are written `\n`.
    pub text: String,
}
