//! Clients that may not log in (S-33).

use async_trait::async_trait;

use super::{ClientPage, StoreError};
use crate::ids::{AppId, ClientId};
use crate::timestamp::Timestamp;

/// A client that may not log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The client.
    pub client: ClientId,
    /// Since when; of several bans, since the last.
    pub banned_at: Timestamp,
    /// Until then; absent: for ever.
    pub until: Option<Timestamp>,
}

/// The bans of each app. One whose time is over is not there.
#[async_trait]
pub trait Bans: Send + Sync + 'static {
    /// Bans a client, in place of an earlier ban of it; `None` where the app has `most` bans of others already.
    async fn ban(
        &self,
        app: &AppId,
        client: &ClientId,
        until: Option<Timestamp>,
        most: usize,
    ) -> Result<Option<Ban>, StoreError>;

    /// Ends the ban of a client; true where there was one.
    async fn unban(&self, app: &AppId, client: &ClientId) -> Result<bool, StoreError>;

    /// The ban of a client.
    async fn ban_of(&self, app: &AppId, client: &ClientId) -> Result<Option<Ban>, StoreError>;

    /// A part of the bans of an app, in the order of the bytes of the client ids.
    async fn bans(&self, app: &AppId, page: &ClientPage) -> Result<Vec<Ban>, StoreError>;
}
