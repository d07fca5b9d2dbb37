//! Circuit breakers of hooks.

use serde::{Deserialize, Serialize};

/// The circuit breaker of a hook of production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// The hook.
    pub hook: String,
    /// Its state.
    pub state: BreakerState,
    /// Failures of the engine since its last answer.
    pub failures_in_a_row: u32,
    /// The cause of the last failure, such as `unavailable`.
    pub last_cause: Option<String>,
    /// Time since the engine failed too often, in ms; `null` while calls pass.
    pub open_for_ms: Option<u64>,
    /// Time until an open breaker lets a call try, in ms.
    pub next_try_ms: Option<u64>,
}

/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// The call passes.
    Closed,
    /// The call fails at once while another one tries the engine.
    HalfOpen,
    /// The call fails at once, or tries the engine when the time for it has come.
    Open,
}
