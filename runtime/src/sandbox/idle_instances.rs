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

use super::instance::Instance;
use super::memory::{AppMemory, ReclaimMemory};
use crate::config::EngineConfig;

/// Waiting instances of one version: half of what may wait by default, so that no version has all of it.
const IDLE_PER_VERSION: usize = 32;

/// Between two looks at the instances that wait.
const SHORTEST_REST: Duration = Duration::from_millis(10);

/// An instance that may serve another call.
pub(super) struct WarmInstance {
    pub(super) instance: Instance,
    /// Of the variables that it was made with.
    pub(super) variables_number: u64,
    pub(super) calls: u32,
}

struct Idle {
    /// Number of its release.
    release: u64,
    /// Which thread it served last: its memory is in the caches of that processor.
    thread: ThreadId,
    since: Instant,
    instance: Box<WarmInstance>,
}

/// All instances that wait, of all versions.
pub(super) struct AllIdleInstances {
    waiting: Mutex<Waiting>,
    limit: usize,
    idle_time: Duration,
    next_release: AtomicU64,
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
pub(super) struct WarmMetrics {
    reused: Counter,
    pub(super) fresh: Counter,
    pub(super) failed: Counter,
    pub(super) worn_out: Counter,
    pub(super) grown: Counter,
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

/// The waiting instances of one release. No other version, environment or app takes from them. It is dropped with the
/// release and drops them.
pub(crate) struct IdleInstances {
    /// Number of the release, for the life of the process.
    release: u64,
    all: Arc<AllIdleInstances>,
}

impl std::fmt::Debug for IdleInstances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IdleInstances").field(&self.release).finish()
    }
}

impl Drop for IdleInstances {
    fn drop(&mut self) {
        self.clear();
    }
}

impl IdleInstances {
    /// Drops the instances that wait: the data that they read before are out of date.
    pub(crate) fn clear(&self) {
        let gone = self.all.remove(|idle| idle.release == self.release);
        self.all.metrics.released.increment(gone.len() as u64);
    }

    /// One that was made with these variables.
    pub(super) fn take(&self, variables_number: u64) -> Option<Box<WarmInstance>> {
        self.all.take(self.release, variables_number)
    }

    pub(super) fn put(&self, instance: Box<WarmInstance>) {
        self.all.put(self.release, instance);
    }

    pub(super) fn metrics(&self) -> &WarmMetrics {
        &self.all.metrics
    }
}

impl AllIdleInstances {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            waiting: Mutex::default(),
            limit: config.idle_instances as usize,
            idle_time: config.idle_time,
            next_release: AtomicU64::new(0),
            metrics: WarmMetrics::new(),
        }
    }

    pub(super) fn of_new_release(self: &Arc<Self>) -> IdleInstances {
        IdleInstances { release: self.next_release.fetch_add(1, Ordering::Relaxed), all: self.clone() }
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

    fn take(&self, release: u64, variables_number: u64) -> Option<Box<WarmInstance>> {
        let thread = thread::current().id();
        let mut waiting = self.waiting();
        // The newest of this thread, else the newest: its memory is the most likely to be in this processor's caches.
        let instances = &mut waiting.instances;
        let fits = |idle: &Idle| idle.release == release && idle.instance.variables_number == variables_number;
        let near = instances.iter().rposition(|idle| fits(idle) && idle.thread == thread);
        let at = near.or_else(|| instances.iter().rposition(fits))?;
        let taken = instances.remove(at)?;
        waiting.reused += 1;
        Some(taken.instance)
    }

    fn put(&self, release: u64, instance: Box<WarmInstance>) {
        let thread = thread::current().id();
        let mut waiting = self.waiting();
        let of_release = |idle: &Idle| idle.release == release;
        let instances = &mut waiting.instances;
        let crowded = if instances.iter().filter(|idle| of_release(idle)).count() >= IDLE_PER_VERSION {
            instances.iter().position(of_release).and_then(|at| instances.remove(at))
        } else if instances.len() >= self.limit {
            instances.pop_front()
        } else {
            None
        };
        if instances.len() < self.limit {
            instances.push_back(Idle { release, thread, since: Instant::now(), instance });
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

impl ReclaimMemory for AllIdleInstances {
    /// Drops the one that waited longest, of this app if there is one of it; false when none is left.
    fn reclaim_for(&self, app: &AppMemory) -> bool {
        let mut waiting = self.waiting();
        let of_app = |idle: &Idle| std::ptr::eq(idle.instance.instance.store.data().limiter.memory(), app);
        let oldest = waiting.instances.iter().position(of_app).unwrap_or_default();
        let given_up = waiting.instances.remove(oldest);
        drop(waiting);
        self.metrics.crowded.increment(u64::from(given_up.is_some()));
        given_up.is_some()
    }
}
