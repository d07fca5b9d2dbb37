//! Calls, from their arrival to their outcome.

mod whole_call;

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio::time::Instant as TokioInstant;
use tokio_util::task::TaskTracker;

use self::whole_call::WholeCall;
use crate::apps::{App, AppliedSettings, Apps};
use crate::call_chain::{CallChain, MAX_CALLS};
use crate::deadline::until;
use crate::logs::{CallLog, LogLevel};
use crate::modules::Modules;
use crate::outcome::{Outcome, Overload, TimeLimit};
use crate::releases::{LiveFunction, LiveVersion};
use crate::sandbox::{Allowed, CallSlots, Guest, LoadedModule, Sandbox, early_outcome};
use crate::trace::CallSpan;
use crate::usage::UsageNote;
use api_types::control::EngineStats;
use api_types::{Environment, Limits};

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
#[derive(Debug)]
pub struct Call<'a> {
    /// Which of the app's live versions.
    pub environment: Environment,
    /// The function's name.
    pub name: Cow<'a, str>,
    /// JSON text; handed to the function as it is.
    pub params: Bytes,
    /// As in [`Invocation`].
    pub remote_address: Option<Cow<'a, str>>,
    /// As in [`Invocation`].
    pub session_token: Option<Cow<'a, str>>,
    /// As in [`Invocation`].
    pub sequence: Option<u64>,
    /// The calls behind it, if any are ([`Engine::call_chain`](crate::Engine::call_chain)).
    pub chain: Option<Arc<CallChain>>,
    /// When its request arrived: the app's deadline counts from then.
    pub arrived: Instant,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

/// An app as a call finds it: what became live later is for the calls after it. One for each call, so that what all calls
/// share is counted once in it and not by each user of it.
pub struct LiveApp {
    pub(crate) app: Arc<App>,
    pub(crate) version: Arc<LiveVersion>,
    settings: Arc<AppliedSettings>,
}

impl LiveApp {
    /// `None` where no version is live.
    pub fn of(app: Arc<App>, environment: Environment) -> Option<Arc<Self>> {
        let version = app.live(environment).load_full()?;
        Some(Arc::new(Self { version, settings: app.settings(), app }))
    }

    /// Whether clients are kept from calling the function; `None` when the version does not define it.
    pub fn is_internal(&self, function: &str) -> Option<bool> {
        self.version.function(function).map(|function| function.internal)
    }
}

/// The one service behind the RPC over TCP and the calls in memory.
pub(crate) struct Calls {
    sandbox: Sandbox,
    modules: Arc<Modules>,
    slots: CallSlots,
    request_ids: RequestIds,
    undefined: AtomicU64,
    /// Calls whose outcome is out, and whose work goes on. Each keeps its place, which bounds their number.
    working_on: TaskTracker,
}

impl Calls {
    pub(crate) fn new(sandbox: Sandbox, modules: Arc<Modules>, concurrent_calls: u32) -> Self {
        Self {
            sandbox,
            modules,
            slots: CallSlots::new(concurrent_calls),
            request_ids: RequestIds::new(),
            undefined: AtomicU64::new(0),
            working_on: TaskTracker::new(),
        }
    }

    /// Waits for the work that goes on after replies.
    pub(crate) async fn work_is_done(&self) {
        self.working_on.close();
        self.working_on.wait().await;
    }

    /// `usage`: where it is noted what the call used, if that is asked.
    pub(crate) async fn call(
        self: &Arc<Self>,
        apps: &Apps,
        invocation: &Invocation,
        usage: Option<UsageNote>,
    ) -> Outcome {
        let app = apps.get(&invocation.app_id);
        let live = app.and_then(|app| LiveApp::of(app, invocation.environment));
        let Some(live) = live else { return self.not_defined() };
        let call = Call {
            environment: invocation.environment,
            name: Cow::Borrowed(&invocation.name),
            params: invocation.params.clone(),
            remote_address: invocation.remote_address.as_deref().map(Cow::Borrowed),
            session_token: invocation.session_token.as_deref().map(Cow::Borrowed),
            sequence: invocation.sequence,
            chain: None,
            arrived: Instant::now(),
            deadline: invocation.deadline,
        };
        self.call_live(&live, &call, usage).await
    }

