//! Places for the calls of all apps.

use tokio::sync::SemaphorePermit;

use crate::admission::{Admission, QueueFull};
use crate::call_chain::MAX_CALLS;

/// As many places as the pool has slots, so that the pool never refuses. Those of calls that other calls wait for are kept
/// apart, by how many wait: the last of a chain waits for no other call, so its place comes free, then that of the one before
/// it, and so on.
pub(super) struct Places {
    /// By the number of calls behind.
    levels: [Admission; MAX_CALLS],
}

impl Places {
    pub(super) fn new(concurrent_calls: u32) -> Self {
        // Bounded by the queues of the apps, and by the requests of functions that are in flight.
        let level = |behind: usize| Admission::new(of_level(behind, concurrent_calls), u32::MAX);
        Self { levels: std::array::from_fn(level) }
    }

    /// Waits for a place for a call with so many others behind it.
    pub(super) async fn take(&self, behind: usize) -> Result<SemaphorePermit<'_>, QueueFull> {
        self.levels.get(behind).ok_or(QueueFull)?.admit().await
    }
}

/// Calls with others behind them that run at the same time, besides all others.
pub(crate) fn nested_calls(concurrent_calls: u32) -> u32 {
    (1..MAX_CALLS).map(|behind| of_level(behind, concurrent_calls)).sum()
}

fn of_level(behind: usize, concurrent_calls: u32) -> u32 {
    match behind {
        0 => concurrent_calls,
        _ => (concurrent_calls / 8).max(1),
    }
}
