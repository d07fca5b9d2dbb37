//! Logging in.

use std::net::IpAddr;
use std::sync::Arc;

use hook_types::ClientOnlineParams;

use super::bans::check_not_banned;
use super::daily_users::check_daily_users;
use super::{Ended, Ending, IssuedToken, PresenceError, Session, SessionLifecycle, SessionToken, kick};
use crate::app::App;
use crate::client_rates::Operation;
use crate::core::{ImCore, check_is_on};
use crate::error::{Code, RequestError};
use crate::hooks::SessionEvent;
use crate::ids::{ClientId, ConnectionId, DeviceId};
use crate::signature::Signature;
use crate::timestamp::Timestamp;
use crate::web_origins;

/// What a client asks for with `session/open` (P-49).
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Absent: the server chooses (P-50).
    pub client: Option<ClientId>,
    /// As the SDK names it.
    pub device: Option<DeviceId>,
    /// As given.
    pub tag: Option<String>,
    /// `r`.
    pub reconnect: Option<bool>,
    /// `st`.
    pub token: Option<String>,
    /// `s`, `t` and `n`.
    pub signature: Option<Signature>,
    /// The page of the browser that the client runs in.
    pub web_origin: Option<String>,
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug)]
pub struct LoginSource {
    /// The connection that the session will live on.
    pub connection: ConnectionId,
    /// Address of the client.
    pub remote_address: IpAddr,
}

/// A successful login.
#[derive(Debug)]
pub struct OpenedSession {
    /// Online now.
    pub session: Arc<Session>,
    /// For reconnects.
    pub token: IssuedToken,
    /// For `_clientOnline` and the sessions that it displaced: the login is not acknowledged before all of it would
    /// survive a crash.
    pub displaced: Ended,
}

impl SessionLifecycle {
    /// Logs a client in: S-106 with the table of P-52 and the tag rules of P-53. `attach` connects the session with the delivery
    /// before it is online, so that it misses no event; on an error the caller takes that back.
    ///
    /// # Errors
    /// 4100 for an app that is switched off, 4110 for a page that may not connect, 4103 for a bad client id, 4106 for a client that is
    /// banned, 4113 when enough others have logged in today, 4116 for more log-ins than the client's rate allows, 4102 for a missing or wrong signature, 4112 for a bad token, 4111
    /// for a reconnect that another device's session stands against, the code of P-54 for a login that has ended for good, and 4200
    /// when it is not known who is online elsewhere.
    pub async fn open(
        &self,
        core: &ImCore,
        app: &Arc<App>,
        login: Login,
        source: LoginSource,
        attach: impl FnOnce(&Arc<Session>),
    ) -> Result<OpenedSession, RequestError> {
        let began_at = Timestamp::now();
        let settings = core.settings.get(&app.id).await?;
        check_is_on(&app.id, &settings)?;
        if !web_origins::allows(&settings.allowed_origins, login.web_origin.as_deref()) {
            let detail = "this page may not connect; the operator allows it with `hookd settings --allowed-origins`";
            return Err(RequestError::detailed(Code::InvalidOrigin, detail));
        }
        let client = login.client.clone().unwrap_or_else(ClientId::generate);
        if !client.is_valid() {
            let detail = "the client id must have 1 to 64 characters";
            return Err(RequestError::detailed(Code::InvalidLogin, detail));
        }
        check_not_banned(core, &app.id, &client).await?;
        let reconnect = login.reconnect == Some(true);
        let token = match &login.token {
            Some(text) if reconnect => Some(self.valid_token(core, app, &client, text).await?),
            _ => None,
        };
        if token.is_none() {
            self.check_signature(core, app, &client, login.signature.as_ref()).await?;
        }
        // Not before: a stranger must not use up what the client has.
        core.client_rates.take(&settings, (&app.id, &client), Operation::LOG_IN)?;
        let mut session = Session::new(self.next_session_id(), app.id.clone(), client, source.connection);
        (session.device, session.tag, session.token_family) = match token {
            Some(token) => (token.device, token.tag, token.family),
            None => {
                let device = login.device.filter(|device| !device.as_str().is_empty());
                let tag = login.tag.filter(|tag| !tag.is_empty() && tag != "default");
                (device, tag, hex::encode(rand::random::<[u8; 16]>()))
            }
        };
        let session = Arc::new(session);
        let online = ClientOnlineParams {
            peer_id: session.client.as_str().to_owned(),
            source_ip: source.remote_address.to_string(),
            tag: session.tag.clone(),
            reconnect: login.reconnect.map(i32::from),
        };
        let _in_turn = self.logins.lock_key((app.id.clone(), session.client.clone())).await;
        check_daily_users(core, (&app.id, &session.client), settings.daily_users).await?;
        let registering = Registering { core, session: &session, is_done: false };
        let elsewhere = core.presence.register(&session, reconnect).await.map_err(refused)?;
        let by = (online, source.remote_address);
        let displaced = self.register(core, app, (&session, attach), (reconnect, began_at), by)?;
        registering.done();
        core.delivery.tell_displaced(elsewhere);
        return_to_room(core, &session, reconnect).await;
        Ok(OpenedSession { token: self.issue(app, &session), session, displaced })
    }

