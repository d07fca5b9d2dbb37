//! The linear memory of all guests together, and the part of each app.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::fair_turns::is_fair;

/// Holds memory that a call may need more.
pub(super) trait ReclaimMemory: Send + Sync {
    /// Gives a part of it back, one of this app if there is one; false when none is left.
    fn reclaim_for(&self, app: &AppMemory) -> bool;
}

/// Bytes of linear memory that all calls together may hold.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    pub(super) bytes: u64,
    free: AtomicU64,
    /// The idle instances. Weak, since each of them holds the budget.
    idle: Weak<dyn ReclaimMemory>,
}

impl MemoryBudget {
    pub(super) fn new(bytes: u64, idle: Weak<dyn ReclaimMemory>) -> Self {
        Self { bytes, free: AtomicU64::new(bytes), idle }
    }

    /// The memory that all instances hold now, idle ones included.
    pub(super) fn held(&self) -> u64 {
        self.bytes.saturating_sub(self.free.load(Ordering::Relaxed))
    }
}

/// The part that the instances of one app hold, idle ones included. Beyond its first share an app gets only a fair
/// part.
#[derive(Debug)]
// On cache lines of its own: all processors write to it, and would take what lies beside it from each other.
#[repr(align(128))]
pub(crate) struct AppMemory {
    held: AtomicU64,
    budget: Arc<MemoryBudget>,
}

impl AppMemory {
    pub(super) fn new(budget: Arc<MemoryBudget>) -> Self {
        Self { held: AtomicU64::new(0), budget }
    }

    /// That of all apps, in bytes.
    pub(super) fn budget_bytes(&self) -> u64 {
        self.budget.bytes
    }

    /// False where the app cannot have so much.
    pub(super) fn take(&self, bytes: u64) -> bool {
        bytes == 0
            || self.try_take(bytes)
            || self.budget.idle.upgrade().is_some_and(|idle| self.take_from_idle(&*idle, bytes))
    }

    fn take_from_idle(&self, idle: &dyn ReclaimMemory, bytes: u64) -> bool {
        while idle.reclaim_for(self) {
            if self.try_take(bytes) {
                return true;
            }
        }
        false
    }

    // First what is the app's: what it cannot have is not missing for others for a moment.
    fn try_take(&self, bytes: u64) -> bool {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let taken = self.budget.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
            let left = free.checked_sub(bytes)?;
            (held == bytes || is_fair(held, left)).then_some(left)
        });
        if taken.is_err() {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.budget.free.fetch_add(bytes, Ordering::Relaxed);
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// No instance is idle.
    struct NoneIdle;

    impl ReclaimMemory for NoneIdle {
        fn reclaim_for(&self, _: &AppMemory) -> bool {
            false
        }
    }

    pub(in crate::sandbox) fn apps(budget: u64) -> [Arc<AppMemory>; 2] {
        let budget = Arc::new(MemoryBudget::new(budget, Weak::<NoneIdle>::new()));
        std::array::from_fn(|_| Arc::new(AppMemory::new(budget.clone())))
    }

    #[test]
    fn an_app_alone_leaves_a_part_to_others() {
        let [app, other] = apps(100);
        let taken = (0..100).filter(|_| app.take(1)).count();
        assert_eq!(taken, 75);
        assert!(other.take(10) && other.take(5));
        app.give_back(75);
        assert_eq!((app.held.load(Ordering::Relaxed), app.budget.held()), (0, 15));
    }
}
