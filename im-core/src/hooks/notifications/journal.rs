//! Events to be written, in the order in which they happened. No task waits for a disk under a lock.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tokio::sync::oneshot;

use super::session_events::{SessionEvent, SessionsInStore};
use super::{Shared, metrics, refused};
use crate::app::App;
use crate::hooks::channels::hook_named;
use crate::ids::AppId;
use crate::store::{CallEntry, NewCall};

/// Events of an app that may wait to be written. Only the end of very many sockets at once comes near it.
const MAX_WAITING: usize = 65_536;

/// Events that are written at once.
const BATCH: usize = 256;

/// An event that notification hooks must receive, of something that is not stored itself.
pub(super) enum Event {
    /// A log-in or a log-out.
    Session(SessionEvent),
    /// An operation that nothing is stored of.
    Call(NewCall),
}

/// Resolves when the events would outlive the process.
#[derive(Debug)]
pub struct Written(Option<oneshot::Receiver<()>>);

impl Written {
    /// For what needs no wait.
    pub(crate) const ALREADY: Self = Self(None);

    /// Bounded by the deadlines of the store's writes.
    pub async fn wait(self) {
        if let Some(written) = self.0 {
            // A sender that is gone has logged why.
            let _ = written.await;
        }
    }
}

/// What waits to be written, by app.
#[derive(Default)]
pub(super) struct Journal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A task writes these events, and removes an app without events.
    apps: HashMap<AppId, VecDeque<Waiting>>,
    in_store: SessionsInStore,
}

struct Waiting {
    entry: CallEntry,
    /// Sent after the last of the events that came together.
    written: Option<oneshot::Sender<()>>,
}

impl Journal {
    /// Takes events of one app over, in order.
    pub(super) fn record(shared: &Arc<Shared>, app: &Arc<App>, events: Vec<Event>) -> Written {
        let mut guard = shared.journal.state();
        let State { apps, in_store } = &mut *guard;
        let waiting = apps.get(&app.id).map_or(0, VecDeque::len);
        let mut entries = VecDeque::new();
        for event in events {
            let is_full = waiting + entries.len() >= MAX_WAITING;
            match event {
                Event::Session(event) if is_full => refused(&app.id, event.hook()),
                Event::Call(call) if is_full => hook_named(&call.target).iter().for_each(|hook| refused(&app.id, hook)),
                Event::Session(event) => entries.extend(event.into_entry(&shared.calls, app, in_store)),
                Event::Call(call) => entries.push_back(call.into()),
            }
        }
        if entries.is_empty() {
            return Written::ALREADY;
        }
        let mut entries: VecDeque<_> = entries.into_iter().map(|entry| Waiting { entry, written: None }).collect();
        let (sender, written) = oneshot::channel();
        if let Some(last) = entries.back_mut() {
            last.written = Some(sender);
        }
        match apps.entry(app.id.clone()) {
            Entry::Occupied(mut waiting) => waiting.get_mut().extend(entries),
            Entry::Vacant(no_writer) => {
                no_writer.insert(entries);
                let (writing, app) = (shared.clone(), app.clone());
                shared.tasks.spawn(async move { write(&writing, &app).await });
            }
        }
        Written(Some(written))
    }

    /// Apps whose sessions are to be stored, because they have a `_clientOffline` now and had none; each is answered once.
    pub(super) fn late_apps(&self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.state().in_store.take_late(has_hook)
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
        let (entries, written): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.entry, waiting.written)).unzip();
        let hooks: Vec<_> = entries.iter().filter_map(called).collect();
        // Events behind those that made a backend panic are written nevertheless: no other task does it.
        if AssertUnwindSafe(shared.add_calls(&app.id, entries)).catch_unwind().await.is_err() {
            hooks.iter().for_each(|hook| metrics::dropped(hook));
            tracing::error!(app = %app.id, calls = hooks.len(), "notification hooks dropped: storing them panicked");
        }
        for written in written.into_iter().flatten() {
            // No request waits for the end of a lost connection.
            let _ = written.send(());
        }
    }
}

pub(super) fn called(entry: &CallEntry) -> Option<&'static str> {
    hook_named(&entry.call.as_ref()?.target)
}
