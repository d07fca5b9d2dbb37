//! Logins and logouts as calls of hooks and notes of sessions.

use std::collections::HashSet;
use std::net::IpAddr;

use bytes::Bytes;
use hook_types::{ClientOffline, ClientOfflineParams, ClientOnline, ClientOnlineParams, Hook as _};

use super::encoded;
use crate::app::App;
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::queue::{Entry, NewCall, SessionNote};
use crate::ids::{AppId, ClientId, SessionId};

/// Which open sessions get their `_clientOffline` though their process is killed.
#[derive(Default)]
pub(super) struct Notes {
    /// They are noted, or will be with what waits.
    noted: HashSet<SessionId>,
    /// Apps that had no such hook when some of their sessions began.
    without_hook: HashSet<AppId>,
}

impl Notes {
    /// Apps that have the hook now; each is answered once.
    pub(super) fn take_late(&mut self, has_hook: impl Fn(&AppId) -> bool) -> Vec<AppId> {
        self.without_hook.extract_if(|app| has_hook(app)).collect()
    }
}

/// Something that happened to a session.
pub enum PresenceEvent {
    /// It was opened.
    Online(SessionId, ClientOnlineParams, Option<IpAddr>),
    /// It was opened before the app had a `_clientOffline`; of its params only client and tag count.
    StillOnline(SessionId, ClientOnlineParams),
    /// It ended.
    Offline(SessionId, ClientOfflineParams, Option<IpAddr>),
}

impl PresenceEvent {
    pub(super) fn hook(&self) -> &'static str {
        match self {
            Self::Online(..) => ClientOnline::NAME,
            Self::StillOnline(..) | Self::Offline(..) => ClientOffline::NAME,
        }
    }

    /// The entry to write; `None` when the app does not define the hook.
    pub(super) fn into_entry(self, calls: &EngineCalls, app: &App, notes: &mut Notes) -> Option<Entry> {
        let defines = |hook| calls.engine.defines(app, hook);
        let call = |hook, params: Option<Bytes>, client: &str, remote_address| {
            Some(NewCall { hook, params: params?, lane: Some(ClientId::new(client)), remote_address })
        };
        let mut note = |session, params: &ClientOnlineParams| {
            if !defines(ClientOffline::NAME) {
                notes.without_hook.insert(app.id.clone());
                return None;
            }
            let if_lost = encoded::<ClientOffline>(app, &if_lost(params))?;
            let client = ClientId::new(params.peer_id.as_str());
            notes.noted.insert(session).then_some(SessionNote::Opened { session, client, if_lost })
        };
        let is_called = defines(self.hook());
        let (call, session) = match self {
            Self::Online(session, params, by) => {
                let client = params.peer_id.as_str();
                let online = || call(ClientOnline::NAME, encoded::<ClientOnline>(app, &params), client, by);
                (is_called.then(online).flatten(), note(session, &params))
            }
            Self::StillOnline(session, params) => (None, note(session, &params)),
            Self::Offline(session, params, by) => {
                let offline = || call(ClientOffline::NAME, encoded::<ClientOffline>(app, &params), &params.peer_id, by);
                let note = notes.noted.remove(&session).then_some(SessionNote::Ended { session });
                (is_called.then(offline).flatten(), note)
            }
        };
        (call.is_some() || session.is_some()).then_some(Entry { call, session, row: None })
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
