//! Sessions: the client, the device and the token of each login, and the chat room that each is in.
//!
//! Rules: S-9, S-29 … S-37, S-98, S-106, S-107, P-49 … P-58.

mod bans;
mod chat_rooms;
mod daily_users;
mod elsewhere;
mod ending;
mod following;
mod kick;
mod login_signing;
mod online;
mod online_sessions;
mod online_subscribers;
mod open_sessions;
mod opening;
mod remembered_rooms;
mod session;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

pub use bans::{MAX_BANS, NotBanned};
pub use chat_rooms::{ChatRooms, Joining};
pub use ending::{Ended, Ending};
pub use following::{follow_subscriptions, follow_subscriptions_of};
pub use kick::{MAX_KICK_REASON_CHARACTERS, NotKicked};
pub use login_signing::{NotSigned, sign_login_of_user};
pub use online::{Presence, PresenceError, PresenceOfOneNode};
pub use online_sessions::OnlineSessions;
pub use online_subscribers::OnlineSubscribers;
pub use opening::{Login, LoginSource, OpenedSession};
pub use remembered_rooms::{ROOM_REMEMBERED_FOR, ROOMS_REMEMBERED, RememberedRooms};
pub use session::Session;
pub use token::{IssuedToken, SessionToken};

use crate::app::App;
use crate::core::{ImCore, check_is_on};
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId, SessionId};
use crate::keyed_locks::KeyedLocks;
use crate::signature::{self, Signature, SignedRequest};
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// Ended logins in memory, for clients that come back while the store is being written. The store knows them all.
const REMEMBERED_ENDINGS: u64 = 100_000;

/// Opens and ends the sessions of one node.
pub struct SessionLifecycle {
    /// Token families that have just ended for good, and the error for their clients when they come back (P-54).
    ended_families: Cache<String, Code>,
    /// Clients that have just been kicked or banned, when, and the error for log-ins that were under way.
    kicked: Cache<(AppId, ClientId), (Timestamp, Code)>,
    /// Serialises logins and ends, so that of two logins with one tag at the same time exactly one stays, and their hooks
    /// come in their order. Held for microseconds.
    changing: Mutex<()>,
    /// Log-ins of one client come one after the other, so that other nodes see them in the order of this one.
    logins: KeyedLocks<(AppId, ClientId)>,
    sessions: AtomicU64,
    token_life: Duration,
}

impl SessionLifecycle {
    /// Tokens live for `token_life`.
    pub fn new(token_life: Duration) -> Self {
        Self {
            ended_families: Cache::builder().max_capacity(REMEMBERED_ENDINGS).time_to_live(token_life).build(),
            kicked: Cache::builder().max_capacity(REMEMBERED_ENDINGS).time_to_live(kick::UNDER_WAY).build(),
            changing: Mutex::default(),
            logins: KeyedLocks::default(),
            sessions: AtomicU64::new(1),
            token_life,
        }
    }

    /// A fresh token for the latest one of an open session, expired or not (P-55).
    ///
    /// # Errors
    /// 4112 when the token is of another login or client.
    ///
    /// The session may have begun under another master key (`at_login`): it is still the same session.
    pub fn refresh(
        &self,
        app: &App,
        at_login: &App,
        session: &Session,
        token: &str,
    ) -> Result<IssuedToken, RequestError> {
        match SessionToken::verify(token, app).or_else(|| SessionToken::verify(token, at_login)) {
            Some(token) if token.client == session.client && token.family == session.token_family => {
                Ok(self.issue(app, session))
            }
            _ => Err(RequestError::code(Code::SessionTokenExpired)),
        }
    }

    /// Checks the signature of a log-in, where the app has switched that on. A session token stands for one (P-52).
    ///
    /// # Errors
    /// 4102 with a detail when it is missing or wrong, or the client was kicked since (S-37).
    pub async fn check_signature(
        &self,
        core: &ImCore,
        app: &App,
        client: &ClientId,
        signature: Option<&Signature>,
    ) -> Result<(), RequestError> {
        if !core.settings.get(&app.id).await?.login_signature {
            return Ok(());
        }
        let checked = signature::check((app, client), SignedRequest::LogIn, signature, Timestamp::now());
        checked.map_err(|problem| RequestError::detailed(Code::SignatureFailed, problem))?;
        let kicked_at = core.store.kicked_at(&app.id, client).await?;
        if signature.is_some_and(|signature| kick::is_void(signature.made_at(), kicked_at)) {
            return Err(RequestError::detailed(Code::SignatureFailed, kick::SIGNED_BEFORE));
        }
        Ok(())
    }

    /// Lets an HTTP call with this token act as the client (P-19).
    ///
    /// # Errors
    /// 4100 for an app that is switched off, 4112 for a token that is not one of the client's, has ended, or is that of a banned
    /// client.
    pub async fn authenticate(
        &self,
        core: &ImCore,
        app: &App,
        client: &ClientId,
        token: &str,
    ) -> Result<(), RequestError> {
        let settings = core.settings.get(&app.id).await?;
        check_is_on(&app.id, &settings)?;
        let is_valid = match SessionToken::verify(token, app) {
            Some(token) if token.client == *client && !token.has_expired(Timestamp::now()) => {
                let is_banned = core.store.ban_of(&app.id, client).await?.is_some();
                !is_banned && self.ended_with(core, app, &token).await?.is_none()
            }
            _ => false,
        };
        if is_valid { Ok(()) } else { Err(RequestError::code(Code::SessionTokenExpired)) }
    }

    /// The error for clients that come back with this token; `None` when its login has not ended for good.
    async fn ended_with(&self, core: &ImCore, app: &App, token: &SessionToken) -> Result<Option<Code>, StoreError> {
        if let Some(code) = self.ended_families.get(&token.family) {
            return Ok(Some(code));
        }
        let stored = core.store.ended_login(&app.id, &token.family, token.expires_at).await?;
        if let Some(number) = stored {
            let known = [Code::SessionRequired, Code::SessionConflict, Code::SessionTokenExpired, Code::KickedByApp];
            let code = known.into_iter().find(|code| code.number() == number);
            return Ok(Some(code.unwrap_or(Code::SessionRequired)));
        }
        let kicked_at = core.store.kicked_at(&app.id, &token.client).await?;
        Ok(kick::is_void(token.issued_at, kicked_at).then_some(Code::KickedByApp))
    }

    fn issue(&self, app: &App, session: &Session) -> IssuedToken {
        SessionToken::issue(app, session, self.token_life)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_session_id(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed))
    }
}
