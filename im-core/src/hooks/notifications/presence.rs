//! Logins and logouts: queued in the order in which they happened, though no login waits under a lock for a disk.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hook_types::{ClientOffline, ClientOfflineParams, ClientOnline, ClientOnlineParams, Hook as _};
use tokio::sync::oneshot;

use super::{Shared, encoded, refused};
use crate::app::App;
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::queue::NewCall;
use crate::ids::ClientId;

/// Events that may wait for the disk. Only the end of very many sockets at once comes near it.
const MAX_WAITING: usize = 65_536;

/// Events that are written at once.
const BATCH: usize = 256;

/// Something that happened to a session.
pub(crate) enum PresenceEvent {
    /// It was opened.
    Online(ClientOnlineParams, Option<IpAddr>),
    /// It ended.
    Offline(ClientOfflineParams, Option<IpAddr>),
}

impl PresenceEvent {
    /// `None` when the app does not define the hook.
    pub(super) fn into_call(self, calls: &EngineCalls, app: &App) -> Option<NewCall> {
        let defines = |hook| calls.engine.defines(app, hook);
        let call = |hook, params: Option<Bytes>, client, remote_address| {
            Some(NewCall { hook, params: params?, lane: Some(ClientId::new(client)), remote_address })
        };
        match self {
            Self::Online(params, by) if defines(ClientOnline::NAME) => {
                let encoded = encoded::<ClientOnline>(app, &params);
                call(ClientOnline::NAME, encoded, params.peer_id, by)
            }
            Self::Offline(params, by) if defines(ClientOffline::NAME) => {
                let encoded = encoded::<ClientOffline>(app, &params);
                call(ClientOffline::NAME, encoded, params.peer_id, by)
            }
            Self::Online(..) | Self::Offline(..) => None,
        }
    }
}

/// Resolves when the events are on disk.
#[derive(Debug)]
pub(crate) struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    /// Bounded by the deadlines of the queue's writes.
    pub(crate) async fn written(self) {
        if let Some(receipt) = self.0 {
            // A sender that is gone has logged why.
            let _ = receipt.await;
        }
    }
}

/// What waits to be queued.
#[derive(Default)]
pub(super) struct Journal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// A task is writing.
    writing: bool,
}

struct Entry {
    app: Arc<App>,
    call: NewCall,
    /// Told after the last call of one event.
    receipt: Option<oneshot::Sender<()>>,
}

impl Journal {
    /// Takes calls over, in order.
    pub(super) fn record(shared: &Arc<Shared>, app: &Arc<App>, calls: Vec<NewCall>) -> Receipt {
        if calls.is_empty() {
            return Receipt(None);
        }
        let (sender, receipt) = oneshot::channel();
        let mut sender = Some(sender);
        let mut state = shared.journal.state();
        let last = calls.len().saturating_sub(1);
        for (position, call) in calls.into_iter().enumerate() {
            if state.waiting.len() >= MAX_WAITING {
                refused(app, call.hook, 1);
                continue;
            }
            let receipt = if position == last { sender.take() } else { None };
            state.waiting.push_back(Entry { app: app.clone(), call, receipt });
        }
        if !state.writing && !state.waiting.is_empty() {
            state.writing = true;
            let writing = shared.clone();
            shared.tasks.spawn(async move { write(&writing).await });
        }
        Receipt(Some(receipt))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events of one app; `None`, and nobody writes any more, when there are none.
    fn next(&self) -> Option<Vec<Entry>> {
        let mut state = self.state();
        let Some(app) = state.waiting.front().map(|entry| entry.app.id.clone()) else {
            state.writing = false;
            return None;
        };
        let same = state.waiting.iter().take(BATCH).take_while(|entry| entry.app.id == app).count();
        Some(state.waiting.drain(..same).collect())
    }
}

async fn write(shared: &Shared) {
    while let Some(entries) = shared.journal.next() {
        let Some(app) = entries.first().map(|entry| entry.app.clone()) else { continue };
        let (calls, receipts): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.call, entry.receipt)).unzip();
        shared.push(&app, calls).await;
        for receipt in receipts.into_iter().flatten() {
            // Nobody waits for the end of a lost connection.
            let _ = receipt.send(());
        }
    }
}
