//! The host's state of the call in progress.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use super::environment::GuestVariables;
use super::http::HttpState;
use super::limiter::CallLimiter;
use super::wasi::WasiState;
use crate::egress::Grant;
use crate::leancache::CacheBudget;
use crate::logs::CallLog;
use api_types::Limits;

/// The data of a store.
pub(super) struct CallState {
    pub(super) limiter: CallLimiter,
    /// The limit.
    pub(super) cpu_time: Duration,
    pub(super) cpu_time_used_up: bool,
    pub(super) log: Arc<CallLog>,
    /// `None` while a module is asked for its definitions, and for a module that cannot read them.
    pub(super) variables: Option<GuestVariables>,
    pub(super) cache: CacheBudget,
    /// Made on first use: a Rust hook never asks for it, and it would cost more than the rest of the call's set-up.
    wasi: Option<Box<WasiState>>,
    /// Given to calls of modules that import `wasi:http`.
    grant: Option<Grant>,
    http: Option<Box<HttpState>>,
}

impl CallState {
    pub(super) fn new(limiter: CallLimiter, limits: &Limits, log: Arc<CallLog>, cache: CacheBudget) -> Self {
        Self {
            limiter,
            cpu_time: limits.cpu_time(),
            cpu_time_used_up: false,
            log,
            variables: None,
            cache,
            wasi: None,
            grant: None,
            http: None,
        }
    }

    /// Lets the guest send HTTP requests in this call.
    pub(super) fn grant(&mut self, grant: Grant) {
        self.grant = Some(grant);
    }

    /// Begins another call in the same instance: the guest keeps its memory and its handles, and every budget is new.
    pub(super) fn renew(&mut self, limits: &Limits, log: Arc<CallLog>, deadline: Instant) {
        // Named one by one, so that each new field is handled here.
        let Self { limiter, cpu_time, cpu_time_used_up, log: call_log, variables, cache, wasi, grant, http } = self;
        limiter.renew(limits);
        *cpu_time = limits.cpu_time();
        *cpu_time_used_up = false;
        cache.renew(limits, deadline);
        *variables = None;
        if let Some(wasi) = wasi {
            wasi.write_to(&log);
        }
        // Gone with the call before.
        (*grant, *http) = (None, None);
        *call_log = log;
    }

    /// Ends a call whose instance may serve another one: what it printed without a line end belongs to its own log.
    pub(super) fn end_call(&mut self) {
        if let Some(wasi) = &self.wasi {
            wasi.flush();
        }
        // They hold the version, which holds the instances that wait.
        self.variables = None;
        // Closes what the guest left open; the handles stay in the table of `wasi`, and mean nothing any more.
        (self.grant, self.http) = (None, None);
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
