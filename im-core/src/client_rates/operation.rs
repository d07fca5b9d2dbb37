//! Types of operations, as clients' rates count them.

use std::fmt;

use crate::app::ImSettings;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// To send a message.
    Send,
    /// To read the history.
    QueryHistory,
    /// Anything else. Each command with its operation is a type for itself.
    Other {
        /// As on the wire.
        command: &'static str,
        /// As on the wire; empty where the command has none.
        op: &'static str,
    },
}

/// The limits, in the order of [`Operation::number`].
pub(super) fn limits(settings: &ImSettings) -> [u32; 3] {
    [
        settings.client_sends_per_minute,
        settings.client_history_queries_per_minute,
        settings.client_operations_per_minute,
    ]
}

impl Operation {
    /// To log in.
    pub const LOG_IN: Self = Self::Other { command: "session", op: "open" };

    /// Which of the limits counts.
    pub(super) fn number(self) -> usize {
        match self {
            Self::Send => 0,
            Self::QueryHistory => 1,
            Self::Other { .. } => 2,
        }
    }

    /// How often in a minute; 0: as often as it likes.
    pub(super) fn limit(self, settings: &ImSettings) -> u32 {
        let [sends, history_queries, others] = limits(settings);
        match self {
            Self::Send => sends,
            Self::QueryHistory => history_queries,
            Self::Other { .. } => others,
        }
    }

    /// The name of its limit in settings.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Send => "client_sends_per_minute",
            Self::QueryHistory => "client_history_queries_per_minute",
            Self::Other { .. } => "client_operations_per_minute",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => formatter.write_str("direct"),
            Self::QueryHistory => formatter.write_str("logs"),
            Self::Other { command, op: "" } => formatter.write_str(command),
            Self::Other { command, op } => write!(formatter, "{command}/{op}"),
        }
    }
}
