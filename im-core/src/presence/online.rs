//! Who is online where, on all nodes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::{OnlineSessions, Session};
use crate::delivery::DisplacedSession;
use crate::ids::{AppId, ClientId};

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
}

impl PresenceOfOneNode {
    /// `sessions` are all there are.
    pub fn new(sessions: Arc<OnlineSessions>) -> Self {
        Self { sessions }
    }
}

#[async_trait]
impl Presence for PresenceOfOneNode {
    async fn register(&self, _: &Session, _: bool) -> Result<Vec<DisplacedSession>, PresenceError> {
        Ok(Vec::new())
    }

    fn end(&self, _: &Session) {}

    fn end_app(&self, _: &AppId) {}

    async fn are_online(&self, app: &AppId, clients: &[ClientId]) -> Vec<bool> {
        clients.iter().map(|client| self.sessions.is_online(app, client)).collect()
    }

    async fn renew_lease(&self, _: Duration) -> Result<Vec<DisplacedSession>, PresenceError> {
        Ok(Vec::new())
    }

    async fn end_lost_nodes(&self) -> Result<(), PresenceError> {
        Ok(())
    }
}
