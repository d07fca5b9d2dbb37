//! Conversations to which a client does not want to be added by others: its own blacklist (S-128).

use async_trait::async_trait;

use super::StoreError;
use crate::ids::{AppId, ClientId, ConversationId};

/// What became of a request to refuse conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalChange {
    /// Refused now, also those that were before, in the order of the request.
    pub refused: Vec<ConversationId>,
    /// Those that do not exist.
    pub unknown: Vec<ConversationId>,
    /// Those that the list has no room for.
    pub beyond: Vec<ConversationId>,
}

/// A part of a list of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationPage {
    /// Those whose ids come after this text, in the order of their bytes; absent: from the first.
    pub after: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// The lists of clients.
#[async_trait]
pub trait RefusedConversations: Send + Sync + 'static {
    /// Adds to a client's list what exists, up to `limit` conversations in all.
    async fn refuse_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
        limit: usize,
    ) -> Result<RefusalChange, StoreError>;

    /// Takes conversations off a client's list.
    async fn accept_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<(), StoreError>;

    /// A part of a client's list, in the order of the bytes of the ids.
    async fn refused_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        page: &ConversationPage,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// Those among `conversations` that are on a client's list, in no order.
    async fn which_refused(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationId>, StoreError>;
}
