//! Calls blocking hooks: failure policy, counting. Notification hooks go the way of [`super::notifications`].

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hook_types::{Hook, ReadReply, read_reply};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::breaker::{BreakerReport, Breakers};
use super::engine_calls::EngineCalls;
use super::notifications::{Notifications, encode};
use super::settings::timeout;
use super::{AppSettings, FailureCause, HookCall, HookEngine, HookFailure, metrics, policy};
use crate::app::{App, AppDirectory, FailurePolicy, ImSettings};
use crate::error::{Code, RequestError};
use crate::ids::{AppId, NodeId};
use crate::push::PushGateway;
use crate::store::{Store, StoreError};

/// S-84: a call that keeps a client waiting longer than this is logged.
const SLOW: Duration = Duration::from_secs(1);

/// Calls the hooks of all apps.
pub struct HookCaller {
    calls: Arc<EngineCalls>,
    notifications: Notifications,
}

impl HookCaller {
    /// `store` keeps the calls of notification hooks and of offline push, which `node` makes. `tasks` runs those calls; after `shutdown` each
    /// ends within [`crate::app::MAX_HOOK_TIMEOUT`].
    pub fn new(
        node: NodeId,
        (apps, store): (Arc<dyn AppDirectory>, Arc<dyn Store>),
        (engine, gateway): (Arc<dyn HookEngine>, Arc<dyn PushGateway>),
        settings: Arc<AppSettings>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let calls = Arc::new(EngineCalls { engine, settings, breakers: Breakers::default() });
        let notifications = Notifications::new(node, (apps, store), (calls.clone(), gateway), tasks, shutdown);
        Self { calls, notifications }
    }

    /// The notification hooks.
    pub fn notifications(&self) -> &Notifications {
        &self.notifications
    }

    /// The circuit breakers of the hooks that the app's production environment defines.
    pub fn breakers(&self, app: &App) -> Vec<BreakerReport> {
        let hooks = hook_types::hook::IM_HOOKS.iter().map(|(hook, _)| *hook);
        let defined = hooks.filter(|hook| self.calls.engine.defines(app, hook));
        defined.map(|hook| self.calls.breakers.report(&app.id, hook)).collect()
    }

    /// Forgets an app that was deleted: its breakers and its queued calls.
    pub(crate) async fn forget_app(&self, app: &AppId) -> Result<(), StoreError> {
        self.calls.breakers.forget(app);
        self.calls.engine.forget(app);
        self.notifications.forget_app(app).await
    }

    /// Says that the engine is there again: open circuit breakers try it with their next call, however long their
    /// cool-down would still last.
    pub fn engine_is_back(&self) {
        self.calls.breakers.end_cool_downs();
    }

    /// True when the app has the hook.
    pub fn is_defined<H: Hook>(&self, app: &App) -> bool {
        self.calls.engine.defines(app, H::NAME)
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
        if !self.is_defined::<H>(app) {
            return Ok(H::Reply::default());
        }
        let settings = self.calls.settings(app, H::NAME).await?;
        let failure = match self.call::<H>(app, params, remote_address, &settings).await {
            Ok(reply) => match check(&reply) {
                Ok(()) => return Ok(reply),
                Err(message) => HookFailure { cause: FailureCause::BadReply, message },
            },
            Err(failure) => failure,
        };
        let policy = policy::on_failure(&settings, H::NAME, failure.cause);
        tracing::warn!(
            app = %app.id,
            hook = H::NAME,
            cause = failure.cause.name(),
            ?policy,
            reason = failure.loggable(),
            "hook call failed"
        );
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

    async fn call<H: Hook>(
        &self,
        app: &Arc<App>,
        params: &H::Params,
        remote_address: Option<IpAddr>,
        settings: &ImSettings,
    ) -> Result<H::Reply, HookFailure> {
        let deadline = timeout(settings, H::NAME, H::KIND);
        let (app, params) = (app.clone(), encode::<H>(params)?);
        let call = HookCall { app: app.clone(), hook: H::NAME, params, remote_address, sequence: None, deadline };
        let started = Instant::now();
        let result = self.calls.call(settings, call).await;
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

/// The client's error when a blocking hook failed under [`FailurePolicy::Abort`] (S-82).
pub(crate) fn aborted_by<H: Hook>(code: Code) -> impl FnOnce(HookFailure) -> RequestError {
    move |failure| RequestError::detailed(code, format!("hook call failed: `{}`: {failure}", H::NAME))
}
