//! What a circuit breaker shows of itself.

use serde::Serialize;

/// The decision of a breaker about the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// It passes.
    Closed,
    /// It fails at once while another call tries the engine.
    HalfOpen,
    /// It fails at once, or is the probe if the cool-down is over.
    Open,
}
