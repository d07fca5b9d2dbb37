//! Log-ins and log-outs as calls of hooks, and as rows of open sessions.

use std::collections::HashSet;
use std::net::IpAddr;

use bytes::Bytes;
use hook_types::{ClientOffline, ClientOfflineParams, ClientOnline, ClientOnlineParams, Hook as _};

use super::{encoded, hook_call};
use crate::app::App;
use crate::hooks::engine_calls::EngineCalls;
use crate::ids::{AppId, OrderKey, SessionId};
use crate::store::{CallEntry, NewCall, OpenSession, SessionEntry};

/// Which open sessions are in the store: they get their `_clientOffline` though their process is killed.
#[derive(Default)]
pub(super) struct SessionsInStore {
    /// They are there, or will be with what waits.
    sessions: HashSet<SessionId>,
    /// Apps that had no such hook when some of their sessions began.
    without_hook: HashSet<AppId>,
}

impl SessionsInStore {
    /// Apps that have the hook now; each is answered once.
    pub(super) fn take_late(&mut self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.without_hook.extract_if(|app| has_hook(app)).collect()
    }
}

/// Something that happened to a session.
pub enum SessionEvent {
    /// It was opened.
    Online(SessionId, ClientOnlineParams, Option<IpAddr>),
    /// It was opened before the app had a `_clientOffline`; of its params only client and tag count.
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
                in_store.without_hook.insert(app.id.clone());
                return None;
            }
            let if_lost = encoded::<ClientOffline>(&app.id, &if_lost(params));
            let call_if_lost = call(ClientOffline::NAME, if_lost, &params.peer_id, None)?;
            let is_new = in_store.sessions.insert(session);
            is_new.then_some(SessionEntry::Opened(OpenSession { session, call_if_lost }))
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
                let ended = in_store.sessions.remove(&session).then_some(SessionEntry::Ended(session));
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
