//! Who is online where, on all nodes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::{ChatRooms, OnlineSessions, RememberedRooms, Session};
use crate::delivery::DisplacedSession;
use crate::ids::{AppId, ClientId, ConversationId};

/// Why a session is not registered, or a lease not renewed.
#[derive(Debug, Error)]
pub enum PresenceError {
    /// A reconnect, and another device's session on another node has its tag (P-52).
    #[error("another device has logged in with the same tag")]
    Conflict,
    /// It is not known who is online.
    #[error("presence cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The sessions of all nodes, as one node sees and changes them. A node holds its sessions by a lease: those of a node whose
/// lease is over are not online.
///
/// What is between sessions of one node is decided there, in [`super::SessionLifecycle`]. Each call has a deadline of its own: log-ins and
/// messages wait for it.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Puts a session of this node online. In the same step sessions of other nodes are displaced: those of its device (P-52), and
    /// those with its tag (P-53), against which a reconnect fails. They are not online from then on.
    async fn register(&self, session: &Session, is_reconnect: bool) -> Result<Vec<DisplacedSession>, PresenceError>;

    /// Takes a session of this node offline, also one that may not have been registered. Without I/O: what is to be written is
    /// written soon, and tried again as long as the node has its lease.
    fn end(&self, session: &Session);

    /// Takes all sessions of this node in an app offline, as [`Self::end`] does.
    fn end_app(&self, app: &AppId);

    /// Which of these clients are online (S-120), in their order. One of which this is not known counts as offline.
    async fn are_online(&self, app: &AppId, clients: &[ClientId]) -> Vec<bool>;

    /// A session of this node is in this chat room from now on, and in no other one; or in none. Called in the order of the
    /// changes. Without I/O, as [`Self::end`].
    fn set_room(&self, session: &Session, room: Option<&ConversationId>);

    /// A session of this node was lost while it was in this chat room: keeps that for [`super::ROOM_REMEMBERED_FOR`]. Where
    /// another node has displaced the session, [`Self::register`] has done it already. Without I/O, as [`Self::end`].
    fn remember_room(&self, session: &Session, room: &ConversationId);

    /// A client has left this chat room: it does not come back to it by itself. Without I/O, as [`Self::end`].
    fn forget_room(&self, app: &AppId, client: &ClientId, room: &ConversationId);

    /// Takes the chat room that a session which has just logged in comes back to, as [`RememberedRooms::recall`] does.
    async fn recall_room(&self, session: &Session, is_reconnect: bool) -> Option<ConversationId>;

    /// Clients that are in a chat room now. Those of which this is not known do not count.
    async fn count_in_room(&self, app: &AppId, room: &ConversationId) -> usize;

    /// Some of them at random, at most `limit`.
    async fn sample_room(&self, app: &AppId, room: &ConversationId, limit: usize) -> Vec<ClientId>;

    /// Keeps the sessions of this node online for as long as `lease` from now on. Answers those of them that were displaced, until
    /// they are ended.
    async fn renew_lease(&self, lease: Duration) -> Result<Vec<DisplacedSession>, PresenceError>;

    /// Forgets the sessions of nodes whose leases are over.
    async fn end_lost_nodes(&self) -> Result<(), PresenceError>;
}

/// The presence of a node that is the only one.
#[derive(Debug)]
pub struct PresenceOfOneNode {
    sessions: Arc<OnlineSessions>,
    rooms: Arc<ChatRooms>,
    remembered: RememberedRooms,
}

impl PresenceOfOneNode {
    /// `sessions` and `rooms` are all there are.
    pub fn new(sessions: Arc<OnlineSessions>, rooms: Arc<ChatRooms>) -> Self {
        Self { sessions, rooms, remembered: RememberedRooms::default() }
    }
}

#[async_trait]
impl Presence for PresenceOfOneNode {
    async fn register(&self, _: &Session, _: bool) -> Result<Vec<DisplacedSession>, PresenceError> {
        Ok(Vec::new())
    }

    fn end(&self, _: &Session) {}

    fn end_app(&self, app: &AppId) {
        self.remembered.forget_app(app);
    }

    async fn are_online(&self, app: &AppId, clients: &[ClientId]) -> Vec<bool> {
        clients.iter().map(|client| self.sessions.is_online(app, client)).collect()
    }

    fn set_room(&self, _: &Session, _: Option<&ConversationId>) {}

    fn remember_room(&self, session: &Session, room: &ConversationId) {
        self.remembered.remember(session, room);
    }

    fn forget_room(&self, app: &AppId, client: &ClientId, room: &ConversationId) {
        self.remembered.forget(app, client, room);
    }

    async fn recall_room(&self, session: &Session, is_reconnect: bool) -> Option<ConversationId> {
        self.remembered.recall(session, is_reconnect)
    }

    async fn count_in_room(&self, app: &AppId, room: &ConversationId) -> usize {
        self.rooms.count(app, room)
    }

    async fn sample_room(&self, app: &AppId, room: &ConversationId, limit: usize) -> Vec<ClientId> {
        self.rooms.sample(app, room, limit)
    }

    async fn renew_lease(&self, _: Duration) -> Result<Vec<DisplacedSession>, PresenceError> {
        Ok(Vec::new())
    }

    async fn end_lost_nodes(&self) -> Result<(), PresenceError> {
        Ok(())
    }
}
