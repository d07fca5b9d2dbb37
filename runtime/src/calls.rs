//! One call, from its arrival to its outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::time::{Instant as TokioInstant, timeout_at};

use crate::admission::{Admission, NotAdmitted};
use crate::apps::{App, Apps};
use crate::environment::Environment;
use crate::limits::Limits;
use crate::logs::{CallLog, LogLevel};
use crate::meters::FunctionMeters;
use crate::modules::Modules;
use crate::outcome::{Outcome, Overload, TimeLimit};
use crate::releases::{LiveFunction, LiveVersion, guest_variables};
use crate::sandbox::{GuestCall, Sandbox};
use crate::stats::EngineStats;
use crate::trace::{self, CallSpan};

/// A function to call.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Whose function.
    pub app_id: String,
    /// Which of the app's live versions.
    pub environment: Environment,
    /// The function's name, e.g. `hello` or `_messageReceived`.
    pub name: String,
    /// JSON text; handed to the function as it is.
    pub params: Bytes,
    /// Address of the client on whose behalf the call is made.
    pub remote_address: Option<String>,
    /// The caller's session token; absent on hooks.
    pub session_token: Option<String>,
    /// Names a notification that may come more than once; absent on other calls.
    pub sequence: Option<u64>,
    /// When the caller stops waiting. The app's own deadline, counted from now, applies when it is sooner.
    pub deadline: Instant,
}

/// A function to call in an app that is known.
pub(crate) struct Call<'a> {
    pub(crate) environment: Environment,
    pub(crate) name: &'a str,
    pub(crate) params: &'a [u8],
    pub(crate) remote_address: Option<&'a str>,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) sequence: Option<u64>,
    pub(crate) deadline: Instant,
}

/// The one service behind the RPC over TCP and the calls in memory.
pub(crate) struct Calls {
    sandbox: Sandbox,
    modules: Arc<Modules>,
    /// As many places as the pool has slots, so that the pool never refuses.
    places: Admission,
    request_ids: RequestIds,
    undefined: AtomicU64,
}

impl Calls {
    pub(crate) fn new(sandbox: Sandbox, modules: Arc<Modules>, concurrent_calls: u32) -> Self {
        Self {
            sandbox,
            modules,
            // Bounded by the queues of the apps: a call waits here only with a place of its app in hand.
            places: Admission::new(concurrent_calls, u32::MAX),
            request_ids: RequestIds::new(),
            undefined: AtomicU64::new(0),
        }
    }

    pub(crate) async fn call(&self, apps: &Apps, invocation: &Invocation) -> Outcome {
        let Some(app) = apps.get(&invocation.app_id) else { return self.not_defined() };
        let call = Call {
            environment: invocation.environment,
            name: &invocation.name,
            params: &invocation.params,
            remote_address: invocation.remote_address.as_deref(),
            session_token: invocation.session_token.as_deref(),
            sequence: invocation.sequence,
            deadline: invocation.deadline,
        };
        self.call_app(&app, call).await
    }

    pub(crate) async fn call_app(&self, app: &Arc<App>, call: Call<'_>) -> Outcome {
        let arrived = Instant::now();
        let Some(version) = app.live(call.environment).load_full() else { return self.not_defined() };
        let Some((function, meters)) = version.called(call.name) else { return self.not_defined() };
        let outcome = match CallSpan::begin(&app.id, &call) {
            None => self.run(app, &version, (function, meters), call, arrived).await,
            // On the heap, so that the future of a call that is not traced stays as small as it was.
            Some(span) => span.around(Box::pin(self.run(app, &version, (function, meters), call, arrived))).await,
        };
        meters.record(&outcome, arrived.elapsed());
        outcome
    }

    pub(crate) async fn instantiate(&self, app: &App, environment: Environment) -> Result<(), Outcome> {
        let version = app.live(environment).load_full().ok_or(Outcome::NotDefined)?;
        let module = match version.module.code(Instant::now()) {
            Some(module) => module,
            None => self.modules.code(&version.module).await.map_err(|message| Outcome::Unavailable { message })?,
        };
        let bounds = app.bounds();
        let limits = bounds.limits();
        let request_id = self.request_ids.next();
        let log = CallLog::new(app.log().clone(), &app.id, version.number(), "instantiate", request_id, limits)
            .in_environment(environment);
        self.sandbox.instantiate(&module, limits, log.into(), app.pace()).await
    }

