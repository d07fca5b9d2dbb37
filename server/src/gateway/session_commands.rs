//! `session/*`. None of them waits for more than the disk, so the loop of the socket carries them out itself, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::closing::Closing;
use super::conversation_commands::unsupported;
use super::dispatch::{Dispatcher, LocalSession, answer};
use super::local_delivery::{LocalDelivery, Wants};
use super::queue::WriteQueue;
use crate::gateway::protocol::limits;
use crate::gateway::protocol::replies::{Recipient, code_of};
use crate::gateway::protocol::signature::signature;
use crate::gateway::protocol::wire::{CommandType, GenericCommand, OpType, SessionCommand};
use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::app::App;
use hookd_im_core::delivery::UnreadCounts;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{AppId, ClientId, DeviceId};
use hookd_im_core::presence::{Ending, IssuedToken, Login, OpenedSession, Session, follow_subscriptions};
use hookd_im_core::store::UnreadConversation;
use hookd_im_core::timestamp::Timestamp;
use hookd_im_core::{messages, receipts};

/// Bits of `configBitmap` (P-51).
const WANTS_CHANGES: i64 = 1;
const WANTS_TEMPORARY: i64 = 2;

/// How long a client that comes with many others waits to be told what it missed. Its events wait meanwhile, as far as its socket
/// may have some.
const LOOK_UP_TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Ids that one `session/query` may ask for (P-57).
const QUERIED_CLIENTS: usize = 20;

impl Dispatcher {
    /// Carries a session command out.
    pub(super) async fn session_command(
        &mut self,
        op: OpType,
        command: GenericCommand,
        recipient: &Recipient,
        queue: &mut WriteQueue,
    ) -> Result<(), Closing> {
        let peer = command.peer_id.clone();
        // A log-in counts once it is known whose it is.
        if op != OpType::Open
            && let Ok(LocalSession { session, .. }) = self.session_of(peer.as_deref())
            && let Err(error) = self.shared.take_turn(&session.app, &session.client, &command)
        {
            if !self.shared.is_unanswered(&session.app, &error) {
                answer(queue, &recipient.error(&error));
            }
            return Ok(());
        }
        let session = command.session_message.clone().unwrap_or_default();
        let reply = match op {
            OpType::Open => return self.open(&command, session, recipient, queue).await,
            OpType::Close => self.close(peer.as_deref(), recipient).await,
            OpType::Query => self.query(peer.as_deref(), session, recipient).await,
            OpType::Refresh => self.refresh(peer.as_deref(), session, recipient).await,
            other => Err(unsupported(&format!("`session/{}`", other.as_str_name()))),
        };
        let reply = reply.unwrap_or_else(|error| {
            if let RequestError::Store(error) = &error {
                let error = error as &dyn std::error::Error;
                tracing::error!(op = op.as_str_name(), error, "a session command failed");
            }
            recipient.error(&error)
        });
        answer(queue, &reply);
        Ok(())
    }

