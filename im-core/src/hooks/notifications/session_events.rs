//! Log-ins and log-outs as calls of hooks, and as rows of open sessions.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use bytes::Bytes;
use hook_types::{ClientOffline, ClientOfflineParams, ClientOnline, ClientOnlineParams, Hook as _};

use super::{encoded, hook_call};
use crate::app::App;
use crate::hooks::engine_calls::EngineCalls;
use crate::ids::{AppId, OrderKey, SessionId};
use crate::store::{CallEntry, NewCall, OpenSession, SessionEntry};

/// Ended sessions of an app whose rows could not be deleted yet, at most. Only a store that is away for long comes near it.
const MAX_ENDED: usize = 65_536;

/// Which open sessions are in the store: they get their `_clientOffline` though their process is killed.
#[derive(Default)]
pub(super) struct SessionsInStore {
    /// They may be there: it was tried, or what waits will do it.
    sessions: HashMap<AppId, HashSet<SessionId>>,
    /// Apps some of whose open sessions may not be there: the hook came later, or the write failed, or others ended this node.
    incomplete: HashSet<AppId>,
    /// They may be there though they have ended.
    ended: HashMap<AppId, Vec<SessionId>>,
}

impl SessionsInStore {
    /// Apps that have the hook now and whose open sessions are to be stored; each is answered once.
    pub(super) fn take_incomplete(&mut self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.incomplete.extract_if(|app| has_hook(app)).collect()
    }

    /// At most `limit` sessions of an app that have ended and may still be there.
    pub(super) fn take_ended(&mut self, app: &AppId, limit: usize) -> Vec<SessionId> {
        let Some(ended) = self.ended.get_mut(app) else { return Vec::new() };
        let taken = ended.drain(..ended.len().min(limit)).collect();
        if ended.is_empty() {
            self.ended.remove(app);
        }
        taken
    }

    /// Apps with such sessions.
    pub(super) fn apps_with_ended(&self) -> Vec<AppId> {
        self.ended.keys().cloned().collect()
    }

    /// There is no room for an event.
    pub(super) fn refused(&mut self, app: &AppId, event: &SessionEvent) {
        match event {
            SessionEvent::Online(..) | SessionEvent::StillOnline(..) => self.failed(app, [Change::Opened]),
            SessionEvent::Offline(session, ..) if self.remove(app, *session) => {
                self.failed(app, [Change::Ended(*session)]);
            }
            SessionEvent::Offline(..) => {}
        }
    }

    /// Changes may not be in the store.
    pub(super) fn failed(&mut self, app: &AppId, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Opened => {
                    self.incomplete.insert(app.clone());
                }
                Change::Ended(session) => {
                    let ended = self.ended.entry(app.clone()).or_default();
                    if ended.len() < MAX_ENDED {
                        ended.push(session);
                    } else {
                        tracing::error!(%app, "a session that has ended stays in the store: its `_clientOffline` comes again");
                    }
                }
            }
        }
    }

    /// Others took this node for dead, and ended its sessions.
    pub(super) fn all_may_be_lost(&mut self) {
        self.incomplete.extend(self.sessions.keys().cloned());
    }

    /// An app was deleted.
    pub(super) fn forget(&mut self, app: &AppId) {
        self.sessions.remove(app);
        self.incomplete.remove(app);
        self.ended.remove(app);
    }

    fn insert(&mut self, app: &AppId, session: SessionId) {
        self.sessions.entry(app.clone()).or_default().insert(session);
    }

    fn remove(&mut self, app: &AppId, session: SessionId) -> bool {
        let Some(of_app) = self.sessions.get_mut(app) else { return false };
        let was_there = of_app.remove(&session);
        if of_app.is_empty() {
            self.sessions.remove(app);
        }
        was_there
    }
}

/// What is to be known of a [`SessionEntry`] when it cannot be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// A session was opened.
    Opened,
    /// This one has ended.
    Ended(SessionId),
}

impl Change {
    pub(super) fn of(entry: &CallEntry) -> Option<Self> {
        entry.session.as_ref().map(|session| match session {
            SessionEntry::Opened(_) => Self::Opened,
            SessionEntry::Ended(session) => Self::Ended(*session),
        })
    }
}

/// Something that happened to a session.
pub enum SessionEvent {
    /// It was opened.
    Online(SessionId, ClientOnlineParams, Option<IpAddr>),
    /// It was opened before, and may not be in the store; of its params only client and tag count.
    StillOnline(SessionId, ClientOnlineParams),
    /// It ended.
    Offline(SessionId, ClientOfflineParams, Option<IpAddr>),
}

