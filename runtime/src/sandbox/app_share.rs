//! The share of one app in the resources of all guests.

use std::sync::{Arc, OnceLock};

use super::memory::{AppMemory, MemoryBudget};
use crate::call_chain::MAX_CALLS;
use crate::fair_turns::Holder;

/// Outlives changes of settings and keys: an app keeps its resources when its limits change.
#[derive(Debug, Default)]
pub(crate) struct SandboxShare {
    /// Slots for running calls, by how many calls wait for them.
    pub(super) call_slots: [Holder; MAX_CALLS],
    /// Linear memory, from the first call on.
    memory: OnceLock<Arc<AppMemory>>,
}

impl SandboxShare {
    pub(super) fn memory(&self, budget: &Arc<MemoryBudget>) -> &Arc<AppMemory> {
        self.memory.get_or_init(|| Arc::new(AppMemory::new(budget.clone())))
    }
}