    /// `session/open` → `session/opened` (P-49 … P-53). A login that cannot succeed on this socket closes it, after the
    /// reply (P-33), unless other clients live on it.
    async fn open(
        &mut self,
        command: &GenericCommand,
        session: SessionCommand,
        recipient: &Recipient,
        queue: &mut WriteQueue,
    ) -> Result<(), Closing> {
        let config = session.config_bitmap.unwrap_or(0);
        let missed = Missed {
            told_until: session.last_unread_notif_time.map(Timestamp),
            changed_after: session.last_patch_time.filter(|_| config & WANTS_CHANGES != 0).map(Timestamp),
            wants_temporary: config & WANTS_TEMPORARY != 0,
        };
        match self.log_in(command, session).await {
            Ok(OpenedSession { session, token, mut displaced }) => {
                self.shared.deliver_wills(displaced.take_wills());
                tracing::debug!(app = %session.app, client = %session.client, "a session opens");
                let recipient = recipient.to_client(&session.client);
                let app = session.app.clone();
                self.sessions.push(LocalSession { session: session.clone(), config });
                if let Err(error) = displaced.kept(&self.shared.core, &app).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(%app, error, "a login that another device displaced is forgotten with this process");
                }
                // Into the queue at once: pushes for the new session can only come through the sender, after it.
                answer(queue, &token_reply(&recipient, OpType::Opened, token));
                self.deliver_missed(&session, missed);
                Ok(())
            }
            Err(error) => {
                let app =
                    command.app_id.as_deref().map(AppId::new).or_else(|| self.app.as_ref().map(|app| app.id.clone()));
                if app.is_some_and(|app| self.shared.is_unanswered(&app, &error)) {
                    return Ok(());
                }
                answer(queue, &recipient.error(&error));
                let code = code_of(&error);
                let is_fatal = matches!(code, Code::AppNotAvailable | Code::InvalidLogin | Code::InvalidOrigin);
                if is_fatal && self.sessions.is_empty() { Err(Closing::Code(code)) } else { Ok(()) }
            }
        }
    }

    async fn log_in(
        &mut self,
        command: &GenericCommand,
        session: SessionCommand,
    ) -> Result<OpenedSession, RequestError> {
        let app = self.app_of(command.app_id.as_deref())?;
        limits::check_login(&session)?;
        self.admit(command.peer_id.as_deref())?;
        let config = session.config_bitmap.unwrap_or(0);
        let wants = Wants { changes: config & WANTS_CHANGES != 0, temporary: config & WANTS_TEMPORARY != 0 };
        let login = login(command.peer_id.clone(), session, self.socket.web_origin.clone());
        let (source, mut attached) = (self.socket.source, None);
        let attach = |session: &Arc<Session>| {
            self.shared.delivery.attach(session.clone(), self.socket.sender.clone(), wants);
            attached = Some(session.clone());
        };
        let opened = self.shared.lifecycle.open(&self.shared.core, &app, login, source, attach).await;
        match &opened {
            Ok(_) => self.app = Some(app),
            Err(_) => attached.iter().for_each(|session| self.shared.delivery.detach(session)),
        }
        opened
    }

    /// Sends what is unread (P-101), and what was changed since the client was last here (P-95), in a task of its own: the
    /// log-in is over. The session's events wait for the first.
    fn deliver_missed(&self, session: &Arc<Session>, missed: Missed) {
        let told = TellingUnread { delivery: self.shared.delivery.clone(), session: session.clone() };
        let Ok(app) = self.current_app() else { return };
        let (shared, session, address) = (self.shared.clone(), session.clone(), self.socket.source.remote_address);
        self.shared.tasks.spawn(async move {
            if let Err(error) = follow_subscriptions(&shared.core, &session).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(app = %session.app, error, "a client gets nothing that is sent to subscribers");
            }
            let turn = timeout(LOOK_UP_TURN_TIMEOUT, shared.looking_up.of(&app.id).acquire_owned()).await;
            let Ok(Ok(_turn)) = turn else {
                tracing::warn!(app = %session.app, "a client is not told what it missed: too many came at once");
                return;
            };
            let unread = receipts::unread_at_login(&shared.core, (&app.id, &session.client), missed.told_until).await;
            told.tell(unread, missed.wants_temporary);
            let Some(after) = missed.changed_after else { return };
            let actor = Actor { app, identity: Identity::Client(session.client.clone()), address, origin: None };
            let delivering = messages::deliver_missed_changes(&shared.core, &actor, session.id, after);
            if let Err(error) = delivering.await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(app = %session.app, error, "a client that came back does not get changed messages");
            }
        });
    }

    /// The app that a login names; later logins on the socket may leave it out (P-20).
    fn app_of(&self, id: Option<&str>) -> Result<Arc<App>, RequestError> {
        let unavailable = |detail: String| RequestError::detailed(Code::AppNotAvailable, detail);
        match (id, &self.app) {
            (None, None) => Err(unavailable("the login names no `appId`".to_owned())),
            (None, Some(_)) => self.current_app(),
            (Some(id), _) if id.len() > limits::ID_BYTES => {
                Err(unavailable(format!("`appId` has {} bytes; no app has such an id", id.len())))
            }
            (Some(id), Some(app)) if app.id.as_str() == id => self.current_app(),
            (Some(id), Some(_)) if !self.sessions.is_empty() => {
                Err(unavailable(format!("this connection belongs to another app than `{id}`")))
            }
            (Some(id), _) => self
                .shared
                .core
                .apps
                .app(&AppId::new(id))
                .ok_or_else(|| unavailable(format!("app `{id}` does not exist"))),
        }
    }

    fn admit(&self, peer: Option<&str>) -> Result<(), RequestError> {
        let limit = self.shared.config.sessions_per_connection;
        let returns = peer.is_some_and(|peer| self.session_of(Some(peer)).is_ok());
        if self.sessions.len() < limit || returns {
            return Ok(());
        }
        let detail = format!("a connection may hold {limit} clients; open another connection for more");
        Err(RequestError::detailed(Code::InternalError, detail))
    }

    /// `session/close` → `session/closed` (P-56). A store that fails makes it an error: the session has ended, but its
    /// token may work again after a restart.
    async fn close(&mut self, peer: Option<&str>, recipient: &Recipient) -> Result<GenericCommand, RequestError> {
        let session = self.session_of(peer)?.session.clone();
        if let Some(app) = self.current_app().ok().or_else(|| self.app.clone()) {
            let by = Some(self.socket.source.remote_address);
            let ended = self.shared.lifecycle.end(&self.shared.core, &app, &session, Ending::LoggedOut, by);
            ended.kept(&self.shared.core, &app.id).await?;
        }
        let recipient = recipient.to_client(&session.client);
        Ok(recipient.reply(CommandType::Session, Some(OpType::Closed)))
    }

    /// `session/query` → `session/query_result` (P-57).
    async fn query(
        &self,
        peer: Option<&str>,
        asked: SessionCommand,
        recipient: &Recipient,
    ) -> Result<GenericCommand, RequestError> {
        let session = &self.session_of(peer)?.session;
        let mut asked = asked.session_peer_ids;
        asked.truncate(QUERIED_CLIENTS);
        let clients: Vec<ClientId> = asked.iter().map(|id| ClientId::new(id.as_str())).collect();
        let are_online = self.shared.core.presence.are_online(&session.app, &clients).await;
        let online = asked.into_iter().zip(are_online).filter_map(|(id, is_online)| is_online.then_some(id)).collect();
        let result = SessionCommand { online_session_peer_ids: online, ..SessionCommand::default() };
        let reply = recipient.to_client(&session.client).reply(CommandType::Session, Some(OpType::QueryResult));
        Ok(GenericCommand { session_message: Some(result), ..reply })
    }

    /// `session/refresh` → `session/refreshed` (P-55).
    async fn refresh(
        &self,
        peer: Option<&str>,
        mut asked: SessionCommand,
        recipient: &Recipient,
    ) -> Result<GenericCommand, RequestError> {
        limits::check_login(&asked)?;
        let session = &self.session_of(peer)?.session;
        let signature = signature(&mut asked.s, asked.t, &mut asked.n);
        let at_login = self.app.as_ref().ok_or_else(|| RequestError::code(Code::SessionRequired))?;
        let (lifecycle, core) = (&self.shared.lifecycle, &self.shared.core);
        let app = self.current_app()?;
        lifecycle.check_signature(core, &app, &session.client, signature.as_ref()).await?;
        // Meanwhile the app may have been deleted, or have got other keys.
        let app = self.current_app()?;
        let token = lifecycle.refresh(&app, at_login, session, asked.st.as_deref().unwrap_or_default())?;
        Ok(token_reply(&recipient.to_client(&session.client), OpType::Refreshed, token))
    }
}

