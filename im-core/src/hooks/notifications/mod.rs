//! Notification hooks: stored before their operation is acknowledged, called in the background, at least once.
//!
//! A call that fails is made again with growing waits, then it becomes a dead letter. While an engine is dead or
//! overloaded its calls wait and are not counted against: only their age ends them.

mod attempt;
mod dead_letters;
mod dispatcher;
mod journal;
mod lease;
mod outcome;
mod push_calls;
mod retry;
mod session_events;
mod targets;
mod watch;
mod workers;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hook_types::{ClientOffline, Hook, ReceiversOffline};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::dead_letters::DeadLetterReport;
use self::dispatcher::Dispatcher;
pub use self::journal::Written;
use self::journal::{Event, Journal, called};
pub use self::session_events::SessionEvent;
use self::targets::Targets;
use super::channels::channel_of;
use super::engine_calls::EngineCalls;
use super::{FailureCause, HookFailure, metrics};
use crate::app::{App, AppDirectory, ImSettings};
use crate::ids::{AppId, NodeId};
use crate::push::{OfflineMessage, PushGateway};
use crate::store::{CallEntry, CallFor, CallLimits, Calls, NewCall, Store, StoreError, StoredCall};

/// Bytes of calls that may wait or run in one channel of an app.
const CHANNEL_BYTES: u64 = 512 * 1024 * 1024;

/// Stores the calls of notification hooks, and makes them.
pub struct Notifications {
    shared: Arc<Shared>,
}

struct Shared {
    node: NodeId,
    calls: Arc<EngineCalls>,
    dispatcher: Arc<Dispatcher>,
    journal: Journal,
    apps: Arc<dyn AppDirectory>,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Apps whose gauges are above zero.
    shown: Mutex<HashSet<AppId>>,
}

impl Notifications {
    pub(super) fn new(
        node: NodeId,
        (apps, store): (Arc<dyn AppDirectory>, Arc<dyn Store>),
        (calls, gateway): (Arc<EngineCalls>, Arc<dyn PushGateway>),
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let table = store.clone() as Arc<dyn Calls>;
        let targets = Targets {
            apps: apps.clone(),
            calls: calls.clone(),
            conversations: store.clone(),
            subscriptions: store.clone(),
            gateway,
            table: table.clone(),
            node: node.clone(),
        };
        let dispatcher = Dispatcher::new((node.clone(), table), targets, tasks.clone(), shutdown.clone());
        let (dispatcher, journal, shown) = (Arc::new(dispatcher), Journal::default(), Mutex::default());
        let shared = Shared { node, calls, dispatcher, journal, apps, store, tasks, shutdown, shown };
        Self { shared: Arc::new(shared) }
    }

    /// Stores the call of an operation that nothing is stored of, in the order in which this is called. No I/O: when
    /// [`Written`] resolves the call outlives the process, or was counted as dropped: an operation is never refused for its
    /// notification.
    pub(crate) fn notify<H: Hook>(&self, app: &Arc<App>, params: H::Params, remote_address: Option<IpAddr>) -> Written {
        if !self.defines::<H>(app) {
            return Written::ALREADY;
        }
        let Some(params) = encoded::<H>(&app.id, &params) else { return Written::ALREADY };
        let call = hook_call(H::NAME, params, remote_address);
        Journal::record(&self.shared, app, vec![Event::Call(call)])
    }

    /// Stores what happened to a client's session, in the order in which this is called. No I/O: [`Written`] resolves
    /// when the event would outlive the process.
    pub(crate) fn notify_sessions(&self, app: &Arc<App>, events: Vec<SessionEvent>) -> Written {
        Journal::record(&self.shared, app, events.into_iter().map(Event::Session).collect())
    }

    /// Apps that have a `_clientOffline` and of whose open sessions some may not be stored: the hook came after them, or their
    /// row was lost. They are to be stored with [`SessionEvent::StillOnline`]. Each app is answered once; none while the node
    /// has no lease, because others would end what is stored.
    pub(crate) fn apps_with_unstored_sessions(&self) -> Vec<Arc<App>> {
        if self.shared.dispatcher.lease.term().is_none() {
            return Vec::new();
        }
        let has_hook = |app: &AppId| self.shared.apps.app(app).is_some_and(|app| self.defines::<ClientOffline>(&app));
        let incomplete = self.shared.journal.incomplete_apps(has_hook);
        incomplete.iter().filter_map(|app| self.shared.apps.app(app)).collect()
    }

    /// True when somebody is to hear of messages whose receivers are offline: the hook, or a gateway.
    ///
    /// # Errors
    /// When the settings of the app cannot be read.
    pub(crate) async fn wants_offline_messages(&self, app: &App) -> Result<bool, StoreError> {
        Ok(self.defines::<ReceiversOffline>(app)
            || self.shared.calls.settings.get(&app.id).await?.push_gateway.is_some())
    }

