//! Memory and tables of one call.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::memory::AppMemory;
use api_types::Limits;

/// The resource that was refused to a guest. When the guest then traps, this is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Memory beyond the app's own limit.
    Limit,
    /// Memory within it, but beyond what the app may hold of the budget of so many bytes.
    Budget(u64),
    /// A table of so many elements.
    Table(usize),
}

/// Watches one store.
pub(super) struct CallLimiter {
    memory_bytes: u64,
    table_elements: usize,
    pub(super) held_bytes: u64,
    /// The part of them that the instance began with.
    initial_bytes: u64,
    memory: Arc<AppMemory>,
    pub(super) refused: Option<Refused>,
}

impl CallLimiter {
    pub(super) fn new(limits: &Limits, memory: Arc<AppMemory>) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            held_bytes: 0,
            initial_bytes: 0,
            memory,
            refused: None,
        }
    }

    /// That of its app.
    pub(super) fn memory(&self) -> &AppMemory {
        &self.memory
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
        if !self.memory.take(more) {
            return Err(Refused::Budget(self.memory.budget_bytes()));
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
        let allowed = desired <= self.table_elements;
        if !allowed {
            self.refused = Some(Refused::Table(desired));
        }
        Ok(allowed)
    }
}

impl Drop for CallLimiter {
    fn drop(&mut self) {
        self.memory.give_back(self.held_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::apps;
    use super::*;

    fn limiter(memory_bytes: u64, app: &Arc<AppMemory>) -> CallLimiter {
        CallLimiter::new(&Limits { memory_bytes, ..Limits::default() }, app.clone())
    }

    #[test]
    fn growth_beyond_the_limit_is_refused_and_remembered() {
        let [app, _] = apps(1_000);
        let mut limiter = limiter(100, &app);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap(), "two memories count together");
        assert_eq!(limiter.refused, Some(Refused::Limit));
    }

    #[test]
    fn growth_beyond_the_budget_is_refused_until_another_call_ends() {
        let [app, other] = apps(100);
        let mut first = limiter(100, &app);
        assert!(first.memory_growing(0, 80, None).unwrap());
        let mut second = limiter(100, &other);
        assert!(!second.memory_growing(0, 80, None).unwrap());
        assert_eq!(second.refused, Some(Refused::Budget(100)));
        drop(first);
        assert!(second.memory_growing(0, 80, None).unwrap());
    }

    #[test]
    fn the_calls_of_one_app_leave_a_part_to_others() {
        let [app, other] = apps(100);
        let mut calls: Vec<CallLimiter> = (0..100).map(|_| limiter(100, &app)).collect();
        let grown =
            calls.iter_mut().filter_map(|call| call.memory_growing(0, 1, None).ok().filter(|grown| *grown)).count();
        assert_eq!(grown, 75);
        assert_eq!(calls[99].refused, Some(Refused::Budget(100)));
        let mut neighbour = limiter(100, &other);
        assert!(neighbour.memory_growing(0, 10, None).unwrap() && neighbour.memory_growing(0, 5, None).unwrap());
        drop(calls);
        assert!(neighbour.memory_growing(15, 75, None).unwrap());
    }
}
