//! Events to be queued, in the order in which they happened. No task waits for a disk or for Redis under a lock.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tokio::sync::oneshot;

use super::presence::{Notes, PresenceEvent};
use super::{Shared, metrics, refused};
use crate::app::App;
use crate::hooks::queue::{Entry, NewCall};
use crate::ids::AppId;
use crate::store::OutboxCall;

/// Events of an app that may wait for their queue. Only the end of very many sockets at once comes near it.
const MAX_WAITING: usize = 65_536;

/// Events that are written at once.
const BATCH: usize = 256;

/// An event that notification hooks must receive.
pub(super) enum Event {
    /// A login or a logout.
    Session(PresenceEvent),
    /// An operation that nothing is stored of.
    Call(NewCall),
    /// An operation that is stored, with its call in the outbox.
    Stored(OutboxCall),
}

/// Resolves when the events would outlive the process.
#[derive(Debug)]
pub struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    /// For what needs no wait.
    pub(crate) const DONE: Self = Self(None);

    /// Bounded by the deadlines of the queues' writes.
    pub async fn written(self) {
        if let Some(receipt) = self.0 {
            // A sender that is gone has logged why.
            let _ = receipt.await;
        }
    }
}

/// What waits to be queued, by app.
#[derive(Default)]
pub(super) struct Journal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A task writes these events, and removes an app without events.
    apps: HashMap<AppId, VecDeque<Waiting>>,
    notes: Notes,
}

struct Waiting {
    entry: Entry,
    /// Told after the last of the events that came together.
    receipt: Option<oneshot::Sender<()>>,
}

impl Journal {
    /// Takes events of one app over, in order.
    pub(super) fn record(shared: &Arc<Shared>, app: &Arc<App>, events: Vec<Event>) -> Receipt {
        let mut guard = shared.journal.state();
        let State { apps, notes } = &mut *guard;
        let waiting = apps.get(&app.id).map_or(0, VecDeque::len);
        let mut entries = VecDeque::new();
        for event in events {
            match event {
                Event::Stored(call) if waiting + entries.len() >= MAX_WAITING => {
                    tracing::warn!(app = %app.id, hook = call.call.hook, "notification hook waits in the outbox: too many wait before it");
                }
                Event::Session(event) if waiting + entries.len() >= MAX_WAITING => refused(app, event.hook(), 1),
                Event::Call(call) if waiting + entries.len() >= MAX_WAITING => refused(app, call.hook, 1),
                Event::Stored(call) => entries.push_back(call.into()),
                Event::Session(event) => entries.extend(event.into_entry(&shared.calls, app, notes)),
                Event::Call(call) => entries.push_back(call.into()),
            }
        }
        if entries.is_empty() {
            return Receipt::DONE;
        }
        let mut entries: VecDeque<_> = entries.into_iter().map(|entry| Waiting { entry, receipt: None }).collect();
        let (sender, receipt) = oneshot::channel();
        if let Some(last) = entries.back_mut() {
            last.receipt = Some(sender);
        }
        match apps.entry(app.id.clone()) {
            Place::Occupied(mut waiting) => waiting.get_mut().extend(entries),
            Place::Vacant(no_writer) => {
                no_writer.insert(entries);
                let (writing, app) = (shared.clone(), app.clone());
                shared.tasks.spawn(async move { write(&writing, &app).await });
            }
        }
        Receipt(Some(receipt))
    }

    /// Apps whose sessions are to be noted, because they have a `_clientOffline` now and had none; each is answered once.
    pub(super) fn late_apps(&self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.state().notes.take_late(has_hook)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events of an app; `None`, which ends the writer, when there are none.
    fn next(&self, app: &AppId) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let waiting = state.apps.get_mut(app).filter(|waiting| !waiting.is_empty());
        let next = waiting.map(|waiting| waiting.drain(..waiting.len().min(BATCH)).collect());
        if next.is_none() {
            state.apps.remove(app);
        }
        next
    }
}

async fn write(shared: &Arc<Shared>, app: &Arc<App>) {
    while let Some(waiting) = shared.journal.next(&app.id) {
        let (entries, receipts): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.entry, waiting.receipt)).unzip();
        let hooks: Vec<_> = entries.iter().filter(|entry| entry.row.is_none()).filter_map(called).collect();
        // Events behind those that made a backend panic are written nevertheless: no other task does it.
        if AssertUnwindSafe(shared.record(app, entries)).catch_unwind().await.is_err() {
            hooks.iter().for_each(|hook| metrics::dropped(hook));
            tracing::error!(app = %app.id, calls = hooks.len(), "notification hooks dropped: recording them panicked");
        }
        for receipt in receipts.into_iter().flatten() {
            // No request waits for the end of a lost connection.
            let _ = receipt.send(());
        }
    }
}

fn called(entry: &Entry) -> Option<&'static str> {
    Some(entry.call.as_ref()?.hook)
}
