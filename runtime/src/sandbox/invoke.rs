//! One call inside the sandbox.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::time::Instant;
use wasmtime::Store;

use super::app_share::SandboxShare;
use super::bindings::exports::hookd::engine::functions::{self, Context};
use super::environment::GuestVariables;
use super::exports::{Exports, Functions};
use super::guest_call::GuestCall;
use super::guest_error::too_long;
use super::instance::Instance;
use super::pace::{AppPace, Guest};
use super::state::CallState;
use super::warm::TakenInstance;
use super::{Early, LoadedModule, Sandbox, http_app};
use crate::call_chain::ChainEnd;
use crate::deadline::until;
use crate::egress::{CallBudget, Grant};
use crate::logs::CallLog;
use crate::meters::FunctionMeters;
use crate::outcome::{Outcome, TimeLimit};
use api_types::{Definition, Limits};

/// The instance of a call.
enum Held<'a> {
    Fresh(Instance),
    Warm(TakenInstance<'a>),
}

impl Held<'_> {
    fn instance(&mut self) -> &mut Instance {
        match self {
            Self::Fresh(instance) => instance,
            Self::Warm(taken) => taken.instance(),
        }
    }
}

/// How long something may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) until: Instant,
    /// What lay between the arrival of the call and then; named when it was too short.
    pub(crate) time: Duration,
    pub(crate) by: TimeLimit,
}

/// Notes what memory a store holds in the end, however a call in it ends.
struct NotesMemory<'a> {
    store: &'a mut Store<CallState>,
    meters: &'a FunctionMeters,
}

impl Drop for NotesMemory<'_> {
    fn drop(&mut self) {
        self.meters.held_memory(self.store.data().limiter.held_bytes);
    }
}

impl Sandbox {
    /// Runs what calls a guest, to its end or until its time is over; then the guest stops at the end of its tick.
    ///
    /// # Errors
    /// The outcome of a call that has none of its own.
    pub(crate) async fn run<T>(&self, pace: &Arc<AppPace>, allowed: Allowed, guest: Guest<T>) -> Result<T, Outcome>
    where
        T: Send + 'static,
    {
        match until(allowed.until, pace.run(&self.long_calls, guest)).await {
            Ok(ended) => ended.map_err(|lost| Outcome::Unavailable { message: lost.to_string() }),
            Err(_) => Err(Outcome::TimedOut { limit: allowed.time, by: allowed.by }),
        }
    }

    /// Runs what calls a guest to its end, however long that takes: its own limits end it.
    pub(crate) async fn run_to_its_end(&self, pace: &Arc<AppPace>, guest: Guest<Outcome>) -> Result<Outcome, Outcome> {
        pace.run(&self.long_calls, guest).await.map_err(|lost| Outcome::Unavailable { message: lost.to_string() })
    }

    /// Calls a function: in a fresh instance, which is gone when this returns, or in one that waited for it.
    // One await for both, and few around it: a future inside another one is always copied with it as a whole.
    // `early`: for the outcome, where work goes on after it.
    pub(crate) async fn call(&self, module: &LoadedModule, call: GuestCall<'_>, early: Option<Early>) -> Outcome {
        let mut held = match call.idle_instances {
            Some(idle) => Held::Warm(self.take_warm(idle, &call)),
            None => {
                Held::Fresh(Instance::new(self.store(call.limits, call.log.clone(), Some(call.work_until), call.share)))
            }
        };
        let outcome = self.call_in(held.instance(), module, &call).await;
        let finished = match (&outcome, held.instance()) {
            (
                Outcome::Replied(_) | Outcome::Failed { .. },
                Instance { store, exports: Some(Exports { finish: Some(finish), .. }) },
            ) => {
                let _running = self.ticker.run();
                self.finish((store, finish), &call, (early, &outcome)).await
            }
            _ => Ok(()),
        };
        if let Held::Warm(taken) = held {
            taken.end(finished.as_ref().err().unwrap_or(&outcome), call.limits);
        }
        outcome
    }