    pub(crate) fn idle_instances(&self) -> usize {
        self.sandbox.idle_instances()
    }

    /// Knows nothing of modules: their number is for the engine to say.
    pub(crate) fn stats(&self) -> EngineStats {
        let (running, held, budget) = self.sandbox.load_now();
        EngineStats {
            running_instances: running as u64,
            idle_instances: self.idle_instances() as u64,
            guest_memory_bytes: held,
            guest_memory_budget_bytes: budget,
            loaded_modules: 0,
            undefined_calls: self.undefined.load(Ordering::Relaxed),
        }
    }

    fn not_defined(&self) -> Outcome {
        self.undefined.fetch_add(1, Ordering::Relaxed);
        Outcome::NotDefined
    }

    async fn run(
        &self,
        app: &Arc<App>,
        version: &Arc<LiveVersion>,
        (function, meters): (LiveFunction, &FunctionMeters),
        call: Call<'_>,
        arrived: Instant,
    ) -> Outcome {
        let Ok(params) = std::str::from_utf8(call.params) else {
            return Outcome::failed(1, 400, "the parameters are not UTF-8 text".to_owned());
        };
        let bounds = app.bounds();
        let (limits, own_places) = bounds.of(call.name, function.kind);
        if params.len() > limits.request_bytes {
            return too_large(params.len(), limits.request_bytes);
        }
        let (deadline, allowed_by) = match arrived + limits.deadline() {
            own if own <= call.deadline => (own, TimeLimit::Deadline),
            _ => (call.deadline, TimeLimit::Caller),
        };
        let allowed = deadline.saturating_duration_since(arrived);
        let deadline = TokioInstant::from_std(deadline);

        // The narrowest first: who waits there takes no place from the app's other functions.
        let place = async {
            let own = match own_places {
                Some(own) => Some(own.admit(deadline).await.map_err(|refused| (refused, limits))?),
                None => None,
            };
            let wide = |refused| (refused, bounds.limits());
            let of_app = bounds.admission.admit(deadline).await.map_err(wide)?;
            Ok((own, of_app, self.places.admit(deadline).await.map_err(wide)?))
        };
        let _place = match place.await {
            Ok(place) => place,
            Err((NotAdmitted::QueueFull, Limits { concurrency, queue, .. })) => {
                return Outcome::Overloaded(Overload::Calls { concurrency: *concurrency, queue: *queue });
            }
            Err((NotAdmitted::DeadlinePassed, _)) => return Outcome::TimedOut { limit: allowed, by: allowed_by },
        };
        let module = match version.module.code(arrived) {
            Some(module) => module,
            None => match timeout_at(deadline, self.modules.code(&version.module)).await {
                Ok(Ok(module)) => module,
                Ok(Err(message)) => return Outcome::Unavailable { message },
                Err(_) => return Outcome::TimedOut { limit: allowed, by: allowed_by },
            },
        };
        let request_id = self.request_ids.next();
        trace::runs(version.number(), &request_id);
        let log = CallLog::new(app.log().clone(), &app.id, version.number(), call.name, request_id, limits)
            .in_environment(call.environment);
        let log = Arc::new(log);
        let variables = module.reads_variables.then(|| guest_variables(app.clone(), call.environment, version.clone()));
        let guest_call = GuestCall {
            name: call.name,
            params,
            app_id: &app.id,
            environment: call.environment,
            remote_address: call.remote_address,
            session_token: call.session_token,
            sequence: call.sequence,
            limits,
            deadline,
            allowed,
            allowed_by,
            bounds: &bounds,
            log: log.clone(),
            meters,
            variables,
            shelf: version.shelf.as_ref(),
            pace: app.pace(),
        };
        let outcome = self.sandbox.call(&module, guest_call).await;
        log.finish();
        if !matches!(outcome, Outcome::Replied(_) | Outcome::Failed { .. }) {
            log.engine(LogLevel::Error, &outcome.to_string());
        }
        outcome
    }
}

/// The caller's fault, and no failure of the function: it was never called.
fn too_large(bytes: usize, limit: usize) -> Outcome {
    let message = format!("the params have {bytes} bytes, more than the limit `request_bytes` of {limit}");
    Outcome::failed(1, 413, message)
}

/// Ids of calls: a random word per process and a count, unique in the installation without asking anybody.
struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { process: rand::random(), count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        format!("{:016x}-{:x}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}
