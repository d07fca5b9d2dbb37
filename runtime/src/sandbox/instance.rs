//! A guest in memory: its store, and what it exports.

use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::{Store, UpdateDeadline};

use super::Sandbox;
use super::app_share::SandboxShare;
use super::cpu_time::used_by_guest;
use super::exports::Exports;
use super::limiter::CallLimiter;
use super::pace::end_of_tick;
use super::state::CallState;
use crate::leancache::CacheBudget;
use crate::logs::CallLog;
use api_types::Limits;

/// A guest: its store, and what it exports.
pub(super) struct Instance {
    pub(super) store: Store<CallState>,
    /// `None` until the first call made it.
    pub(super) exports: Option<Exports>,
}

impl Instance {
    pub(super) fn new(store: Store<CallState>) -> Self {
        Self { store, exports: None }
    }
}

impl Sandbox {
    /// `deadline`: that of a call.
    pub(super) fn store(
        &self,
        limits: &Limits,
        log: Arc<CallLog>,
        deadline: Option<Instant>,
        share: &SandboxShare,
    ) -> Store<CallState> {
        let limiter = CallLimiter::new(limits, share.memory(&self.memory_budget).clone());
        let cache = CacheBudget::new(self.cache.clone(), limits, deadline);
        let mut store = Store::new(&self.engine, CallState::new(limiter, limits, log, cache));
        store.limiter(|state| &mut state.limiter);
        Self::arm(&mut store, limits);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            state.cpu_time_used_up = used_by_guest() >= state.cpu_time;
            Ok(if state.cpu_time_used_up {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::YieldCustom(1, end_of_tick())
            })
        });
        store
    }

    /// What wasmtime itself counts down in each call.
    pub(super) fn arm(store: &mut Store<CallState>, limits: &Limits) {
        // Bounds what the host copies out of the guest at once: a reply, a failure's text, a log line.
        store.set_hostcall_fuel(limits.reply_bytes);
        // A part of a tick away: whether a call that meets it is a long one shows at the tick after it.
        store.set_epoch_deadline(1);
    }
}