    pub(crate) async fn call_live(
        self: &Arc<Self>,
        live: &Arc<LiveApp>,
        call: &Call<'_>,
        usage: Option<UsageNote>,
    ) -> Outcome {
        let Some(function) = live.version.function(&call.name) else { return self.not_defined() };
        let (arrived, span) = (call.arrived, CallSpan::begin(&live.app.id, &call.name, call.environment));
        let outcome = self.run(live, function, (call, usage), span.as_ref()).await;
        if let Some(span) = span {
            span.end(&outcome);
        }
        function.meters.record(&outcome, arrived.elapsed());
        outcome
    }

    pub(crate) async fn instantiate(self: &Arc<Self>, app: &App, environment: Environment) -> Result<(), Outcome> {
        let version = app.live(environment).load_full().ok_or(Outcome::NotDefined)?;
        let (settings, request_id) = (app.settings(), self.request_ids.next());
        let (compiling, share) = (app.module_share().compiling.clone(), app.sandbox_share().clone());
        let limits = settings.limits.of_app().clone();
        let allowed = Allowed {
            until: TokioInstant::now() + limits.deadline(),
            time: limits.deadline(),
            by: TimeLimit::Deadline,
        };
        let log = CallLog::new(app.log().clone(), &app.id, version.number(), "instantiate", request_id, &limits)
            .in_environment(environment);
        let calls = self.clone();
        let instantiating = async move {
            let module = calls
                .modules
                .code(&version.module, &compiling)
                .await
                .map_err(|message| Outcome::Unavailable { message })?;
            calls.sandbox.instantiate(&module, &limits, log.into(), &share).await
        };
        self.sandbox.run(app.pace(), allowed, Box::pin(instantiating)).await.flatten()
    }

    pub(crate) fn idle_instances(&self) -> usize {
        self.sandbox.idle_instances()
    }

