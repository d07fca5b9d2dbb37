//! One call inside the sandbox.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, UpdateDeadline};

use super::bindings::exports::hookd::engine::functions::Context;
use super::environment::GuestVariables;
use super::guest_error::outcome_of;
use super::limiter::CallLimiter;
use super::state::CallState;
use super::ticker::TICK;
use super::{LoadedModule, Sandbox};
use crate::environment::Environment;
use crate::limits::Limits;
use crate::logs::CallLog;
use crate::modules::Definition;
use crate::outcome::Outcome;

/// A call as the guest sees it, and the limits it runs under.
pub(crate) struct GuestCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) params: &'a str,
    pub(crate) app_id: &'a str,
    pub(crate) environment: Environment,
    pub(crate) remote_address: Option<&'a str>,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) limits: &'a Limits,
    pub(crate) deadline: Instant,
    /// What lay between arrival and deadline; named when the deadline is met.
    pub(crate) allowed: Duration,
    pub(crate) log: Arc<CallLog>,
    /// For a module that can read them.
    pub(crate) variables: Option<GuestVariables>,
}

impl Sandbox {
    /// Calls a function in a fresh instance, which is gone when this returns.
    pub(crate) async fn call(&self, module: &LoadedModule, call: GuestCall<'_>) -> Outcome {
        let left = call.deadline.saturating_duration_since(Instant::now());
        let log = call.log;
        let mut store = self.store(call.limits, log.clone());
        store.data_mut().variables = call.variables;
        let context = Context {
            request_id: log.request_id(),
            app_id: call.app_id,
            environment: call.environment.name(),
            remote_address: call.remote_address,
            session_token: call.session_token,
            // Sessions are not resolved to users: there is no user system behind the engine.
            current_user: None,
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
        };
        let _running = self.ticker.run();
        let calling = async {
            let instance = module.instance.instantiate_async(&mut store).await?;
            instance.hookd_engine_functions().call_call(&mut store, call.name, call.params, context).await
        };
        match timeout_at(call.deadline, calling).await {
            Ok(Ok(Ok(reply))) => checked(reply, call.limits),
            Ok(Ok(Err(failure))) => Outcome::failed(failure.code, failure.status, failure.message),
            Ok(Err(error)) => outcome_of(&error, store.data(), call.limits),
            Err(_) => Outcome::TimedOut { limit: call.allowed },
        }
    }

    /// Asks a module for its functions, under the limits of a call.
    pub(crate) async fn definitions(
        &self,
        module: &LoadedModule,
        limits: &Limits,
        allowed: Duration,
        log: Arc<CallLog>,
    ) -> Result<Vec<Definition>, Outcome> {
        let mut store = self.store(limits, log);
        let _running = self.ticker.run();
        let asking = async {
            let instance = module.instance.instantiate_async(&mut store).await?;
            instance.hookd_engine_functions().call_definitions(&mut store).await
        };
        match timeout_at(Instant::now() + allowed, asking).await {
            Ok(Ok(definitions)) => Ok(definitions
                .into_iter()
                .map(|definition| Definition { name: definition.name, internal: definition.internal })
                .collect()),
            Ok(Err(error)) => Err(outcome_of(&error, store.data(), limits)),
            Err(_) => Err(Outcome::TimedOut { limit: allowed }),
        }
    }

    /// Makes an instance as a call does, and drops it.
    pub(crate) async fn instantiate(
        &self,
        module: &LoadedModule,
        limits: &Limits,
        log: Arc<CallLog>,
    ) -> Result<(), Outcome> {
        let mut store = self.store(limits, log);
        let _running = self.ticker.run();
        match module.instance.instantiate_async(&mut store).await {
            Ok(_) => Ok(()),
            Err(error) => Err(outcome_of(&error, store.data(), limits)),
        }
    }

    fn store(&self, limits: &Limits, log: Arc<CallLog>) -> Store<CallState> {
        let limiter = CallLimiter::new(limits, self.memory_budget.clone());
        let ticks = limits.cpu_time().as_millis().div_ceil(TICK.as_millis());
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        let mut store = Store::new(&self.engine, CallState::new(limiter, ticks, log));
        store.limiter(|state| &mut state.limiter);
        // Bounds what the host copies out of the guest at once: a reply, a failure's text, a log line.
        store.set_hostcall_fuel(limits.reply_bytes);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            match state.ticks_left.checked_sub(1) {
                Some(left) => {
                    state.ticks_left = left;
                    // tokio's own yield lets the worker look at its timers and sockets before the guest goes on.
                    Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
                }
                None => {
                    state.cpu_time_used_up = true;
                    Ok(UpdateDeadline::Interrupt)
                }
            }
        });
        store
    }
}

/// Parses the reply without building anything: about a microsecond for an ordinary one.
fn checked(reply: String, limits: &Limits) -> Outcome {
    if reply.len() > limits.reply_bytes {
        let message = format!("it is longer than the limit of {} bytes", limits.reply_bytes);
        return Outcome::BadReply { message };
    }
    if reply.is_empty() {
        return Outcome::Replied(Bytes::new());
    }
    match serde_json::from_str::<IgnoredAny>(&reply) {
        Ok(_) => Outcome::Replied(reply.into()),
        Err(error) => Outcome::BadReply { message: format!("it is not JSON: {error}") },
    }
}
