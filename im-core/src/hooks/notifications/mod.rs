//! Notification hooks: queued before their operation is acknowledged, called in the background, at least once.
//!
//! A call that fails is made again with growing waits, then it becomes a dead letter. While an engine is dead or drowning
//! its calls wait and are not counted against: only their age ends them.

mod attempt;
mod dispatcher;
mod letters;
mod presence;
mod retry;
mod worker;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hook_types::{Hook, MessageSent, MessageSentParams};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::dispatcher::Dispatcher;
use self::presence::Journal;
pub(crate) use self::presence::{PresenceEvent, Receipt};
use super::engine_calls::EngineCalls;
use super::queue::{Entry, HookQueue, NewCall};
use super::{FailureCause, HookFailure, metrics};
use crate::app::{App, AppDirectory};
use crate::ids::AppId;
use crate::store::SentHook;
use crate::timestamp::Timestamp;

/// How often the queues are looked through for calls that nobody works on: those of another node that is gone.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// How long a start waits for the sessions of an earlier process to be ended.
const ENDING_TIME: Duration = Duration::from_secs(10);

/// Queues the calls of notification hooks, and makes them.
pub struct Notifications {
    shared: Arc<Shared>,
}

struct Shared {
    calls: Arc<EngineCalls>,
    /// In the order in which they are tried.
    dispatchers: Vec<Arc<Dispatcher>>,
    journal: Journal,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Apps whose gauges are above zero.
    shown: Mutex<HashSet<AppId>>,
}

