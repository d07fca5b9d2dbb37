//! Memory and tables of one call, and the linear memory of all calls together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use wasmtime::ResourceLimiter;

use super::warm::IdleInstances;
use crate::limits::Limits;

/// Bytes of linear memory that all calls together may hold.
pub(super) struct MemoryBudget {
    free: AtomicU64,
    /// Hold memory that a call may need more. Weak, since each of them holds the budget.
    idle: Weak<IdleInstances>,
}

impl MemoryBudget {
    pub(super) fn new(bytes: u64, idle: Weak<IdleInstances>) -> Self {
        Self { free: AtomicU64::new(bytes), idle }
    }

    fn take(&self, bytes: u64) -> bool {
        self.try_take(bytes) || self.idle.upgrade().is_some_and(|idle| self.take_from_idle(&idle, bytes))
    }

    fn take_from_idle(&self, idle: &IdleInstances, bytes: u64) -> bool {
        while idle.give_way() {
            if self.try_take(bytes) {
                return true;
            }
        }
        false
    }

    fn try_take(&self, bytes: u64) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What was refused to a guest. A guest that then traps, traps for want of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Beyond the app's own limit.
    Limit,
    /// Within it, but all calls together hold the budget.
    Budget,
}

/// Watches one store.
pub(super) struct CallLimiter {
    memory_bytes: u64,
    table_elements: usize,
    held_bytes: u64,
    /// Of them, what the instance began with.
    initial_bytes: u64,
    budget: Arc<MemoryBudget>,
    pub(super) refused: Option<Refused>,
}

impl CallLimiter {
    pub(super) fn new(limits: &Limits, budget: Arc<MemoryBudget>) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            held_bytes: 0,
            initial_bytes: 0,
            budget,
            refused: None,
        }
    }

    /// The guest has what it begins with; from here on it grows.
    pub(super) fn instantiated(&mut self) {
        self.initial_bytes = self.held_bytes;
    }

    /// Linear memory beyond what the instance began with.
    pub(super) fn grown_bytes(&self) -> u64 {
        self.held_bytes.saturating_sub(self.initial_bytes)
    }

    /// For another call of the same instance, which keeps what it holds.
    pub(super) fn renew(&mut self, limits: &Limits) {
        self.memory_bytes = limits.memory_bytes;
        self.table_elements = limits.table_elements;
        self.refused = None;
    }

    fn grow(&mut self, current: usize, desired: usize) -> Result<(), Refused> {
        let more = desired.saturating_sub(current) as u64;
        // All memories of a component count together.
        if self.held_bytes.saturating_add(more) > self.memory_bytes {
            return Err(Refused::Limit);
        }
        if !self.budget.take(more) {
            return Err(Refused::Budget);
        }
        self.held_bytes += more;
        Ok(())
    }
}

impl ResourceLimiter for CallLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match self.grow(current, desired) {
            Ok(()) => Ok(true),
            Err(refused) => {
                self.refused = Some(refused);
                tracing::debug!(?refused, desired, limit = self.memory_bytes, "a guest was refused memory");
                Ok(false)
            }
        }
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements)
    }
}

impl Drop for CallLimiter {
    fn drop(&mut self) {
        self.budget.give_back(self.held_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory_bytes: u64, budget: &Arc<MemoryBudget>) -> CallLimiter {
        CallLimiter::new(&Limits { memory_bytes, ..Limits::default() }, budget.clone())
    }

    #[test]
    fn growth_beyond_the_limit_is_refused_and_remembered() {
        let budget = Arc::new(MemoryBudget::new(1_000, Weak::new()));
        let mut limiter = limiter(100, &budget);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap(), "two memories count together");
        assert_eq!(limiter.refused, Some(Refused::Limit));
    }

    #[test]
    fn growth_beyond_the_budget_is_refused_until_another_call_ends() {
        let budget = Arc::new(MemoryBudget::new(100, Weak::new()));
        let mut first = limiter(100, &budget);
        assert!(first.memory_growing(0, 80, None).unwrap());
        let mut second = limiter(100, &budget);
        assert!(!second.memory_growing(0, 80, None).unwrap());
        assert_eq!(second.refused, Some(Refused::Budget));
        drop(first);
        assert!(second.memory_growing(0, 80, None).unwrap());
    }
}
