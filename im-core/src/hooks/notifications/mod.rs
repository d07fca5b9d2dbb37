//! Notification hooks: stored before their operation is acknowledged, called in the background, at least once.
//!
//! A call that fails is made again with growing waits, then it becomes a dead letter. While an engine is dead or
//! overloaded its calls wait and are not counted against: only their age ends them.

mod attempt;
mod dead_letters;
mod dispatcher;
mod journal;
mod retry;
mod session_events;
mod workers;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hook_types::{ClientOffline, Hook};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::dead_letters::DeadLetterReport;
use self::dispatcher::Dispatcher;
pub use self::journal::Written;
use self::journal::{Event, Journal, called};
pub use self::session_events::SessionEvent;
use super::channels::channel_of;
use super::engine_calls::EngineCalls;
use super::{FailureCause, HookFailure, metrics};
use crate::app::{App, AppDirectory};
use crate::ids::{AppId, NodeId};
use crate::store::{CallEntry, CallFor, CallLimits, Calls, NewCall, Store, StoreError, StoredCall};
use crate::timestamp::Timestamp;

/// How often the table is searched for calls without a worker, and the node's lease renewed.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// A node that did not renew its lease for so long is dead: others end its sessions and make its calls.
const LEASE: Duration = Duration::from_secs(30);

/// So many renewals in a row must succeed before this node ends others: where the store was away for all of them, each has
/// had the time to renew its lease.
const RENEWALS_BEFORE_ENDING: u32 = 3;

/// How long a start waits for what an earlier process left.
const RECOVERY_TIME: Duration = Duration::from_secs(10);

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
        calls: Arc<EngineCalls>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let table = (node.clone(), store.clone() as Arc<dyn Calls>);
        let dispatcher = Dispatcher::new(table, apps.clone(), calls.clone(), tasks.clone(), shutdown.clone());
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

    /// Apps that have a `_clientOffline` now and had none when some of their sessions began: their sessions are to be stored
    /// with [`SessionEvent::StillOnline`]. Each app is answered once.
    pub(crate) fn apps_with_new_offline_hook(&self) -> Vec<Arc<App>> {
        let has_hook = |app: &AppId| self.shared.apps.app(app).is_some_and(|app| self.defines::<ClientOffline>(&app));
        let late = self.shared.journal.late_apps(has_hook);
        late.iter().filter_map(|app| self.shared.apps.app(app)).collect()
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

    /// Goes on where earlier processes died: stores `_clientOffline` for the sessions that they had open. `earlier` is the
    /// node that ran on the same data before. To be waited for before the first request, so that what clients do next
    /// comes later.
    pub async fn recover(&self, earlier: Option<&NodeId>) {
        let Shared { store, node, .. } = self.shared.as_ref();
        let recovering = async {
            let of_earlier = match earlier {
                Some(earlier) => store.end_node(earlier).await?,
                None => 0,
            };
            store.renew_lease(node, LEASE).await?;
            Ok(of_earlier + store.end_lost_nodes(node).await?)
        };
        match tokio::time::timeout(RECOVERY_TIME, recovering).await {
            Ok(ended) => ended_sessions(ended),
            Err(_) => {
                tracing::error!("sessions of earlier processes are ended while clients log in: the store is slow")
            }
        }
    }

    /// Makes what waits, renews the node's lease and ends nodes that died, until the server stops.
    pub async fn watch(&self) {
        let watching = async {
            let mut ticks = tokio::time::interval(WATCH_EVERY);
            let mut renewals = 0;
            loop {
                ticks.tick().await;
                renewals = self.renew_lease(renewals).await;
                self.resume().await;
            }
        };
        self.shared.shutdown.run_until_cancelled(watching).await;
    }

    /// Renews the lease, and ends lost nodes where that has succeeded often enough in a row; answers how often it has.
    async fn renew_lease(&self, renewals: u32) -> u32 {
        let Shared { store, node, .. } = self.shared.as_ref();
        if let Err(error) = store.renew_lease(node, LEASE).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the lease of this node is not renewed");
            return 0;
        }
        let renewals = renewals.saturating_add(1);
        if renewals >= RENEWALS_BEFORE_ENDING {
            ended_sessions(store.end_lost_nodes(node).await);
        }
        renewals
    }

    /// Works on all waiting calls, of this process and of others.
    pub async fn resume(&self) {
        let mut waiting: HashMap<AppId, (u64, Timestamp)> = HashMap::new();
        match self.shared.store.backlog().await {
            Ok(backlog) => {
                self.shared.dispatcher.resume(&backlog);
                for entry in backlog {
                    let (calls, oldest) = waiting.entry(entry.app).or_insert((0, entry.oldest));
                    *calls = calls.saturating_add(entry.waiting);
                    *oldest = entry.oldest.min(*oldest);
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the calls of notification hooks cannot be looked through");
                return;
            }
        }
        let now = Timestamp::now();
        waiting.iter().for_each(|(app, (calls, oldest))| metrics::waiting(app, *calls, now.since(*oldest)));
        let shown = waiting.into_keys().collect();
        let mut before = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        before.difference(&shown).for_each(|app| metrics::waiting(app, 0, Duration::ZERO));
        *before = shown;
    }

    pub(super) async fn forget_app(&self, app: &AppId) -> Result<(), StoreError> {
        self.shared.dispatcher.forget(app).await
    }

    /// True when the hook is to be called (EC-28). No I/O.
    pub(crate) fn defines<H: Hook>(&self, app: &App) -> bool {
        self.shared.calls.engine.defines(app, H::NAME)
    }
}

impl Shared {
    /// Stores calls of one app, in their order, and changes of its open sessions.
    async fn add_calls(&self, app: &AppId, entries: Vec<CallEntry>) {
        let limits = self.limits(app).await;
        let hooks: Vec<_> = entries.iter().map(called).collect();
        match self.store.add_calls(&self.node, app, entries, limits).await {
            Ok(stored) => {
                for (hook, call) in hooks.into_iter().zip(stored) {
                    hook.iter().for_each(|hook| self.stored(app, hook, call));
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                hooks.iter().flatten().for_each(|hook| metrics::dropped(hook));
                tracing::error!(%app, error, "notification hooks dropped: they cannot be stored");
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
        let settings = self.calls.settings.get(app).await.unwrap_or_default();
        let calls = usize::try_from(settings.notification_queue_limit).unwrap_or(usize::MAX);
        CallLimits { calls, bytes: CHANNEL_BYTES }
    }
}

/// A call of a hook, without an order.
fn hook_call(hook: &'static str, params: Bytes, remote_address: Option<IpAddr>) -> NewCall {
    let (channel, target) = (channel_of(hook), hook.to_owned());
    NewCall { channel, target, order_key: None, payload: params, remote_address }
}

fn ended_sessions(ended: Result<usize, StoreError>) {
    match ended {
        Ok(0) => {}
        Ok(sessions) => {
            tracing::warn!(sessions, "sessions were lost with their process: their `_clientOffline` is queued");
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "sessions that were lost with their process cannot be ended yet");
        }
    }
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
