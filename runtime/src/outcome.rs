//! How a call ended, and what that looks like over HTTP.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

/// The end of one call. Errors, metrics, logs and policies all speak of these nine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Outcome {
    /// The function returned. JSON text; empty when it returned nothing.
    #[error("replied")]
    Replied(Bytes),
    /// The function returned an error of its own.
    #[error("{message}")]
    Failed {
        /// The function's code.
        code: i32,
        /// HTTP status, 400 to 599.
        status: u16,
        /// The function's text.
        message: String,
    },
    /// No answer within `limit`, or the CPU time `limit` was used up.
    #[error("the function did not answer within {} ms ({by})", limit.as_millis())]
    TimedOut {
        /// The limit that was reached.
        limit: Duration,
        /// Which one that was.
        by: TimeLimit,
    },
    /// The sandbox stopped the function.
    #[error("the function was stopped: {message}")]
    Trapped {
        /// Why.
        message: String,
    },
    /// The function needed more memory than it may use.
    #[error("the function needed more memory than its limit `memory_bytes` of {limit_bytes}")]
    OutOfMemory {
        /// The limit on linear memory.
        limit_bytes: u64,
    },
    /// Too many calls run and wait already, or they hold what they may of the memory for all calls.
    #[error("{0}; try again later")]
    Overloaded(Overload),
    /// The environment has no such function.
    #[error("no such function is defined")]
    NotDefined,
    /// The function returned something that is not JSON, or too much of it.
    #[error("the function's reply cannot be used: {message}")]
    BadReply {
        /// Why.
        message: String,
    },
    /// The engine cannot run the function now.
    #[error("the function cannot run: {message}")]
    Unavailable {
        /// Why.
        message: String,
    },
}

/// Which limit on time a call reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimeLimit {
    /// The app's or the function's own deadline.
    #[error("limit `deadline_ms`")]
    Deadline,
    /// The time that the call may compute.
    #[error("limit `cpu_time_ms`")]
    CpuTime,
    /// The caller waits no longer.
    #[error("the caller's own deadline")]
    Caller,
}

/// Why there was no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Overload {
    /// As many calls run as may, and as many wait as may.
    #[error("too many calls are running and waiting: the limits are `concurrency` {concurrency} and `queue` {queue}")]
    Calls {
        /// How many may run.
        concurrency: u32,
        /// How many may wait.
        queue: u32,
    },
    /// The running calls of the app hold what they may of the engine's memory for calls, or those of all apps all of it.
    #[error(
        "the running calls hold as much as they may of the memory for all calls, {budget_bytes} bytes (`--guest-memory`)"
    )]
    Memory {
        /// The engine's budget.
        budget_bytes: u64,
    },
}

/// The answer over HTTP to a call without a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFailure {
    /// HTTP status.
    pub status: u16,
    /// The body's `code`.
    pub code: i32,
    /// The body's `error`.
    pub error: String,
}

impl Outcome {
    /// Label in metrics and logs, and the value of the response header `X-Hookd-Outcome`, by which a remote IM core tells
    /// causes apart that share a status.
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or("unknown")
    }

    /// Every [`Outcome::name`].
    pub const NAMES: [&str; 9] = [
        "replied",
        "failed",
        "timeout",
        "trap",
        "out_of_memory",
        "overloaded",
        "not_defined",
        "bad_reply",
        "unavailable",
    ];

    /// Place of the name in [`Outcome::NAMES`].
    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Replied(_) => 0,
            Self::Failed { .. } => 1,
            Self::TimedOut { .. } => 2,
            Self::Trapped { .. } => 3,
            Self::OutOfMemory { .. } => 4,
            Self::Overloaded(_) => 5,
            Self::NotDefined => 6,
            Self::BadReply { .. } => 7,
            Self::Unavailable { .. } => 8,
        }
    }

    /// Status, code and text of `engine-contract` §1.9 and §1.10; `None` for a reply. `function` is the name called.
    pub fn wire_failure(&self, function: &str) -> Option<WireFailure> {
        let (status, code, error) = match self {
            Self::Replied(_) => return None,
            Self::Failed { code, status, message } => (*status, *code, message.clone()),
            Self::TimedOut { .. } => (503, 124, "The request timed out on the server.".to_owned()),
            Self::NotDefined => (404, 1, format!("No such cloud function '{function}'")),
            // The caller's fault in none of these: a server error that says what happened, as Node does.
            Self::Trapped { .. } | Self::OutOfMemory { .. } | Self::BadReply { .. } => (500, 1, self.to_string()),
            Self::Overloaded(_) | Self::Unavailable { .. } => (503, 1, self.to_string()),
        };
        Some(WireFailure { status, code, error })
    }

    /// A function's own refusal. A status that is not an error counts as 500, an empty text as `unknown error` (EC-15).
    pub(crate) fn failed(code: i32, status: u16, message: String) -> Self {
        let status = if (400..=599).contains(&status) { status } else { 500 };
        let message = if message.is_empty() { "unknown error".to_owned() } else { message };
        Self::Failed { code, status, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_the_literal_that_clients_match_on() {
        let failure =
            Outcome::TimedOut { limit: Duration::from_secs(1), by: TimeLimit::Deadline }.wire_failure("f").unwrap();
        let expected = WireFailure { status: 503, code: 124, error: "The request timed out on the server.".to_owned() };
        assert_eq!(failure, expected);
    }

    #[test]
    fn a_status_that_is_no_error_counts_as_500() {
        let Outcome::Failed { status, .. } = Outcome::failed(7, 200, String::new()) else { panic!("not failed") };
        assert_eq!(status, 500);
    }

    #[test]
    fn every_outcome_has_its_name() {
        let outcomes = [
            (Outcome::Replied(Bytes::new()), "replied"),
            (Outcome::failed(1, 400, String::new()), "failed"),
            (Outcome::TimedOut { limit: Duration::ZERO, by: TimeLimit::Deadline }, "timeout"),
            (Outcome::Trapped { message: String::new() }, "trap"),
            (Outcome::OutOfMemory { limit_bytes: 1 }, "out_of_memory"),
            (Outcome::Overloaded(Overload::Memory { budget_bytes: 1 }), "overloaded"),
            (Outcome::NotDefined, "not_defined"),
            (Outcome::BadReply { message: String::new() }, "bad_reply"),
            (Outcome::Unavailable { message: String::new() }, "unavailable"),
        ];
        assert_eq!(outcomes.len(), Outcome::NAMES.len());
        for (outcome, name) in outcomes {
            assert_eq!(outcome.name(), name);
        }
    }

    #[test]
    fn a_refusal_without_a_word_gets_one() {
        let Outcome::Failed { message, .. } = Outcome::failed(1, 400, String::new()) else { panic!("not failed") };
        assert_eq!(message, "unknown error");
    }

    #[test]
    fn only_a_reply_is_no_failure() {
        assert_eq!(Outcome::Replied(Bytes::new()).wire_failure("f"), None);
        assert!(Outcome::Overloaded(Overload::Memory { budget_bytes: 1 }).wire_failure("f").is_some());
    }
}