    /// Knows nothing of modules: their number is for the engine to say.
    pub(crate) fn stats(&self) -> EngineStats {
        self.sandbox.publish_metrics();
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

    /// The module's machine code.
    async fn code(&self, version: &LiveVersion, app: &App, now: Instant) -> Result<Arc<LoadedModule>, Outcome> {
        match version.module.code(now) {
            Some(module) => Ok(module),
            None => self
                .modules
                .code(&version.module, &app.module_share().compiling)
                .await
                .map_err(|message| Outcome::Unavailable { message }),
        }
    }

    async fn run(
        self: &Arc<Self>,
        live: &Arc<LiveApp>,
        function: &LiveFunction,
        (call, usage): (&Call<'_>, Option<UsageNote>),
        span: Option<&CallSpan>,
    ) -> Outcome {
        let LiveApp { app, version, settings } = &**live;
        let limits = settings.limits.of(&call.name, function.kind);
        if call.params.len() > limits.request_bytes {
            return too_large(call.params.len(), limits.request_bytes);
        }
        if let Some(chain) = call.chain.as_deref().filter(|chain| chain.len() >= MAX_CALLS) {
            return too_deep(&chain.shown(&app.id, &call.name));
        }
        let allowed = allowed(call, limits);
        let request_id = self.request_ids.next();
        let log = CallLog::new(app.log().clone(), &app.id, version.number(), &call.name, request_id, limits)
            .in_environment(call.environment);
        let log = Arc::new(log);
        // Modules that are not in memory may be of that kind; others are spared what it costs.
        let may_work_on = version.module.code(call.arrived).is_none_or(|code| code.may_work_on());
        let (early, outcome) = may_work_on.then(early_outcome).unzip();
        let whole = WholeCall {
            calls: self.clone(),
            live: live.clone(),
            environment: call.environment,
            params: call.params.clone(),
            remote_address: call.remote_address.as_deref().map(str::to_owned),
            session_token: call.session_token.as_deref().map(str::to_owned),
            sequence: call.sequence,
            chain: call.chain.clone(),
            arrived: call.arrived,
            deadline: allowed.until,
            log: log.clone(),
            usage,
            early,
        };
        let guest: Guest<Outcome> = match span {
            None => Box::pin(whole.run()),
            Some(span) => {
                span.runs(version.number(), log.request_id());
                Box::pin(span.around(whole.run()))
            }
        };
        let outcome = match outcome {
            None => {
                let (Ok(outcome) | Err(outcome)) = self.sandbox.run(app.pace(), allowed, guest).await;
                log.finish();
                outcome
            }
            Some(early) => self.run_and_work_on(live.clone(), (guest, early), allowed, log.clone()).await,
        };
        if !matches!(
            outcome,
            Outcome::Replied(_) | Outcome::Failed { .. } | Outcome::Overloaded(Overload::Calls { .. })
        ) {
            log.engine(LogLevel::Error, &outcome.to_string());
        }
        outcome
    }
}

impl Calls {
    /// Runs a guest whose outcome may be there before its work is done. The work then goes on in a task.
    async fn run_and_work_on(
        self: &Arc<Self>,
        live: Arc<LiveApp>,
        (guest, early): (Guest<Outcome>, oneshot::Receiver<Outcome>),
        allowed: Allowed,
        log: Arc<CallLog>,
    ) -> Outcome {
        let calls = self.clone();
        let mut running = Box::pin(async move {
            let ended = calls.sandbox.run_to_its_end(live.app.pace(), guest).await;
            log.finish();
            ended
        });
        let mut early = early.fuse();
        let outcome = until(
            allowed.until,
            poll_fn(|context| {
                if let Poll::Ready(ended) = running.as_mut().poll(context) {
                    return Poll::Ready((ended, false));
                }
                match Pin::new(&mut early).poll(context) {
                    Poll::Ready(Ok(outcome)) => Poll::Ready((Ok(outcome), true)),
                    // Without an early outcome the end is waited for.
                    Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
                }
            }),
        );
        match outcome.await {
            Ok((Ok(outcome) | Err(outcome), works_on)) => {
                if works_on {
                    self.working_on.spawn(running);
                }
                outcome
            }
            Err(_) => Outcome::TimedOut { limit: allowed.time, by: allowed.by },
        }
    }
}

/// Until when a call may run: its own deadline, or that of its caller when it is sooner.
fn allowed(call: &Call<'_>, limits: &Limits) -> Allowed {
    let (until, by) = match call.arrived + limits.deadline() {
        own if own <= call.deadline => (own, TimeLimit::Deadline),
        _ => (call.deadline, TimeLimit::Caller),
    };
    Allowed { until: TokioInstant::from_std(until), time: until.saturating_duration_since(call.arrived), by }
}

/// The caller's fault, and no failure of the function: it was never called.
fn too_large(bytes: usize, limit: usize) -> Outcome {
    let message = format!("the params have {bytes} bytes, more than the limit `request_bytes` of {limit}");
    Outcome::failed(1, 413, message)
}

/// A loop, most likely: the call that would have been the next was never made.
fn too_deep(calls: &str) -> Outcome {
    const LOOP_DETECTED: u16 = 508;
    Outcome::failed(
        1,
        LOOP_DETECTED,
        format!("calls that call each other over HTTP may be {MAX_CALLS} at most: {calls}"),
    )
}

/// Ids of calls: a random word per process and a count, unique in the installation without coordination.
// On cache lines of its own: all processors write to it, and would take what lies beside it from each other.
#[repr(align(128))]
struct RequestIds {
    process: String,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { process: format!("{:016x}-", rand::random::<u64>()), count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        format!("{}{}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}
