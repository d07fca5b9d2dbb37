//! Notification hooks: queued before their operation is acknowledged, called in the background, at least once.
//!
//! A call that fails is made again with growing waits, then it becomes a dead letter. While an engine is dead or
//! overloaded its calls wait and are not counted against: only their age ends them.

mod attempt;
mod dispatcher;
mod journal;
mod letters;
mod outbox;
mod presence;
mod retry;
mod worker;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hook_types::{ClientOffline, Hook};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::dispatcher::Dispatcher;
pub use self::journal::Receipt;
use self::journal::{Event, Journal};
use self::outbox::HandedOver;
pub use self::presence::PresenceEvent;
use super::engine_calls::EngineCalls;
use super::queue::{Entry, HookQueue, NewCall, QueueError};
use super::{FailureCause, HookFailure, metrics};
use crate::app::{App, AppDirectory};
use crate::ids::AppId;
use crate::store::{CallBeside, CallPlace, HookBeside, Store};
use crate::timestamp::Timestamp;

/// How often the queues are searched for calls without a worker: those of another node that is gone.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// How long a start waits for what an earlier process left.
const RECOVERY_TIME: Duration = Duration::from_secs(10);

/// Queues the calls of notification hooks, and makes them.
pub struct Notifications {
    shared: Arc<Shared>,
}

struct Shared {
    calls: Arc<EngineCalls>,
    /// In the order in which they are tried.
    dispatchers: Vec<Arc<Dispatcher>>,
    journal: Journal,
    handed_over: HandedOver,
    apps: Arc<dyn AppDirectory>,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Apps whose gauges are above zero.
    shown: Mutex<HashSet<AppId>>,
}

impl Notifications {
    pub(super) fn new(
        (apps, store): (Arc<dyn AppDirectory>, Arc<dyn Store>),
        calls: Arc<EngineCalls>,
        queues: Vec<Arc<dyn HookQueue>>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let dispatcher =
            |queue| Arc::new(Dispatcher::new(queue, apps.clone(), calls.clone(), tasks.clone(), shutdown.clone()));
        let dispatchers = queues.into_iter().map(dispatcher).collect();
        let (journal, handed_over, shown) = (Journal::default(), HandedOver::default(), Mutex::default());
        let shared = Shared { calls, dispatchers, journal, handed_over, apps, store, tasks, shutdown, shown };
        Self { shared: Arc::new(shared) }
    }

    /// Queues the call of an operation that nothing is stored of, in the order in which this is called. No I/O: when the
    /// receipt says so the call outlives the process, or was counted as dropped: an operation is never refused for its
    /// notification.
    pub(crate) fn notify<H: Hook>(
        &self,
        app: &Arc<App>,
        params: impl FnOnce() -> H::Params,
        remote_address: Option<IpAddr>,
    ) -> Receipt {
        if !self.defines::<H>(app) {
            return Receipt::DONE;
        }
        let Some(params) = encoded::<H>(app, &params()) else { return Receipt::DONE };
        let call = NewCall { hook: H::NAME, params, lane: None, remote_address };
        Journal::record(&self.shared, app, vec![Event::Call(call)])
    }

    /// Queues what happened to a client's session, in the order in which this is called. No I/O: the receipt shows when
    /// the event would outlive the process.
    pub(crate) fn notify_presence(&self, app: &Arc<App>, events: Vec<PresenceEvent>) -> Receipt {
        Journal::record(&self.shared, app, events.into_iter().map(Event::Session).collect())
    }

    /// Apps that have a `_clientOffline` now and had none when some of their sessions began: these are to be told of with
    /// [`PresenceEvent::StillOnline`]. Each app is answered once.
    pub(crate) fn apps_with_new_offline_hook(&self) -> Vec<Arc<App>> {
        let has_hook = |app: &AppId| self.shared.apps.app(app).is_some_and(|app| self.defines::<ClientOffline>(&app));
        let late = self.shared.journal.late_apps(has_hook);
        late.iter().filter_map(|app| self.shared.apps.app(app)).collect()
    }

    /// The call of a hook to be stored together with its operation; `None` when there is nothing to call.
    pub(crate) async fn beside<H: Hook>(
        &self,
        app: &App,
        remote_address: Option<IpAddr>,
        params: impl FnOnce() -> H::Params,
    ) -> Option<HookBeside<H::Params>> {
        if !self.defines::<H>(app) {
            return None;
        }
        let joined = self.shared.dispatchers.first().is_some_and(|dispatcher| dispatcher.queue().joins_store());
        let place = if joined { CallPlace::Queue { bound: self.shared.bound(app).await } } else { CallPlace::Outbox };
        Some(HookBeside { params: params(), remote_address, place })
    }

