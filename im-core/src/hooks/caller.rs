//! Calls hooks: deadline, failure policy, counting.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hook_types::{Hook, ReadReply, read_reply};
use tokio_util::task::TaskTracker;

use super::breaker::{BreakerReport, Breakers};
use super::notifications::{MAX_WAITING, NotificationQueue};
use super::settings::timeout;
use super::{AppSettings, FailureCause, HookCall, HookEngine, HookFailure, metrics, policy};
use crate::app::{App, FailurePolicy, ImSettings};
use crate::error::{Code, RequestError};
use crate::trace;

/// S-84: a call that keeps a client waiting longer than this is logged.
const SLOW: Duration = Duration::from_secs(1);

/// How long the engine may overrun the deadline to report the timeout itself, with what it knows of it.
const ENGINE_GRACE: Duration = Duration::from_millis(20);

/// Calls the hooks of all apps.
pub struct HookCaller {
    engine: Arc<dyn HookEngine>,
    settings: Arc<AppSettings>,
    breakers: Arc<Breakers>,
    notifications: NotificationQueue,
}

impl HookCaller {
    /// `tasks` runs the notification hooks; each ends within [`crate::app::MAX_HOOK_TIMEOUT`] of its turn.
    pub fn new(engine: Arc<dyn HookEngine>, settings: Arc<AppSettings>, tasks: TaskTracker) -> Self {
        Self { engine, settings, breakers: Arc::default(), notifications: NotificationQueue::new(tasks) }
    }

    /// The circuit breakers of the hooks that the app's production environment defines.
    pub fn breakers(&self, app: &App) -> Vec<BreakerReport> {
        let hooks = hook_types::hook::ALL.iter().map(|(hook, _)| *hook);
        hooks.filter(|hook| self.engine.defines(app, hook)).map(|hook| self.breakers.report(&app.id, hook)).collect()
    }

    /// Says that the engine is there again: open circuit breakers try it with their next call, however long their
    /// cool-down would still last.
    pub fn engine_is_back(&self) {
        self.breakers.end_cool_downs();
    }

    /// Calls a blocking hook and waits for its decision. A hook that is not defined has none: the default reply.
    ///
    /// # Errors
    /// The hook failed and the app's policy for this hook and cause is [`FailurePolicy::Abort`]; with `Ignore` the answer
    /// is the default reply.
    pub async fn before<H: Hook>(
        &self,
        app: &Arc<App>,
        params: &H::Params,
        remote_address: Option<IpAddr>,
    ) -> Result<H::Reply, HookFailure> {
        self.before_checked::<H>(app, params, remote_address, |_| Ok(())).await
    }

    /// As [`Self::before`]; a reply that `check` refuses counts as a failure of the hook.
    ///
    /// # Errors
    /// As [`Self::before`].
    pub async fn before_checked<H: Hook>(
        &self,
        app: &Arc<App>,
        params: &H::Params,
        remote_address: Option<IpAddr>,
        check: impl FnOnce(&H::Reply) -> Result<(), String>,
    ) -> Result<H::Reply, HookFailure> {
        if !self.engine.defines(app, H::NAME) {
            return Ok(H::Reply::default());
        }
        let settings = self.settings.get(&app.id).await.map_err(|error| settings_unknown(app, H::NAME, &error))?;
        let failure = match self.call::<H>(app, params, remote_address, &settings).await {
            Ok(reply) => match check(&reply) {
                Ok(()) => return Ok(reply),
                Err(message) => HookFailure { cause: FailureCause::BadReply, message },
            },
            Err(failure) => failure,
        };
        let policy = policy::on_failure(&settings, H::NAME, failure.cause);
        log_failure(app, H::NAME, &failure, Some(policy));
        match policy {
            FailurePolicy::Ignore => {
                metrics::let_through(H::NAME, failure.cause);
                Ok(H::Reply::default())
            }
            FailurePolicy::Abort => {
                metrics::aborted(H::NAME, failure.cause);
                Err(failure)
            }
        }
    }

    /// Queues a call of a notification hook (S-85): one attempt, nobody waits for it. When too many wait it is dropped.
    pub fn notify<H: Hook>(&self, app: &Arc<App>, params: &H::Params, remote_address: Option<IpAddr>) {
        if !self.engine.defines(app, H::NAME) {
            return;
        }
        let params = match encode::<H>(params) {
            Ok(params) => params,
            Err(failure) => return log_failure(app, H::NAME, &failure, None),
        };
        let (engine, settings, breakers) = (self.engine.clone(), self.settings.clone(), self.breakers.clone());
        let app_id = &app.id;
        let app = app.clone();
        let queued = self.notifications.push(app_id, async move {
            let settings = match settings.get(&app.id).await {
                Ok(settings) => settings,
                Err(error) => {
                    settings_unknown(&app, H::NAME, &error);
                    return;
                }
            };
            let deadline = timeout(&settings, H::NAME, H::KIND);
            let call = HookCall { app: app.clone(), hook: H::NAME, params, remote_address, deadline };
            if let Err(failure) = guarded_call(engine.as_ref(), &breakers, &settings, call).await {
                log_failure(&app, H::NAME, &failure, None);
            }
        });
        if !queued {
            metrics::dropped(H::NAME);
            tracing::warn!(
                app = %app_id,
                hook = H::NAME,
                waiting = MAX_WAITING,
                "notification hook dropped: too many are waiting"
            );
        }
    }

