//! What the host keeps about one call.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use super::http::HttpState;
use super::limiter::CallLimiter;
use super::wasi::WasiState;
use crate::egress::Grant;
use crate::logs::CallLog;

/// The data of a store.
pub(super) struct CallState {
    pub(super) limiter: CallLimiter,
    /// CPU time that is left, in ticks.
    pub(super) ticks_left: u64,
    pub(super) cpu_time_used_up: bool,
    pub(super) log: Arc<CallLog>,
    /// Made on first use: a Rust hook never asks for it, and it would cost more than the rest of the call's set-up.
    wasi: Option<Box<WasiState>>,
    /// Given to calls of modules that import `wasi:http`.
    grant: Option<Grant>,
    http: Option<Box<HttpState>>,
}

impl CallState {
    pub(super) fn new(limiter: CallLimiter, ticks_left: u64, log: Arc<CallLog>) -> Self {
        Self { limiter, ticks_left, cpu_time_used_up: false, log, wasi: None, grant: None, http: None }
    }
}

impl CallState {
    /// Lets the guest send HTTP requests.
    pub(super) fn grant(&mut self, grant: Grant) {
        self.grant = Some(grant);
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.get_or_insert_with(|| Box::new(WasiState::new(&self.log))).view()
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let http = self.http.get_or_insert_with(|| Box::new(HttpState::new(self.grant.take(), &self.log)));
        http.view(self.wasi.get_or_insert_with(|| Box::new(WasiState::new(&self.log))).view().table)
    }
}