    /// Stores that receivers of a message are offline: `_receiversOffline` is called, and what it decides on is pushed. As
    /// [`Self::notify`].
    pub(crate) fn receivers_offline(
        &self,
        app: &Arc<App>,
        message: &OfflineMessage,
        remote_address: Option<IpAddr>,
    ) -> Written {
        let payload = match serde_json::to_vec(message) {
            Ok(payload) => Bytes::from(payload),
            Err(error) => {
                tracing::error!(app = %app.id, %error, "a message for offline receivers cannot be written as JSON");
                return Written::ALREADY;
            }
        };
        let call = hook_call(ReceiversOffline::NAME, payload, remote_address);
        Journal::record(&self.shared, app, vec![Event::Call(call)])
    }

    /// The call of a hook that the store is to write with its operation, with params made of what the operation commits;
    /// `None` when there is nothing to call.
    pub(crate) async fn call_for<H: Hook, R>(
        &self,
        app: &App,
        remote_address: Option<IpAddr>,
        params: impl FnOnce(&R) -> H::Params + Send + 'static,
    ) -> Option<CallFor<R>> {
        if !self.defines::<H>(app) {
            return None;
        }
        let limits = self.shared.limits(&app.id).await;
        let app = app.id.clone();
        let make = move |row: &R| Some(hook_call(H::NAME, encoded::<H>(&app, &params(row))?, remote_address));
        Some(CallFor { make: Box::new(make), limits })
    }

    /// Counts a call of [`Self::call_for`], and lets it be made. No I/O.
    pub(crate) fn stored<H: Hook>(&self, app: &App, call: StoredCall) {
        self.shared.stored(&app.id, H::NAME, call);
    }

    pub(super) async fn forget_app(&self, app: &AppId) -> Result<(), StoreError> {
        self.shared.journal.forget(app);
        self.shared.dispatcher.forget(app).await
    }

    /// True when the hook is to be called (EC-28). No I/O.
    pub(crate) fn defines<H: Hook>(&self, app: &App) -> bool {
        self.shared.calls.engine.defines(app, H::NAME)
    }
}

impl Shared {
    /// Stores calls of one app, in their order, and changes of its open sessions. After an error, which is logged, they may be
    /// stored or not.
    async fn add_calls(&self, app: &AppId, entries: Vec<CallEntry>) -> Result<(), StoreError> {
        let limits = self.limits(app).await;
        let hooks: Vec<_> = entries.iter().map(called).collect();
        match self.store.add_calls(&self.node, app, entries, limits).await {
            Ok(stored) => {
                for (hook, call) in hooks.into_iter().zip(stored) {
                    hook.iter().for_each(|hook| self.stored(app, hook, call));
                }
                Ok(())
            }
            Err(error) => {
                hooks.iter().flatten().for_each(|hook| metrics::dropped(hook));
                let cause = &error as &dyn std::error::Error;
                tracing::error!(%app, error = cause, "notification hooks dropped: they cannot be stored");
                Err(error)
            }
        }
    }

    fn stored(&self, app: &AppId, hook: &'static str, call: StoredCall) {
        match call {
            StoredCall::None => {}
            StoredCall::Full => refused(app, hook),
            StoredCall::Queued => {
                metrics::queued(hook);
                self.dispatcher.wake(app, channel_of(hook));
            }
        }
    }

    async fn limits(&self, app: &AppId) -> CallLimits {
        // Settings that cannot be read now may be readable when the call is made.
        limits_of(&self.calls.settings.get(app).await.unwrap_or_default())
    }
}

fn limits_of(settings: &ImSettings) -> CallLimits {
    let calls = usize::try_from(settings.notification_queue_limit).unwrap_or(usize::MAX);
    CallLimits { calls, bytes: CHANNEL_BYTES }
}

/// A call of a hook, without an order.
fn hook_call(hook: &'static str, params: Bytes, remote_address: Option<IpAddr>) -> NewCall {
    let (channel, target) = (channel_of(hook), hook.to_owned());
    NewCall { channel, target, order_key: None, payload: params, remote_address }
}

fn refused(app: &AppId, hook: &'static str) {
    metrics::dropped(hook);
    tracing::warn!(
        %app,
        hook,
        "notification hook dropped: too many wait; raise `notification_queue_limit` or look at why calls wait"
    );
}

pub(super) fn encode<H: Hook>(params: &H::Params) -> Result<Bytes, HookFailure> {
    let failed = |error| HookFailure {
        cause: FailureCause::Failed,
        message: format!("the params of `{}` cannot be written as JSON: {error}", H::NAME),
    };
    serde_json::to_vec(params).map(Bytes::from).map_err(failed)
}

/// The params as JSON; when they cannot be written that is logged, and there is nothing to call.
fn encoded<H: Hook>(app: &AppId, params: &H::Params) -> Option<Bytes> {
    let log = |failure: &HookFailure| tracing::error!(%app, hook = H::NAME, %failure, "hook not called");
    encode::<H>(params).inspect_err(log).ok()
}