    async fn valid_token(
        &self,
        core: &ImCore,
        app: &App,
        client: &ClientId,
        text: &str,
    ) -> Result<SessionToken, RequestError> {
        let token = SessionToken::verify(text, app)
            .filter(|token| token.client == *client && !token.has_expired(Timestamp::now()))
            .ok_or_else(|| RequestError::code(Code::SessionTokenExpired))?;
        match self.ended_with(core, app, &token).await? {
            Some(code) => Err(RequestError::code(code)),
            None => Ok(token),
        }
    }

    /// Puts a session online, and takes the sessions that it displaces offline. Their hooks are queued in the same
    /// order.
    fn register(
        &self,
        core: &ImCore,
        app: &Arc<App>,
        (session, attach): (&Arc<Session>, impl FnOnce(&Arc<Session>)),
        (reconnect, began_at): (bool, Timestamp),
        (online, by): (ClientOnlineParams, IpAddr),
    ) -> Result<Ended, RequestError> {
        let _in_order = self.changing();
        // Again: the login may have ended while the store was asked.
        if let Some(code) = self.ended_families.get(&session.token_family) {
            return Err(RequestError::code(code));
        }
        let client = (session.app.clone(), session.client.clone());
        // Again: it may have been kicked or banned since.
        if let Some((kicked_at, code)) = self.kicked.get(&client)
            && kick::is_void(began_at, Some(kicked_at))
        {
            return Err(RequestError::code(code));
        }
        let mut displaced = Vec::new();
        for older in core.online.sessions(&session.app, &session.client) {
            let same_device = session.device.is_some() && older.device == session.device;
            if older.connection == session.connection || same_device {
                displaced.push((older, Ending::Replaced));
            } else if session.tag.is_some() && older.tag == session.tag {
                if reconnect {
                    return Err(RequestError::code(Code::SessionConflict));
                }
                displaced.push((older, Ending::Conflict));
            }
        }
        attach(session);
        // The new session first: the client is not offline in between.
        core.online.insert(session.clone());
        // Looked up again: an app that was deleted or switched off since has closed its sessions without this one.
        let gone = || RequestError::detailed(Code::AppNotAvailable, format!("app `{}` does not exist", app.id));
        if let Err(refused) = core.apps.app(&app.id).ok_or_else(gone).and_then(|_| core.check_is_on(&app.id)) {
            core.online.remove(&session.app, &session.client, session.id);
            return Err(refused);
        }
        displaced.retain(|(older, _)| core.online.remove(&older.app, &older.client, older.id).is_some());
        let logins = displaced.iter().filter_map(|(older, ending)| self.ended_login(older, *ending)).collect();
        let ended = displaced.into_iter().map(|(older, ending)| self.conclude(core, &older, ending, Some(by)));
        let (ended, wills): (Vec<_>, Vec<_>) = ended.unzip();
        let wills = wills.into_iter().flatten().collect();
        let events = ended.into_iter().chain([SessionEvent::Online(session.id, online, Some(by))]).collect();
        Ok(Ended { written: core.hooks.notifications().notify_sessions(app, events), logins, wills })
    }
}

/// A client that was lost is in its chat room again (S-9, S-106).
async fn return_to_room(core: &ImCore, session: &Arc<Session>, is_reconnect: bool) {
    if let Some(room) = core.presence.recall_room(session, is_reconnect).await {
        core.rooms.join(session, &room, || core.presence.set_room(session, Some(&room)));
    }
}

/// A session on its way online: other nodes see it before it is. Dropped before it is done, also because the client has gone,
/// the session is offline again.
struct Registering<'a> {
    core: &'a ImCore,
    session: &'a Session,
    is_done: bool,
}

impl Registering<'_> {
    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Registering<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.core.presence.end(self.session);
        }
    }
}

fn refused(error: PresenceError) -> RequestError {
    match error {
        PresenceError::Conflict => RequestError::code(Code::SessionConflict),
        PresenceError::Unavailable(error) => {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "a login is refused: presence cannot be reached"
            );
            RequestError::detailed(Code::InternalError, "it cannot be found out who is online; try again")
        }
    }
}
