//! Instances of warm versions between their calls.
//!
//! An instance that waits has a slot of the pool of its own, besides those of running calls, so it can take no call's
//! place; the memory that it holds goes to a call that needs it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};

use super::Sandbox;
use super::invoke::{GuestCall, Instance};
use super::limiter::AppMemory;
use crate::config::EngineConfig;
use crate::outcome::Outcome;
use api_types::Limits;

/// Waiting instances of one version: half of what may wait by default, so that no version has all of it.
const IDLE_PER_VERSION: usize = 32;

/// Between two looks at the instances that wait.
const SHORTEST_REST: Duration = Duration::from_millis(10);

/// An instance that may serve another call.
pub(super) struct WarmInstance {
    instance: Instance,
    /// Of the variables that it was made with.
    variables_number: u64,
    calls: u32,
}

/// An instance in the hands of a call. Dropped before the call came to its end, it is gone.
pub(super) struct TakenInstance<'a> {
    shelf: &'a Shelf,
    warm: Box<WarmInstance>,
    given_up: GivenUp<'a>,
}

struct Idle {
    shelf: u64,
    /// Which thread it served last: its memory is in the caches of that processor.
    thread: ThreadId,
    since: Instant,
    instance: Box<WarmInstance>,
}

/// All instances that wait, of all versions.
pub(super) struct IdleInstances {
    waiting: Mutex<Waiting>,
    limit: usize,
    idle_time: Duration,
    next_shelf: AtomicU64,
    metrics: WarmMetrics,
}

#[derive(Default)]
struct Waiting {
    /// Oldest first. A plain list: it is short, and a search in it is faster than hashing.
    instances: VecDeque<Idle>,
    /// Calls since the last update of the metric: a call that takes an instance has the lock anyway.
    reused: u64,
}

/// Handles fetched once: looking a metric up by name costs as much as taking an instance.
struct WarmMetrics {
    reused: Counter,
    fresh: Counter,
    failed: Counter,
    worn_out: Counter,
    grown: Counter,
    idle: Counter,
    crowded: Counter,
    released: Counter,
}

impl WarmMetrics {
    fn new() -> Self {
        let calls = |instance: &'static str| counter!("hookd_warm_calls_total", "instance" => instance);
        let dropped = |reason: &'static str| counter!("hookd_warm_instances_dropped_total", "reason" => reason);
        Self {
            reused: calls("reused"),
            fresh: calls("fresh"),
            failed: dropped("failure"),
            worn_out: dropped("calls"),
            grown: dropped("growth"),
            idle: dropped("idle"),
            crowded: dropped("room"),
            released: dropped("release"),
        }
    }
}

