//! Logins and logouts: queued in the order in which they happened, though no login waits under a lock for a disk.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hook_types::{ClientOffline, ClientOfflineParams, ClientOnline, ClientOnlineParams, Hook as _};
use tokio::sync::oneshot;

use super::{Shared, encoded, refused};
use crate::app::App;
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::queue::{Entry, NewCall, SessionNote};
use crate::ids::{ClientId, SessionId};

/// Events that may wait for the disk. Only the end of very many sockets at once comes near it.
const MAX_WAITING: usize = 65_536;

/// Events that are written at once.
const BATCH: usize = 256;

/// Something that happened to a session.
pub(crate) enum PresenceEvent {
    /// It was opened.
    Online(SessionId, ClientOnlineParams, Option<IpAddr>),
    /// It ended.
    Offline(SessionId, ClientOfflineParams, Option<IpAddr>),
}

impl PresenceEvent {
    fn hook(&self) -> &'static str {
        match self {
            Self::Online(..) => ClientOnline::NAME,
            Self::Offline(..) => ClientOffline::NAME,
        }
    }

    /// What is to be written down; `None` when the app defines no hook that wants it.
    fn into_entry(self, calls: &EngineCalls, app: &App, noted: &mut HashSet<SessionId>) -> Option<Entry> {
        let defines = |hook| calls.engine.defines(app, hook);
        let call = |hook, params: Option<Bytes>, client: &str, remote_address| {
            Some(NewCall { hook, params: params?, lane: Some(ClientId::new(client)), remote_address })
        };
        let is_called = defines(self.hook());
        let (call, session) = match self {
            Self::Online(session, params, by) => {
                let client = params.peer_id.as_str();
                let online = || call(ClientOnline::NAME, encoded::<ClientOnline>(app, &params), client, by);
                let if_lost = defines(ClientOffline::NAME).then(|| encoded::<ClientOffline>(app, &if_lost(&params)));
                let note = if_lost.flatten().map(|if_lost| {
                    noted.insert(session);
                    SessionNote::Opened { session, client: ClientId::new(client), if_lost }
                });
                (is_called.then(online).flatten(), note)
            }
            Self::Offline(session, params, by) => {
                let offline = || call(ClientOffline::NAME, encoded::<ClientOffline>(app, &params), &params.peer_id, by);
                let note = noted.remove(&session).then_some(SessionNote::Ended { session });
                (is_called.then(offline).flatten(), note)
            }
        };
        (call.is_some() || session.is_some()).then_some(Entry { call, session })
    }
}

/// What `_clientOffline` is told of a session whose process died (S-35: cause 2).
fn if_lost(online: &ClientOnlineParams) -> ClientOfflineParams {
    ClientOfflineParams {
        peer_id: online.peer_id.clone(),
        close_code: 2,
        close_msg: "connection lost: the server died".to_owned(),
        source_ip: None,
        tag: online.tag.clone(),
        error_code: None,
        error_msg: None,
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
    waiting: VecDeque<Waiting>,
    /// Sessions that are noted as open, or will be with what waits.
    noted: HashSet<SessionId>,
    /// A task is writing.
    writing: bool,
}

struct Waiting {
    app: Arc<App>,
    entry: Entry,
    /// Told after the last of the events that came together.
    receipt: Option<oneshot::Sender<()>>,
}

impl Journal {
    /// Takes events over, in order.
    pub(super) fn record(shared: &Arc<Shared>, app: &Arc<App>, events: Vec<PresenceEvent>) -> Receipt {
        let mut guard = shared.journal.state();
        let state = &mut *guard;
        let before = state.waiting.len();
        for event in events {
            if state.waiting.len() >= MAX_WAITING {
                refused(app, event.hook(), 1);
                continue;
            }
            if let Some(entry) = event.into_entry(&shared.calls, app, &mut state.noted) {
                state.waiting.push_back(Waiting { app: app.clone(), entry, receipt: None });
            }
        }
        if state.waiting.len() == before {
            return Receipt(None);
        }
        let (sender, receipt) = oneshot::channel();
        if let Some(last) = state.waiting.back_mut() {
            last.receipt = Some(sender);
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
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let Some(app) = state.waiting.front().map(|waiting| waiting.app.id.clone()) else {
            state.writing = false;
            return None;
        };
        let same = state.waiting.iter().take(BATCH).take_while(|waiting| waiting.app.id == app).count();
        Some(state.waiting.drain(..same).collect())
    }
}

async fn write(shared: &Shared) {
    while let Some(waiting) = shared.journal.next() {
        let Some(app) = waiting.first().map(|waiting| waiting.app.clone()) else { continue };
        let (entries, receipts): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.entry, waiting.receipt)).unzip();
        shared.record(&app, entries).await;
        for receipt in receipts.into_iter().flatten() {
            // Nobody waits for the end of a lost connection.
            let _ = receipt.send(());
        }
    }
}
