//! Circuit breakers, one for each app and hook: a dead or overloaded engine is not called for every message.
//!
//! Closed: calls pass, and failures of the engine in a row are counted. Open: calls fail at once. After the cool-down one
//! call, the probe, tries the engine (half open): when the engine answers the breaker closes, else it opens again.

mod circuit;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::time::Instant;

use self::circuit::{Breaker, End, Limits, State, milliseconds};
use super::{BreakerState, FailureCause, HookFailure, metrics};
use crate::app::ImSettings;
use crate::ids::AppId;

/// One breaker for people to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerReport {
    /// The hook.
    pub hook: &'static str,
    /// Its state.
    pub state: BreakerState,
    /// Failures of the engine since its last answer.
    pub failures_in_a_row: u32,
    /// The word of [`FailureCause::name`] for the last of them.
    pub last_cause: Option<&'static str>,
    /// Time since the engine failed too often, in ms; absent while calls pass.
    pub open_for_ms: Option<u64>,
    /// Time until an open breaker lets a call try, in ms.
    pub next_try_ms: Option<u64>,
}

/// The breakers of all apps.
#[derive(Default)]
pub(super) struct Breakers {
    apps: ArcSwap<HashMap<AppId, Arc<AppBreakers>>>,
}

/// The breakers of one app.
pub(super) struct AppBreakers {
    app: AppId,
    hooks: BTreeMap<&'static str, Mutex<Breaker>>,
}

impl Breakers {
    /// The breakers of an app. After its first call: no lock that apps share.
    pub(super) fn of(&self, app: &AppId) -> Arc<AppBreakers> {
        if let Some(breakers) = self.apps.load().get(app) {
            return breakers.clone();
        }
        let new = Arc::new(AppBreakers::new(app.clone()));
        self.apps.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.entry(app.clone()).or_insert_with(|| new.clone());
            apps
        });
        self.apps.load().get(app).cloned().unwrap_or(new)
    }

    /// Ends the cool-down of every open breaker: the next call of its hook tries the engine.
    pub(super) fn end_cool_downs(&self) {
        let now = Instant::now();
        for app in self.apps.load().values() {
            for hook in app.hooks.values() {
                hook.lock().unwrap_or_else(PoisonError::into_inner).end_cool_down(now);
            }
        }
    }

    /// Forgets an app that was deleted.
    pub(super) fn forget(&self, app: &AppId) {
        self.apps.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.remove(app);
            apps
        });
    }

    pub(super) fn report(&self, app: &AppId, hook: &'static str) -> BreakerReport {
        let breaker = self.apps.load().get(app).and_then(|breakers| breakers.hook(hook).map(|breaker| *breaker));
        let Breaker { state, failures, last_cause, opened, .. } = breaker.unwrap_or_default();
        let now = Instant::now();
        let (state, next_try_ms) = match state {
            State::Closed => (BreakerState::Closed, None),
            State::HalfOpen => (BreakerState::HalfOpen, None),
            State::Open { until } => (BreakerState::Open, Some(milliseconds(until - now))),
        };
        let last_cause = last_cause.map(FailureCause::name);
        let open_for_ms = opened.map(|opened| milliseconds(now - opened));
        BreakerReport { hook, state, failures_in_a_row: failures, last_cause, open_for_ms, next_try_ms }
    }
}

impl AppBreakers {
    fn new(app: AppId) -> Self {
        let hooks = hook_types::hook::IM_HOOKS.iter().map(|(hook, _)| (*hook, Mutex::default())).collect();
        Self { app, hooks }
    }

    fn hook(&self, hook: &'static str) -> Option<MutexGuard<'_, Breaker>> {
        Some(self.hooks.get(hook)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a call pass, or says why not.
    ///
    /// # Errors
    /// The breaker is open: cause [`FailureCause::Unavailable`].
    pub(super) fn admit(&self, hook: &'static str, settings: &ImSettings) -> Result<Attempt<'_>, HookFailure> {
        let mut attempt = Attempt { breakers: self, hook, epoch: 0, limits: Limits::of(settings), ended: false };
        let Some(mut breaker) = self.hook(hook) else { return Ok(attempt) };
        let was = breaker.state;
        let now = Instant::now();
        let admitted = breaker.admit(now, attempt.limits);
        self.tell(hook, was, &breaker);
        match admitted {
            Some(epoch) => {
                attempt.epoch = epoch;
                Ok(attempt)
            }
            None => {
                attempt.ended = true;
                metrics::short_circuited(hook);
                Err(HookFailure { cause: FailureCause::Unavailable, message: breaker.refusal(now) })
            }
        }
    }

    fn end(&self, attempt: &Attempt<'_>, end: End) {
        let Some(mut breaker) = self.hook(attempt.hook) else { return };
        let was = breaker.state;
        breaker.end(attempt.epoch, end, Instant::now(), attempt.limits);
        self.tell(attempt.hook, was, &breaker);
    }

    /// Logs and counts a change. Under the breaker's lock, so that the gauge never shows an older state after a newer
    /// one.
    fn tell(&self, hook: &'static str, was: State, is: &Breaker) {
        let Breaker { state, failures, last_cause, .. } = *is;
        let (app, cause) = (&self.app, last_cause.map(FailureCause::name));
        let state = match (was, state) {
            (State::Closed, State::Closed)
            | (State::HalfOpen, State::HalfOpen)
            | (State::Open { .. }, State::Open { .. }) => {
                return;
            }
            (_, State::Open { .. }) => {
                tracing::warn!(%app, hook, failures, cause, "circuit breaker open: calls of the hook fail at once");
                BreakerState::Open
            }
            (_, State::HalfOpen) => {
                tracing::info!(%app, hook, "circuit breaker half open: one call tries the engine");
                BreakerState::HalfOpen
            }
            (_, State::Closed) => {
                tracing::info!(%app, hook, "circuit breaker closed: calls of the hook pass");
                BreakerState::Closed
            }
        };
        metrics::breaker(app, hook, state);
    }
}

/// A call that was let pass. Dropped without an end, e.g. because its request is gone, it says nothing of the engine.
pub(super) struct Attempt<'a> {
    breakers: &'a AppBreakers,
    hook: &'static str,
    epoch: u64,
    limits: Limits,
    ended: bool,
}

impl Attempt<'_> {
    /// The call replied (`None`), or failed.
    pub(super) fn ended(mut self, failure: Option<FailureCause>) {
        self.ended = true;
        let end = match failure {
            Some(cause) if cause.is_the_engines() => End::EngineFailed(cause),
            Some(_) | None => End::Answered,
        };
        self.breakers.end(&self, end);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.breakers.end(self, End::GivenUp);
        }
    }
}