    /// Sees to a call of [`Self::beside`] that is stored. No I/O: the operation is acknowledged after the receipt says that
    /// the call is numbered and where it stays, or that no queue takes it now, and it stays in the outbox.
    pub(crate) fn stored<H: Hook>(&self, app: &Arc<App>, call: CallBeside) -> Receipt {
        match call {
            CallBeside::Absent => {}
            CallBeside::Refused => refused(app, H::NAME, 1),
            CallBeside::InOutbox(call) => return Journal::record(&self.shared, app, vec![Event::Stored(call)]),
            CallBeside::Queued => {
                metrics::queued(H::NAME);
                if let Some(dispatcher) = self.shared.dispatchers.first() {
                    dispatcher.wake_for(&app.id, H::NAME);
                }
            }
        }
        Receipt::DONE
    }

    /// Goes on where an earlier process died: queues the calls of operations that it had stored, and `_clientOffline` for
    /// the sessions that it had open. To be waited for before the first request, so that what clients do next comes later.
    /// A queue that cannot be reached ends its sessions when it can; the calls go to the next queue.
    pub async fn recover(&self) {
        let recovering = async {
            outbox::hand_over(&self.shared, Duration::ZERO).await;
            for dispatcher in &self.shared.dispatchers {
                if let Err(error) = dispatcher.queue().end_lost_sessions().await {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "sessions that were lost with an earlier process cannot be ended yet");
                }
            }
        };
        if tokio::time::timeout(RECOVERY_TIME, recovering).await.is_err() {
            tracing::error!("what an earlier process left is seen to while clients log in");
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

    /// Works on all waiting calls, of this process and of others.
    pub async fn resume(&self) {
        outbox::hand_over(&self.shared, outbox::FORGOTTEN).await;
        let mut waiting: HashMap<AppId, (u64, Timestamp)> = HashMap::new();
        for dispatcher in &self.shared.dispatchers {
            match dispatcher.queue().backlog().await {
                Ok(backlog) => {
                    dispatcher.resume(&backlog);
                    for entry in backlog {
                        let (calls, oldest) = waiting.entry(entry.app).or_insert((0, entry.oldest));
                        *calls = calls.saturating_add(entry.waiting);
                        *oldest = entry.oldest.min(*oldest);
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the queue of notification hooks cannot be looked through");
                }
            }
        }
        let now = Timestamp::now();
        waiting.iter().for_each(|(app, (calls, oldest))| metrics::waiting(app, *calls, now.since(*oldest)));
        let shown = waiting.into_keys().collect();
        let mut before = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        before.difference(&shown).for_each(|app| metrics::waiting(app, 0, Duration::ZERO));
        *before = shown;
    }

    /// Of all queues, also behind one that fails.
    pub(super) async fn forget_app(&self, app: &AppId) -> Result<(), QueueError> {
        let mut forgotten = Ok(());
        for dispatcher in &self.shared.dispatchers {
            forgotten = dispatcher.forget(app).await.and(forgotten);
        }
        forgotten
    }

    /// True when the hook is to be called (EC-28). No I/O.
    pub(crate) fn defines<H: Hook>(&self, app: &App) -> bool {
        self.shared.calls.engine.defines(app, H::NAME)
    }
}

impl Shared {
    /// Queues calls of one app, in their order, and notes the state of its sessions.
    async fn record(self: &Arc<Self>, app: &Arc<App>, entries: Vec<Entry>) {
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
                    if !dispatcher.queue().joins_store() {
                        let rows = entries.iter().filter_map(|entry| entry.row).collect();
                        HandedOver::clear_soon(self, dispatcher, &app.id, rows);
                    }
                    return;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(app = %app.id, error, "notification hooks cannot be queued here; the next queue is tried");
                }
            }
        }
        for (call, row) in entries.iter().filter_map(|entry| Some((entry.call.as_ref()?, entry.row))) {
            if row.is_some() {
                tracing::error!(app = %app.id, hook = call.hook, "notification hook waits in the outbox: no queue takes it");
            } else {
                metrics::dropped(call.hook);
                tracing::error!(app = %app.id, hook = call.hook, "notification hook dropped: no queue takes it");
            }
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
