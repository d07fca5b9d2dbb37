//! Events to be written, in the order in which they happened. No task waits for a disk under a lock.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tokio::sync::oneshot;

use super::session_events::{Change, SessionEvent, SessionsInStore};
use super::{Shared, metrics, refused};
use crate::app::App;
use crate::hooks::channels::target_named;
use crate::ids::AppId;
use crate::store::{CallEntry, NewCall, SessionEntry};

/// Events of an app that may wait to be written. Only the end of very many sockets at once comes near it.
const MAX_WAITING: usize = 65_536;

/// Bytes of an app's calls that may wait to be written: no more events are taken while there are so many. In this memory all
/// channels of the app wait for the store, for the seconds in which it does not answer.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

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
    apps: HashMap<AppId, Queue>,
    in_store: SessionsInStore,
}

/// What waits of an app.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Of what waits, and of what is being written.
    bytes: usize,
    being_written_bytes: usize,
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
        let (waiting, mut bytes) = apps.get(&app.id).map_or((0, 0), |queue| (queue.waiting.len(), queue.bytes));
        let mut entries = VecDeque::new();
        for event in events {
            let is_full = waiting + entries.len() >= MAX_WAITING || bytes >= MAX_WAITING_BYTES;
            let entry = match event {
                Event::Session(event) if is_full => {
                    refused(&app.id, event.hook());
                    in_store.refused(&app.id, &event);
                    None
                }
                Event::Call(call) if is_full => {
                    target_named(&call.target).iter().for_each(|hook| refused(&app.id, hook));
                    None
                }
                Event::Session(event) => event.into_entry(&shared.calls, app, in_store),
                Event::Call(call) => Some(call.into()),
            };
            bytes += entry.as_ref().map_or(0, bytes_of);
            entries.extend(entry.map(|entry| Waiting { entry, written: None }));
        }
        let (sender, written) = oneshot::channel();
        match entries.back_mut() {
            Some(last) => last.written = Some(sender),
            None => return Written::ALREADY,
        }
        match apps.entry(app.id.clone()) {
            Entry::Occupied(mut queue) => {
                let queue = queue.get_mut();
                queue.waiting.extend(entries);
                queue.bytes = bytes;
            }
            Entry::Vacant(no_writer) => {
                no_writer.insert(Queue { waiting: entries, bytes, being_written_bytes: 0 });
                Self::start_writer(shared, &app.id);
            }
        }
        Written(Some(written))
    }

    /// Deletes the rows of sessions that have ended, where that failed before.
    pub(super) fn try_again(shared: &Arc<Shared>) {
        let mut state = shared.journal.state();
        for app in state.in_store.apps_with_ended() {
            if let Entry::Vacant(no_writer) = state.apps.entry(app.clone()) {
                no_writer.insert(Queue::default());
                Self::start_writer(shared, &app);
            }
        }
    }

    fn start_writer(shared: &Arc<Shared>, app: &AppId) {
        let (writing, app) = (shared.clone(), app.clone());
        shared.tasks.spawn(async move { write(&writing, &app).await });
    }

    /// Apps whose open sessions are to be stored, because they have a `_clientOffline` now and some may not be there; each is
    /// answered once.
    pub(super) fn incomplete_apps(&self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.state().in_store.take_incomplete(has_hook)
    }

    /// Others took this node for dead: all open sessions are to be stored again.
    pub(super) fn sessions_may_be_lost(&self) {
        self.state().in_store.all_may_be_lost();
    }

    /// Throws away what waits of an app that was deleted.
    pub(super) fn forget(&self, app: &AppId) {
        let mut state = self.state();
        state.in_store.forget(app);
        if let Some(queue) = state.apps.get_mut(app) {
            queue.waiting.clear();
            queue.bytes = queue.being_written_bytes;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events of an app, behind the ends of sessions that could not be written before; `None`, which ends the writer,
    /// when there are none. `before` is what became of those that the writer got last.
    fn next(&self, app: &AppId, before: Wrote) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let State { apps, in_store } = &mut *state;
        let queue = apps.get_mut(app)?;
        queue.bytes = queue.bytes.saturating_sub(std::mem::take(&mut queue.being_written_bytes));
        // Without other events they are not tried again at once: the store is away.
        if queue.waiting.is_empty() && before == Wrote::Nothing {
            apps.remove(app);
            return None;
        }
        let ended = in_store.take_ended(app, BATCH).into_iter().map(|session| Waiting {
            entry: CallEntry { call: None, session: Some(SessionEntry::Ended(session)) },
            written: None,
        });
        let next: Vec<_> = ended.chain(queue.waiting.drain(..queue.waiting.len().min(BATCH))).collect();
        if next.is_empty() {
            apps.remove(app);
            return None;
        }
        queue.being_written_bytes = next.iter().map(|waiting| bytes_of(&waiting.entry)).sum();
        Some(next)
    }
}

/// What became of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrote {
    /// They are written.
    All,
    /// They may not be.
    Nothing,
}

async fn write(shared: &Arc<Shared>, app: &AppId) {
    let mut before = Wrote::All;
    while let Some(waiting) = shared.journal.next(app, before) {
        let (entries, written): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.entry, waiting.written)).unzip();
        let hooks: Vec<_> = entries.iter().filter_map(called).collect();
        let changes: Vec<_> = entries.iter().filter_map(Change::of).collect();
        // Events behind those that made a backend panic are written nevertheless: no other task does it.
        let added = AssertUnwindSafe(shared.add_calls(app, entries)).catch_unwind().await;
        if added.is_err() {
            hooks.iter().for_each(|hook| metrics::dropped(hook));
            tracing::error!(%app, calls = hooks.len(), "notification hooks dropped: storing them panicked");
        }
        before = if added.is_ok_and(|added| added.is_ok()) { Wrote::All } else { Wrote::Nothing };
        if before == Wrote::Nothing {
            shared.journal.state().in_store.failed(app, changes);
        }
        for written in written.into_iter().flatten() {
            // No request waits for the end of a lost connection.
            let _ = written.send(());
        }
    }
}

/// Of an event that waits: what does not have a bound of its own.
fn bytes_of(entry: &CallEntry) -> usize {
    let if_lost = match &entry.session {
        Some(SessionEntry::Opened(session)) => Some(&session.call_if_lost),
        Some(SessionEntry::Ended(_)) | None => None,
    };
    entry.call.iter().chain(if_lost).map(|call| call.payload.len()).sum()
}

pub(super) fn called(entry: &CallEntry) -> Option<&'static str> {
    target_named(&entry.call.as_ref()?.target)
}