    async fn call<H: Hook>(
        &self,
        app: &Arc<App>,
        params: &H::Params,
        remote_address: Option<IpAddr>,
        settings: &ImSettings,
    ) -> Result<H::Reply, HookFailure> {
        let deadline = timeout(settings, H::NAME, H::KIND);
        let call = HookCall { app: app.clone(), hook: H::NAME, params: encode::<H>(params)?, remote_address, deadline };
        let started = Instant::now();
        let result = guarded_call(self.engine.as_ref(), &self.breakers, settings, call).await;
        let took = started.elapsed();
        if took > SLOW {
            tracing::warn!(app = %app.id, hook = H::NAME, ?took, "slow hook call");
        }
        let json = result?;
        let ReadReply { reply, ignored_keys, .. } = read_reply::<H>(&json)
            .map_err(|error| HookFailure { cause: FailureCause::BadReply, message: error.to_string() })?;
        if !ignored_keys.is_empty() {
            tracing::warn!(
                app = %app.id,
                hook = H::NAME,
                keys = ?ignored_keys,
                "keys of a hook's reply ignored: their values have the wrong type"
            );
        }
        Ok(reply)
    }
}

/// What the client is told when a blocking hook failed under [`FailurePolicy::Abort`] (S-82).
pub(crate) fn aborted_by<H: Hook>(code: Code) -> impl FnOnce(HookFailure) -> RequestError {
    move |failure| RequestError::detailed(code, format!("hook call failed: `{}`: {failure}", H::NAME))
}

/// One call, if the hook's breaker lets it pass.
async fn guarded_call(
    engine: &dyn HookEngine,
    breakers: &Breakers,
    settings: &ImSettings,
    call: HookCall,
) -> Result<Bytes, HookFailure> {
    let breaker = breakers.of(&call.app.id);
    let attempt = breaker.admit(call.hook, settings)?;
    let result = timed_call(engine, call).await;
    attempt.ended(result.as_ref().err().map(|failure| failure.cause));
    result
}

/// One call, never longer than its deadline and [`ENGINE_GRACE`], counted.
async fn timed_call(engine: &dyn HookEngine, call: HookCall) -> Result<Bytes, HookFailure> {
    let (hook, deadline) = (call.hook, call.deadline);
    let started = Instant::now();
    let app = call.app.clone();
    let answer = async {
        tokio::time::timeout(deadline + ENGINE_GRACE, engine.call(call)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} ms", deadline.as_millis());
            Err(HookFailure { cause: FailureCause::TimedOut, message })
        })
    };
    let result = trace::hook_call(&app.id, hook, answer).await;
    let outcome = result.as_ref().map_or_else(|failure| failure.cause.name(), |_| "replied");
    metrics::called(hook, outcome, started.elapsed());
    result
}

fn encode<H: Hook>(params: &H::Params) -> Result<Bytes, HookFailure> {
    let failed = |error| HookFailure {
        cause: FailureCause::Failed,
        message: format!("the params of `{}` cannot be written as JSON: {error}", H::NAME),
    };
    serde_json::to_vec(params).map(Bytes::from).map_err(failed)
}

/// Without the settings the policy is unknown, and only stopping obeys both.
fn settings_unknown(app: &App, hook: &str, error: &crate::store::StoreError) -> HookFailure {
    tracing::error!(app = %app.id, hook, error = error as &dyn std::error::Error, "hook not called: no settings");
    HookFailure { cause: FailureCause::Unavailable, message: "the settings of the app cannot be read".to_owned() }
}

fn log_failure(app: &App, hook: &str, failure: &HookFailure, policy: Option<FailurePolicy>) {
    // What a function says when it fails is its author's text and may quote the message; its own log has it.
    let reason = (failure.cause != FailureCause::Failed).then_some(failure.message.as_str());
    match policy {
        Some(policy) => {
            tracing::warn!(app = %app.id, hook, cause = failure.cause.name(), ?policy, reason, "hook call failed");
        }
        None => tracing::warn!(app = %app.id, hook, cause = failure.cause.name(), reason, "notification hook failed"),
    }
}
