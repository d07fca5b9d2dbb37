//! What each client sees of a service conversation (S-71).

use async_trait::async_trait;

use super::{HistoryQuery, StoreError, StoredMessage};
use crate::ids::{AppId, ClientId, ConversationId};

/// Subscriptions of a client to one conversation whose messages are in its view: the newest ones count.
pub const SUBSCRIPTIONS_REMEMBERED: u32 = 50;

/// The views of clients.
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// Messages of a range, oldest first, as [`super::Messages::history`] (P-92): those that the client sent to the service
    /// conversation, those that were sent to it, and those to all subscribers from while it was one.
    async fn view(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError>;
}