    /// Calls a function in an instance.
    async fn call_in(&self, instance: &mut Instance, module: &LoadedModule, call: &GuestCall<'_>) -> Outcome {
        let now = Instant::now();
        let left = call.deadline.saturating_duration_since(now);
        let Instance { store, exports } = instance;
        store.data_mut().variables.clone_from(&call.variables);
        if let Some(usage) = call.usage {
            store.data_mut().note_usage(usage.clone());
        }
        if module.sends_requests {
            store.data_mut().grant(self.grant(call));
        }
        let context = Context {
            request_id: call.log.request_id(),
            app_id: call.app_id,
            environment: call.environment.name(),
            remote_address: call.remote_address,
            session_token: call.session_token,
            // Sessions are not resolved to users: the engine has no user system.
            current_user: None,
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            sequence: call.sequence,
        };
        let _running = self.ticker.run();
        let noting = NotesMemory { store, meters: call.meters };
        let store = &mut *noting.store;
        let exports = match exports {
            Some(exports) => exports,
            none => match module.instantiate(store).await {
                Ok(made) => {
                    store.data_mut().limiter.instantiated();
                    none.insert(made)
                }
                Err(error) => return self.outcome_of(&error, store.data(), call.limits),
            },
        };
        let functions = match &exports.functions {
            Functions::Contract(functions) => functions,
            // Boxed, so that calls of other modules are not as long.
            Functions::HttpApp(app) => {
                let called = Box::pin(http_app::call(&mut *store, app, call)).await;
                return called.unwrap_or_else(|error| self.outcome_of(&error, store.data(), call.limits));
            }
        };
        match functions.hookd_engine_functions().call_call(&mut *store, call.name, call.params, context).await {
            Ok(Ok(reply)) => checked(reply, call.limits),
            Ok(Err(failure)) => Outcome::failed(failure.code, failure.status, failure.message),
            Err(error) => self.outcome_of(&error, store.data(), call.limits),
        }
    }

    /// Asks a module for its functions, under the limits of a call. `variables`: for a module that is asked over HTTP, with the
    /// keys among them.
    pub(crate) async fn definitions(
        self,
        module: Arc<LoadedModule>,
        limits: Limits,
        log: Arc<CallLog>,
        share: Arc<SandboxShare>,
        variables: GuestVariables,
    ) -> Result<Vec<Definition>, Outcome> {
        let mut store = self.store(&limits, log, None, &share);
        if module.is_http_app() {
            store.data_mut().variables = Some(variables);
        }
        let _running = self.ticker.run();
        let asking = async {
            let exports = module.instantiate(&mut store).await?;
            match exports.functions {
                Functions::Contract(functions) => {
                    let asked = functions.hookd_engine_functions().call_definitions(&mut store).await?;
                    let definition = |one: functions::Definition| Definition { name: one.name, internal: one.internal };
                    Ok(Ok(asked.into_iter().map(definition).collect()))
                }
                Functions::HttpApp(app) => {
                    let app_id = store.data().log.app_id().to_owned();
                    http_app::definitions(&mut store, &app, (&app_id, &limits)).await
                }
            }
        };
        let asked: wasmtime::Result<_> = asking.await;
        asked.unwrap_or_else(|error| Err(self.outcome_of(&error, store.data(), &limits)))
    }

    /// Makes an instance as a call does, and drops it.
    pub(crate) async fn instantiate(
        &self,
        module: &LoadedModule,
        limits: &Limits,
        log: Arc<CallLog>,
        share: &SandboxShare,
    ) -> Result<(), Outcome> {
        let mut store = self.store(limits, log, None, share);
        let _running = self.ticker.run();
        let made = module.instantiate(&mut store).await;
        made.map(drop).map_err(|error| self.outcome_of(&error, store.data(), limits))
    }

    fn grant(&self, call: &GuestCall<'_>) -> Grant {
        Grant {
            egress: self.egress.clone(),
            client: call.outbound.clone(),
            budget: Arc::new(CallBudget::new(call.limits)),
            deadline: call.work_until,
            chain: ChainEnd {
                chains: self.chains.clone(),
                behind: call.chain.cloned(),
                log: call.log.clone(),
                deadline: call.deadline,
            },
        }
    }
}

/// Parses the reply without building anything: about a microsecond for an ordinary one.
fn checked(reply: String, limits: &Limits) -> Outcome {
    if reply.len() > limits.reply_bytes {
        return Outcome::BadReply { message: too_long(limits) };
    }
    if reply.is_empty() {
        return Outcome::Replied(Bytes::new());
    }
    match serde_json::from_str::<IgnoredAny>(&reply) {
        Ok(_) => Outcome::Replied(reply.into()),
        Err(error) => Outcome::BadReply { message: format!("it is not JSON: {error}") },
    }
}