/// Where the instances of one release wait. No other version, environment or app takes from it. It is dropped with the
/// release and drops them.
pub(crate) struct Shelf {
    id: u64,
    idle: Arc<IdleInstances>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shelf").field(&self.id).finish()
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Shelf {
    /// Drops the instances that wait: the data that they read before are out of date.
    pub(crate) fn clear(&self) {
        let gone = self.idle.remove(|idle| idle.shelf == self.id);
        self.idle.metrics.released.increment(gone.len() as u64);
    }
}

impl IdleInstances {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            waiting: Mutex::default(),
            limit: config.idle_instances as usize,
            idle_time: config.idle_time,
            next_shelf: AtomicU64::new(0),
            metrics: WarmMetrics::new(),
        }
    }

    pub(super) fn shelf(self: &Arc<Self>) -> Shelf {
        Shelf { id: self.next_shelf.fetch_add(1, Ordering::Relaxed), idle: self.clone() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting().instances.len()
    }

    /// Updates the metrics before they are read.
    pub(super) fn publish(&self) {
        let reused = std::mem::take(&mut self.waiting().reused);
        self.metrics.reused.increment(reused);
    }

    /// Drops those that waited too long; the time until that happens to the next one, at most the whole idle time.
    pub(super) fn expire(&self) -> Duration {
        let now = Instant::now();
        let age = |idle: &Idle| now.saturating_duration_since(idle.since);
        let expired = self.remove(|idle| age(idle) >= self.idle_time);
        self.metrics.idle.increment(expired.len() as u64);
        let oldest = self.waiting().instances.front().map_or(Duration::ZERO, age);
        self.idle_time.saturating_sub(oldest).max(SHORTEST_REST)
    }

    /// Drops the one that waited longest, of this app if there is one of it; false when none is left.
    pub(super) fn give_way_to(&self, app: &AppMemory) -> bool {
        let mut waiting = self.waiting();
        let of_app = |idle: &Idle| std::ptr::eq(idle.instance.instance.store.data().limiter.memory(), app);
        let oldest = waiting.instances.iter().position(of_app).unwrap_or_default();
        let given_up = waiting.instances.remove(oldest);
        drop(waiting);
        self.metrics.crowded.increment(u64::from(given_up.is_some()));
        given_up.is_some()
    }

    fn take(&self, shelf: u64, variables_number: u64) -> Option<Box<WarmInstance>> {
        let thread = thread::current().id();
        let mut waiting = self.waiting();
        // The newest of this thread, else the newest: its memory is the most likely to be in this processor's caches.
        let instances = &mut waiting.instances;
        let fits = |idle: &Idle| idle.shelf == shelf && idle.instance.variables_number == variables_number;
        let near = instances.iter().rposition(|idle| fits(idle) && idle.thread == thread);
        let at = near.or_else(|| instances.iter().rposition(fits))?;
        let taken = instances.remove(at)?;
        waiting.reused += 1;
        Some(taken.instance)
    }

    fn put(&self, shelf: u64, instance: Box<WarmInstance>) {
        let thread = thread::current().id();
        let mut waiting = self.waiting();
        let of_shelf = |idle: &Idle| idle.shelf == shelf;
        let instances = &mut waiting.instances;
        let crowded = if instances.iter().filter(|idle| of_shelf(idle)).count() >= IDLE_PER_VERSION {
            instances.iter().position(of_shelf).and_then(|at| instances.remove(at))
        } else if instances.len() >= self.limit {
            instances.pop_front()
        } else {
            None
        };
        if instances.len() < self.limit {
            instances.push_back(Idle { shelf, thread, since: Instant::now(), instance });
        }
        drop(waiting);
        // Counting nothing would still be a write to memory that all processors share.
        if crowded.is_some() {
            self.metrics.crowded.increment(1);
        }
    }

    /// Handed out, to be dropped outside the lock: giving a slot back takes system calls.
    fn remove(&self, condition: impl Fn(&Idle) -> bool) -> VecDeque<Idle> {
        let mut waiting = self.waiting();
        let (removed, kept) = waiting.instances.drain(..).partition(condition);
        waiting.instances = kept;
        removed
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// An instance that waits on the shelf, or a new one, ready for a call.
    pub(super) fn take_warm<'a>(&self, shelf: &'a Shelf, call: &GuestCall<'_>) -> TakenInstance<'a> {
        let metrics = &shelf.idle.metrics;
        let warm = match shelf.idle.take(shelf.id, call.variables_number) {
            Some(mut warm) => {
                warm.instance.store.data_mut().renew(call.limits, call.log.clone(), call.deadline);
                Self::arm(&mut warm.instance.store, call.limits);
                warm
            }
            None => {
                metrics.fresh.increment(1);
                let store = self.store(call.limits, call.log.clone(), Some(call.deadline), call.share);
                Box::new(WarmInstance {
                    instance: Instance::new(store),
                    variables_number: call.variables_number,
                    calls: 0,
                })
            }
        };
        TakenInstance { shelf, warm, given_up: GivenUp(&metrics.failed) }
    }
}

impl TakenInstance<'_> {
    pub(super) fn instance(&mut self) -> &mut Instance {
        &mut self.warm.instance
    }

    /// Puts it back on the shelf when its call ended with a reply; a call that fails in any way takes the instance with it.
    pub(super) fn end(self, outcome: &Outcome, limits: &Limits) {
        let Self { shelf, mut warm, given_up } = self;
        std::mem::forget(given_up);
        warm.instance.store.data_mut().end_call();
        warm.calls += 1;
        match reason_to_drop(&warm, outcome, limits, &shelf.idle.metrics) {
            Some(reason) => reason.increment(1),
            None => shelf.idle.put(shelf.id, warm),
        }
    }
}

/// Counts an instance whose call does not come to its end.
struct GivenUp<'a>(&'a Counter);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.increment(1);
    }
}

/// A function's own error counts as a failure too: in a language runtime it is often an exception that left half of its
/// work behind.
fn reason_to_drop<'a>(
    warm: &WarmInstance,
    outcome: &Outcome,
    limits: &Limits,
    metrics: &'a WarmMetrics,
) -> Option<&'a Counter> {
    let limiter = &warm.instance.store.data().limiter;
    if !matches!(outcome, Outcome::Replied(_)) || limiter.refused.is_some() {
        Some(&metrics.failed)
    } else if warm.calls >= limits.warm_calls {
        Some(&metrics.worn_out)
    } else if limiter.grown_bytes() > limits.warm_growth_bytes {
        Some(&metrics.grown)
    } else {
        None
    }
}
