//! What the host keeps about one call.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};

use super::environment::GuestVariables;
use super::limiter::CallLimiter;
use super::wasi::WasiState;
use crate::logs::CallLog;

/// The data of a store.
pub(super) struct CallState {
    pub(super) limiter: CallLimiter,
    /// CPU time that is left, in ticks.
    pub(super) ticks_left: u64,
    pub(super) cpu_time_used_up: bool,
    pub(super) log: Arc<CallLog>,
    /// `None` while a module is asked for its definitions, and for a module that cannot read them.
    pub(super) variables: Option<GuestVariables>,
    /// Made on first use: a Rust hook never asks for it, and it would cost more than the rest of the call's set-up.
    wasi: Option<Box<WasiState>>,
}

impl CallState {
    pub(super) fn new(limiter: CallLimiter, ticks_left: u64, log: Arc<CallLog>) -> Self {
        Self { limiter, ticks_left, cpu_time_used_up: false, log, variables: None, wasi: None }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.get_or_insert_with(|| Box::new(WasiState::new(&self.log))).view()
    }
}
