//! The end of a session.

use std::net::IpAddr;
use std::sync::Arc;

use hook_types::ClientOfflineParams;

use super::{Session, SessionLifecycle};
use crate::app::App;
use crate::core::ImCore;
use crate::delivery::{Event, Recipient};
use crate::error::Code;
use crate::hooks::{SessionEvent, Written};
use crate::ids::AppId;
use crate::messages::Will;
use crate::store::{EndedLogin, StoreError};
use crate::timestamp::Timestamp;

/// Why a session ends (S-35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The client logged out.
    LoggedOut,
    /// The socket is gone, or was closed with a code.
    Lost(Option<Code>),
    /// The client is back with a newer session on this socket or of this device.
    Replaced,
    /// Another device logged in with the same tag.
    Conflict,
    /// The app has kicked the client, for this reason.
    Kicked(&'a str),
    /// The operator has banned the client.
    Banned,
}

impl<'a> Ending<'a> {
    /// `closeCode` and `closeMsg` of the hook.
    fn close_code(self) -> (i32, &'a str) {
        match self {
            Self::LoggedOut => (1, "logged out"),
            Self::Lost(_) => (2, "connection lost"),
            Self::Replaced => (2, "replaced by a newer session of the same device"),
            Self::Banned => (4, "the client was banned"),
            Self::Conflict => (3, "another device logged in with the same tag"),
            Self::Kicked("") => (4, "kicked by the app"),
            Self::Kicked(reason) => (4, reason),
        }
    }

    /// The error for clients that come back with a token of the ended login (P-54); `None`: they may come back.
    fn answer_to_return(self) -> Option<Code> {
        match self {
            Self::LoggedOut => Some(Code::SessionRequired),
            Self::Conflict => Some(Code::SessionConflict),
            Self::Kicked(_) => Some(Code::KickedByApp),
            // Once its ban is over, it logs in afresh.
            Self::Banned => Some(Code::SessionTokenExpired),
            Self::Lost(_) | Self::Replaced => None,
        }
    }

    /// Code and reason of the notice to a session that ends without having asked for it, while its socket lives (S-36).
    fn notice(self) -> Option<(Code, &'a str)> {
        match self {
            Self::Conflict => Some((Code::SessionConflict, "")),
            Self::Kicked(reason) => Some((Code::KickedByApp, reason)),
            Self::Banned => Some((Code::Blacklisted, "")),
            Self::LoggedOut | Self::Lost(_) | Self::Replaced => None,
        }
    }

    /// `errorCode` and `errorMsg` of the hook, which spells one name differently than the socket does (S-98).
    fn error(self) -> Option<(i32, &'static str)> {
        let Self::Lost(Some(code)) = self else { return None };
        let name = match code {
            Code::UnparseableRawMessage => "UNPARSEABLE_RAW_MSG",
            code => code.name(),
        };
        Some((code.number(), name))
    }
}

/// The writes for sessions that have ended.
#[must_use = "the end of a login is to be kept"]
#[derive(Debug)]
pub struct Ended {
    /// For `_clientOffline`, and for other events of the same time.
    pub written: Written,
    /// Logins that may not come back.
    pub(super) logins: Vec<EndedLogin>,
    /// What lost sessions leave.
    pub(super) wills: Vec<Will>,
}

impl Ended {
    /// The will messages of the sessions that are lost, for [`crate::messages::deliver_will`].
    pub fn take_wills(&mut self) -> Vec<Will> {
        std::mem::take(&mut self.wills)
    }

    /// Waits until it would outlive the process.
    ///
    /// # Errors
    /// When the store does not say that it has the ends of logins.
    pub async fn kept(self, core: &ImCore, app: &AppId) -> Result<(), StoreError> {
        self.written.wait().await;
        if self.logins.is_empty() {
            return Ok(());
        }
        core.store.end_logins(app, self.logins).await
    }
}

impl SessionLifecycle {
    /// Ends a session, once: S-107. `by` is the address of the client that asked for it.
    pub fn end(
        &self,
        core: &ImCore,
        app: &Arc<App>,
        session: &Session,
        ending: Ending<'_>,
        by: Option<IpAddr>,
    ) -> Ended {
        let _in_order = self.changing();
        let ended = core.online.remove(&session.app, &session.client, session.id);
        let (mut events, mut logins, mut wills) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(session) = ended {
            let (event, will) = self.conclude(core, &session, ending, by);
            events.push(event);
            wills.extend(will);
            logins.extend(self.ended_login(&session, ending));
        }
        Ended { written: core.hooks.notifications().notify_sessions(app, events), logins, wills }
    }

    /// What the store is to keep of a session's end.
    pub(super) fn ended_login(&self, session: &Session, ending: Ending<'_>) -> Option<EndedLogin> {
        let code = ending.answer_to_return()?.number();
        let expires_at = Timestamp::now().plus(self.token_life);
        Some(EndedLogin { login: session.token_family.clone(), code, expires_at })
    }

    /// The rest of the end of a session that is offline now; returns the params of `_clientOffline`, and the will of one that is
    /// lost.
    pub(super) fn conclude(
        &self,
        core: &ImCore,
        session: &Session,
        ending: Ending<'_>,
        by: Option<IpAddr>,
    ) -> (SessionEvent, Option<Will>) {
        let is_lost = matches!(ending, Ending::Lost(_) | Ending::Replaced);
        core.rooms.end(session, |room| {
            if is_lost {
                core.presence.remember_room(session, room);
            }
        });
        core.subscribers.end(session);
        let will = core.wills.take(&session.app, &session.client, session.id).filter(|_| is_lost);
        core.presence.end(session);
        if let Some(code) = ending.answer_to_return() {
            self.ended_families.insert(session.token_family.clone(), code);
        }
        if let Some((code, reason)) = ending.notice() {
            let recipient = Recipient::Session { client: &session.client, session: session.id };
            let event = Event::SessionClosed { code, reason: reason.to_owned() };
            core.delivery.deliver(&session.app, &[recipient], &event, None);
        }
        let (close_code, close_msg) = ending.close_code();
        let error = ending.error();
        let params = ClientOfflineParams {
            peer_id: session.client.as_str().to_owned(),
            close_code,
            close_msg: close_msg.to_owned(),
            source_ip: by.filter(|_| close_code != 2).map(|address| address.to_string()),
            tag: session.tag.clone(),
            error_code: error.map(|(code, _)| code),
            error_msg: error.map(|(_, name)| name.to_owned()),
        };
        (SessionEvent::Offline(session.id, params, by), will)
    }
}
