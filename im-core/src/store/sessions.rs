//! Log-ins that have ended, and sessions that are open.

use async_trait::async_trait;

use super::{NewCall, StoreError};
use crate::ids::{AppId, ClientId, SessionId};
use crate::timestamp::Timestamp;

/// A login that has ended for good (P-54).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedLogin {
    /// What its session tokens have in common.
    pub login: String,
    /// The code for a client that comes back with one of them.
    pub code: i32,
    /// When the last of them has expired.
    pub expires_at: Timestamp,
}

/// An open session, for the time when its node dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Unique in its node.
    pub session: SessionId,
    /// The call that is added when the node dies before the session has ended.
    pub call_if_lost: NewCall,
}

/// A change of the table of open sessions. It is written with the call about it, see [`super::CallEntry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEntry {
    /// The session is open. A second one of the same node and number replaces the first.
    Opened(OpenSession),
    /// The session has ended in an orderly way: its row goes, and its `call_if_lost` with it.
    Ended(SessionId),
}

/// Log-ins that have ended, and clients that were kicked. (Open sessions are written with [`super::Calls::add_calls`] and end with their node, see
/// [`super::Nodes`].)
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Keeps that log-ins have ended for good, until their tokens have expired.
    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError>;

    /// The code for a client that comes back with a token of this log-in; `None` when the log-in has not ended for good.
    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError>;

    /// Keeps that a client was kicked at this time (S-37), until what it was given before has expired by itself. Of two kicks the
    /// later one counts.
    async fn keep_kick(
        &self,
        app: &AppId,
        client: &ClientId,
        kicked_at: Timestamp,
        kept_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// When the client was kicked the last time, as far as that is kept.
    async fn kicked_at(&self, app: &AppId, client: &ClientId) -> Result<Option<Timestamp>, StoreError>;
}
