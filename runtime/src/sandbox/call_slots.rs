//! Slots of the pool of instances, for the running calls of all apps.

use super::app_share::SandboxShare;
use crate::call_chain::MAX_CALLS;
use crate::fair_turns::{FairTurns, Turn};

/// As many as the pool has for calls, so that the pool never refuses. Those of calls that other calls wait for are kept
/// apart, by how many wait: the last of a chain waits for no other call, so its slot comes free, then that of the one before
/// it, and so on. No app may have all of either kind.
pub(crate) struct CallSlots {
    /// By the number of calls behind.
    levels: [FairTurns; MAX_CALLS],
}

impl CallSlots {
    pub(crate) fn new(concurrent_calls: u32) -> Self {
        Self { levels: std::array::from_fn(|behind| FairTurns::new(of_level(behind, concurrent_calls))) }
    }

    /// Waits for a slot for a call with so many others behind it; `None` when there may not be so many. Who waits is bounded
    /// by the places of its app, or by the requests of functions that are in flight.
    pub(crate) async fn take<'a>(&'a self, behind: usize, app: &'a SandboxShare) -> Option<Turn<'a>> {
        let (level, holder) = (self.levels.get(behind)?, app.call_slots.get(behind)?);
        Some(level.take(holder).await)
    }
}

/// Calls with others behind them that run at the same time, besides all others.
pub(super) fn nested_calls(concurrent_calls: u32) -> u32 {
    (1..MAX_CALLS).map(|behind| of_level(behind, concurrent_calls)).sum()
}

fn of_level(behind: usize, concurrent_calls: u32) -> u32 {
    match behind {
        0 => concurrent_calls,
        _ => (concurrent_calls / 8).max(1),
    }
}