impl SessionEvent {
    pub(super) fn hook(&self) -> &'static str {
        match self {
            Self::Online(..) => ClientOnline::NAME,
            Self::StillOnline(..) | Self::Offline(..) => ClientOffline::NAME,
        }
    }

    /// The entry to write; `None` when the app does not define the hook.
    pub(super) fn into_entry(
        self,
        calls: &EngineCalls,
        app: &App,
        in_store: &mut SessionsInStore,
    ) -> Option<CallEntry> {
        let defines = |hook| calls.engine.defines(app, hook);
        let call = |hook, params: Option<Bytes>, client: &str, remote_address| {
            Some(NewCall { order_key: Some(OrderKey::new(client)), ..hook_call(hook, params?, remote_address) })
        };
        let mut opened = |session, params: &ClientOnlineParams| {
            if !defines(ClientOffline::NAME) {
                in_store.incomplete.insert(app.id.clone());
                return None;
            }
            let if_lost = encoded::<ClientOffline>(&app.id, &if_lost(params));
            let call_if_lost = call(ClientOffline::NAME, if_lost, &params.peer_id, None)?;
            in_store.insert(&app.id, session);
            Some(SessionEntry::Opened(OpenSession { session, call_if_lost }))
        };
        let is_called = defines(self.hook());
        let (call, session) = match self {
            Self::Online(session, params, by) => {
                let online =
                    || call(ClientOnline::NAME, encoded::<ClientOnline>(&app.id, &params), &params.peer_id, by);
                (is_called.then(online).flatten(), opened(session, &params))
            }
            Self::StillOnline(session, params) => (None, opened(session, &params)),
            Self::Offline(session, params, by) => {
                let offline =
                    || call(ClientOffline::NAME, encoded::<ClientOffline>(&app.id, &params), &params.peer_id, by);
                let ended = in_store.remove(&app.id, session).then_some(SessionEntry::Ended(session));
                (is_called.then(offline).flatten(), ended)
            }
        };
        (call.is_some() || session.is_some()).then_some(CallEntry { call, session })
    }
}

/// The params of `_clientOffline` for a session whose process died (S-35: cause 2).
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

#[cfg(test)]
mod tests {
    use hook_types::{ClientOfflineParams, ClientOnlineParams};

    use super::{AppId, Change, MAX_ENDED, SessionEvent, SessionId, SessionsInStore};

    fn app() -> AppId {
        AppId::new("demo")
    }

    #[test]
    fn what_found_no_room_is_made_up_for() {
        let mut in_store = SessionsInStore::default();
        let offline = |session| SessionEvent::Offline(SessionId(session), ClientOfflineParams::default(), None);
        in_store.refused(&app(), &SessionEvent::Online(SessionId(1), ClientOnlineParams::default(), None));
        in_store.insert(&app(), SessionId(2));
        in_store.refused(&app(), &offline(2));
        in_store.refused(&app(), &offline(3));
        assert_eq!(in_store.take_incomplete(|_| true), [app()]);
        assert_eq!(in_store.take_ended(&app(), 10), [SessionId(2)], "3 was never there");
    }

    #[test]
    fn ends_that_cannot_be_written_are_bounded_and_come_in_pieces() {
        let mut in_store = SessionsInStore::default();
        let sessions = (0..=MAX_ENDED).map(|session| Change::Ended(SessionId(u64::try_from(session).unwrap())));
        in_store.failed(&app(), sessions);
        assert_eq!(in_store.take_ended(&app(), 2), [SessionId(0), SessionId(1)]);
        assert_eq!(in_store.apps_with_ended(), [app()]);
        assert_eq!(in_store.take_ended(&app(), usize::MAX).len(), MAX_ENDED - 2);
        assert!(in_store.apps_with_ended().is_empty());
    }

    #[test]
    fn a_forgotten_app_leaves_nothing() {
        let mut in_store = SessionsInStore::default();
        in_store.insert(&app(), SessionId(1));
        in_store.failed(&app(), [Change::Opened, Change::Ended(SessionId(2))]);
        in_store.forget(&app());
        in_store.all_may_be_lost();
        assert!(in_store.take_incomplete(|_| true).is_empty());
        assert!(in_store.take_ended(&app(), 10).is_empty());
    }
}
