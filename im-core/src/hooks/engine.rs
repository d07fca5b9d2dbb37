//! The seam to the engine: one trait, two ways to reach it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::app::App;
use crate::ids::AppId;

/// One call of a hook.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// The app whose hook it is.
    pub app: Arc<App>,
    /// The reserved name, e.g. `_messageReceived`.
    pub hook: &'static str,
    /// The parameter object as JSON text.
    pub params: Bytes,
    /// Sent as `Forwarded` (EC-32).
    pub remote_address: Option<IpAddr>,
    /// Names a queued call, the same on every attempt, and grows from call to call; blocking hooks have none.
    pub sequence: Option<u64>,
    /// Counted from now; covers queueing, CPU time and the way there and back.
    pub deadline: Duration,
}

/// Why a hook gave no answer. Also a metrics label, and a key of `hook_failure_policies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The function returned an error.
    Failed,
    /// No answer within the deadline.
    TimedOut,
    /// The sandbox trapped.
    Trapped,
    /// The memory limit was reached.
    OutOfMemory,
    /// The engine had no room for the call.
    Overloaded,
    /// An answer that is not a JSON object or null, or not what the hook may return.
    BadReply,
    /// The engine cannot be reached or refused the credentials.
    Unavailable,
}

impl FailureCause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::TimedOut,
        Self::Trapped,
        Self::OutOfMemory,
        Self::Overloaded,
        Self::BadReply,
        Self::Unavailable,
    ];

    /// The word used in settings, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Trapped => "trap",
            Self::OutOfMemory => "out_of_memory",
            Self::Overloaded => "overloaded",
            Self::BadReply => "bad_reply",
            Self::Unavailable => "unavailable",
        }
    }

    /// True when the engine itself is dead or overloaded; the other causes are answers of a healthy engine.
    pub(super) fn is_the_engines(self) -> bool {
        match self {
            Self::TimedOut | Self::Overloaded | Self::Unavailable => true,
            Self::Failed | Self::Trapped | Self::OutOfMemory | Self::BadReply => false,
        }
    }
}

/// A failed hook call.
#[derive(Clone, Debug, Error)]
#[error("{}: {message}", cause.name())]
pub struct HookFailure {
    /// The kind.
    pub cause: FailureCause,
    /// Text for logs and for the `detail` that clients see under `abort`.
    pub message: String,
}

impl HookFailure {
    /// The text, where it may be logged: what a function says when it fails is its author's and may quote the message;
    /// its own log has it.
    pub(super) fn loggable(&self) -> Option<&str> {
        (self.cause != FailureCause::Failed).then_some(self.message.as_str())
    }
}

/// Where hooks run. In one process: the engine itself, in memory. Else: a client of it over HTTP.
#[async_trait]
pub trait HookEngine: Send + Sync + 'static {
    /// True when the production environment of the app defines the hook (EC-28). No I/O: it is asked for every message.
    fn defines(&self, app: &App, hook: &str) -> bool;

    /// Lets go of what it keeps for an app that was deleted.
    fn forget(&self, _app: &AppId) {}

    /// Calls the hook; answers the JSON text of the `result` value (`null` when there was none).
    async fn call(&self, call: HookCall) -> Result<Bytes, HookFailure>;
}
