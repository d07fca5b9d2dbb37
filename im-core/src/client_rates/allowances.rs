//! What the clients of one app have left.

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::Operation;
use super::operation::limits;
use crate::app::ImSettings;
use crate::ids::ClientId;

/// Allowances that are counted of an app for each of its three limits; a client has one for each type of operation. About 3 MB.
pub(super) const COUNTED: usize = 100_000;

/// A hash of a client and an operation. Nobody outside knows its key, so nobody can look for two that are equal.
type Key = u64;
type Limiter<C> = RateLimiter<Key, HashMapStateStore<Key>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One limiter for each limit; `None` where there is no limit.
pub(super) struct Allowances<C: Clock + Clone> {
    limits: [u32; 3],
    hasher: RandomState,
    limiters: [Option<Limiter<C>>; 3],
}

impl<C: Clock + Clone> Allowances<C> {
    /// All are whole.
    pub(super) fn new(settings: &ImSettings, clock: &C) -> Self {
        let limits = limits(settings);
        let limiter = |limit| {
            let quota = Quota::per_minute(NonZeroU32::new(limit)?);
            Some(RateLimiter::hashmap_with_clock(quota, clock.clone()))
        };
        Self { limits, hasher: RandomState::new(), limiters: limits.map(limiter) }
    }

    /// False when the limits of the app are others now.
    pub(super) fn are_of(&self, settings: &ImSettings) -> bool {
        self.limits == limits(settings)
    }

    /// Takes one operation; `Err` is the time until there is one again.
    pub(super) fn take(&self, client: &ClientId, operation: Operation, now: C::Instant) -> Result<(), Duration> {
        let Some(Some(limiter)) = self.limiters.get(operation.number()) else { return Ok(()) };
        let key = self.hasher.hash_one((client, operation));
        limiter.check_key(&key).map_err(|later| later.wait_time_from(now))
    }

    /// Forgets those that are whole again.
    pub(super) fn forget_idle(&self) {
        for limiter in self.limiters.iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// True when nothing is counted.
    pub(super) fn are_whole(&self) -> bool {
        self.most() == 0
    }

    /// True when no more may be counted.
    pub(super) fn are_too_many(&self) -> bool {
        self.most() >= COUNTED
    }

    /// True when so many are counted that looking for idle ones again would come too soon.
    pub(super) fn are_many(&self) -> bool {
        self.most() > COUNTED / 2
    }

    fn most(&self) -> usize {
        self.limiters.iter().flatten().map(|limiter| limiter.len()).max().unwrap_or_default()
    }
}
