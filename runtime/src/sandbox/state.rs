//! The host's state of the call in progress.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use super::cpu_time::used_by_guest;
use super::environment::GuestVariables;
use super::http::HttpState;
use super::limiter::CallLimiter;
use super::wasi::WasiState;
use crate::egress::Grant;
use crate::leancache::CacheBudget;
use crate::logs::CallLog;
use crate::usage::{UsageNote, note};
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
    /// Where it is noted what the call used, if the caller asked.
    usage: Option<UsageNote>,
}

/// However a call ends, its store is dropped.
impl Drop for CallState {
    fn drop(&mut self) {
        let Some(usage) = &self.usage else { return };
        let grant = self.http.as_ref().and_then(|http| http.grant()).or(self.grant.as_ref());
        note(usage, |usage| {
            usage.cpu_time = used_by_guest();
            usage.memory_bytes = self.limiter.held_bytes;
            (usage.log_bytes, usage.log_lines) = self.log.used();
            (usage.cache_commands, usage.cache_bytes) = self.cache.used();
            (usage.http_requests, usage.http_bytes) = grant.map(|grant| grant.budget.used()).unwrap_or_default();
        });
    }
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
            usage: None,
        }
    }

    /// Has it noted in the end what the call used.
    pub(super) fn note_usage(&mut self, usage: UsageNote) {
        self.usage = Some(usage);
    }

    /// Lets the guest send HTTP requests in this call.
    pub(super) fn grant(&mut self, grant: Grant) {
        self.grant = Some(grant);
    }

    /// Begins another call in the same instance: the guest keeps its memory and its handles, and every budget is new.
    pub(super) fn renew(&mut self, limits: &Limits, log: Arc<CallLog>, deadline: Instant) {
        // Named one by one, so that each new field is handled here.
        let Self { limiter, cpu_time, cpu_time_used_up, log: call_log, variables, cache, wasi, grant, http, usage } =
            self;
        limiter.renew(limits);
        *cpu_time = limits.cpu_time();
        *cpu_time_used_up = false;
        cache.renew(limits, deadline);
        *variables = None;
        if let Some(wasi) = wasi {
            wasi.write_to(&log);
        }
        // Gone with the call before.
        (*grant, *http, *usage) = (None, None, None);
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