impl Dispatcher {
    /// `report/upload` → `report/uploaded` (P-107): push tokens, of which there is no use here.
    pub(super) fn report(&self, command: &GenericCommand, recipient: &Recipient, queue: &mut WriteQueue) {
        let session = match self.session_of(command.peer_id.as_deref()) {
            Ok(local) => &local.session,
            Err(error) => return answer(queue, &recipient.error(&error)),
        };
        let recipient = recipient.to_client(&session.client);
        match self.shared.take_turn(&session.app, &session.client, command) {
            Ok(()) => answer(queue, &recipient.reply(CommandType::Report, Some(OpType::Uploaded))),
            Err(error) if self.shared.is_unanswered(&session.app, &error) => {}
            Err(error) => answer(queue, &recipient.error(&error)),
        }
    }
}

/// What a session missed, as its log-in says.
struct Missed {
    /// `lastUnreadNotifTime`.
    told_until: Option<Timestamp>,
    /// `lastPatchTime`, of a session that wants changes.
    changed_after: Option<Timestamp>,
    /// It wants to hear of temporary conversations.
    wants_temporary: bool,
}

/// A session whose events wait for what is unread. They go on when this is dropped, too.
struct TellingUnread {
    delivery: Arc<LocalDelivery>,
    session: Arc<Session>,
}

impl TellingUnread {
    fn tell(self, unread: Result<Option<UnreadCounts>, RequestError>, wants_temporary: bool) {
        let counts = unread.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(app = %self.session.app, error, "a client is not told what it has not read");
            None
        });
        let is_wanted = |unread: &UnreadConversation| wants_temporary || !unread.conversation.is_temporary();
        let counts = counts.map(|mut counts| {
            counts.conversations.retain(is_wanted);
            counts
        });
        self.delivery.tell_unread(&self.session, counts.filter(|counts| !counts.conversations.is_empty()));
    }
}

impl Drop for TellingUnread {
    fn drop(&mut self) {
        self.delivery.tell_unread(&self.session, None);
    }
}

fn login(peer: Option<String>, mut session: SessionCommand, web_origin: Option<String>) -> Login {
    Login {
        signature: signature(&mut session.s, session.t, &mut session.n),
        client: peer.map(ClientId::new),
        // Apple SDKs name the device by its push token.
        device: session.device_id.or(session.device_token).map(DeviceId::new),
        tag: session.tag,
        reconnect: session.r,
        token: session.st.filter(|token| !token.is_empty()),
        web_origin,
    }
}

fn token_reply(recipient: &Recipient, op: OpType, token: IssuedToken) -> GenericCommand {
    let session =
        SessionCommand { st: Some(token.text), st_ttl: Some(token.life_seconds), ..SessionCommand::default() };
    GenericCommand { session_message: Some(session), ..recipient.reply(CommandType::Session, Some(op)) }
}