impl Notifications {
    pub(super) fn new(
        apps: Arc<dyn AppDirectory>,
        calls: Arc<EngineCalls>,
        queues: Vec<Arc<dyn HookQueue>>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let dispatcher =
            |queue| Arc::new(Dispatcher::new(queue, apps.clone(), calls.clone(), tasks.clone(), shutdown.clone()));
        let dispatchers = queues.into_iter().map(dispatcher).collect();
        let shared =
            Shared { calls, dispatchers, journal: Journal::default(), tasks, shutdown, shown: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Queues a call. When this returns the call outlives the process, or was counted as dropped: an operation is never
    /// refused for its notification.
    pub async fn notify<H: Hook>(&self, app: &Arc<App>, params: &H::Params, remote_address: Option<IpAddr>) {
        if !self.defines::<H>(app) {
            return;
        }
        let Some(params) = encoded::<H>(app, params) else { return };
        let call = NewCall { hook: H::NAME, params, lane: None, remote_address };
        self.shared.record(app, vec![call.into()]).await;
    }

    /// Queues what happened to a client's session, in the order in which this is called. No I/O: the receipt tells when
    /// the event would outlive the process.
    pub(crate) fn notify_presence(&self, app: &Arc<App>, events: Vec<PresenceEvent>) -> Receipt {
        Journal::record(&self.shared, app, events)
    }

    /// The call of `_messageSent` to be stored together with its message; `None` when there is nothing to call, or the
    /// queue lies elsewhere and [`Self::notify`] is the way.
    pub(crate) async fn beside_message(
        &self,
        app: &App,
        remote_address: Option<IpAddr>,
        params: impl FnOnce() -> MessageSentParams,
    ) -> Option<SentHook> {
        if !self.joins_store() || !self.defines::<MessageSent>(app) {
            return None;
        }
        let bound = self.shared.bound(app).await;
        Some(SentHook { params: params(), remote_address, bound })
    }

    /// True when a message's call is stored with the message.
    pub(crate) fn joins_store(&self) -> bool {
        self.shared.dispatchers.first().is_some_and(|dispatcher| dispatcher.queue().joins_store())
    }

    /// Tells what became of a call of [`Self::beside_message`].
    pub(crate) fn stored_beside_message(&self, app: &App, queued: bool) {
        if queued {
            metrics::queued(MessageSent::NAME);
            if let Some(dispatcher) = self.shared.dispatchers.first() {
                dispatcher.wake_for(&app.id, MessageSent::NAME);
            }
        } else {
            refused(app, MessageSent::NAME, 1);
        }
    }

    /// Queues `_clientOffline` for the sessions that were lost with an earlier process. To be waited for before the first
    /// login, so that the clients' next `_clientOnline` comes later. A queue that cannot be reached does it when it can.
    pub async fn end_lost_sessions(&self) {
        let ending = async {
            for dispatcher in &self.shared.dispatchers {
                if let Err(error) = dispatcher.queue().end_lost_sessions().await {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "sessions that were lost with an earlier process cannot be ended yet");
                }
            }
        };
        if tokio::time::timeout(ENDING_TIME, ending).await.is_err() {
            tracing::error!("ending the sessions of an earlier process goes on while clients log in");
        }
    }

    /// Goes on with what an earlier process left, then watches the queues until the server stops.
    pub async fn watch(&self) {
        let watching = async {
            let mut ticks = tokio::time::interval(WATCH_EVERY);
            loop {
                ticks.tick().await;
                self.resume().await;
            }
        };
        self.shared.shutdown.run_until_cancelled(watching).await;
    }

    /// Works on everything that waits, whoever queued it.
    pub async fn resume(&self) {
        let mut shown = HashSet::new();
        for dispatcher in &self.shared.dispatchers {
            match dispatcher.queue().backlog().await {
                Ok(backlog) => {
                    dispatcher.resume(&backlog);
                    let now = Timestamp::now();
                    for app in backlog.iter().map(|entry| &entry.app).collect::<HashSet<_>>() {
                        let of_app = backlog.iter().filter(|entry| entry.app == *app);
                        let waiting = of_app.clone().map(|entry| entry.waiting).sum();
                        let oldest = of_app.map(|entry| entry.oldest).min().unwrap_or(now);
                        metrics::waiting(app, waiting, now.since(oldest));
                        shown.insert(app.clone());
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the queue of notification hooks cannot be looked through");
                }
            }
        }
        let mut before = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        before.difference(&shown).for_each(|app| metrics::waiting(app, 0, Duration::ZERO));
        *before = shown;
    }

    pub(super) async fn forget_app(&self, app: &AppId) {
        for dispatcher in &self.shared.dispatchers {
            dispatcher.forget(app).await;
        }
    }

    /// True when the hook is to be called (EC-28). No I/O.
    pub(crate) fn defines<H: Hook>(&self, app: &App) -> bool {
        self.shared.calls.engine.defines(app, H::NAME)
    }
}

impl Shared {
    /// Queues calls of one app, in their order, and notes what is said of its sessions.
    async fn record(&self, app: &Arc<App>, entries: Vec<Entry>) {
        let bound = self.bound(app).await;
        let hooks: Vec<&'static str> = entries.iter().filter_map(|entry| Some(entry.call.as_ref()?.hook)).collect();
        for dispatcher in &self.dispatchers {
            match dispatcher.queue().record(&app.id, entries.clone(), bound).await {
                Ok(refused_calls) => {
                    let (kept, refused_calls) = hooks.split_at(hooks.len().saturating_sub(refused_calls));
                    kept.iter().for_each(|hook| {
                        metrics::queued(hook);
                        dispatcher.wake_for(&app.id, hook);
                    });
                    refused_calls.iter().for_each(|hook| refused(app, hook, 1));
                    return;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(app = %app.id, error, "notification hooks cannot be queued here; the next queue is tried");
                }
            }
        }
        for hook in hooks {
            metrics::dropped(hook);
            tracing::error!(app = %app.id, hook, "notification hook dropped: no queue takes it");
        }
    }

    async fn bound(&self, app: &App) -> usize {
        // Settings that cannot be read now may be readable when the call is made.
        let settings = self.calls.settings.get(&app.id).await.unwrap_or_default();
        usize::try_from(settings.notification_queue_limit).unwrap_or(usize::MAX)
    }
}

fn refused(app: &App, hook: &'static str, calls: u64) {
    metrics::dropped(hook);
    tracing::warn!(
        app = %app.id,
        hook,
        calls,
        "notification hook dropped: the queue is full; raise `notification_queue_limit` or look at why calls wait"
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
fn encoded<H: Hook>(app: &App, params: &H::Params) -> Option<Bytes> {
    let log = |failure: &HookFailure| tracing::error!(app = %app.id, hook = H::NAME, %failure, "hook not called");
    encode::<H>(params).inspect_err(log).ok()
}
