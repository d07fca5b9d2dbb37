//! Conversations and messages that are too old to be kept.

use async_trait::async_trait;

use super::StoreError;
use crate::ids::{AppId, ConversationId};
use crate::timestamp::Timestamp;

/// How old a conversation is, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationAge {
    /// Its app.
    pub app: AppId,
    /// Its id.
    pub id: ConversationId,
    /// `updatedAt`: when a message was stored, or its row changed, the last time.
    pub updated_at: Timestamp,
    /// When the first of its messages that are still there was stored.
    pub oldest_message_at: Option<Timestamp>,
}

/// A part of a walk through all conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgePage {
    /// Some of them.
    pub conversations: Vec<ConversationAge>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<u64>,
    /// By the clock of the store.
    pub now: Timestamp,
}

/// The deletion of what is too old. Each call is a small write, so that others need not wait for long.
#[async_trait]
pub trait Retention: Send + Sync + 'static {
    /// A part of the conversations of all apps, without temporary ones; `after` is 0, or the [`AgePage::next`] of the part before.
    async fn conversation_ages(&self, after: u64) -> Result<AgePage, StoreError>;

    /// Deletes some messages of a conversation that are older; true when there may be more.
    async fn delete_messages_before(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        before: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Deletes a conversation in which nothing has happened since, or a part of its messages; true when there may be more. One in
    /// which something has happened stays, with what is still there.
    async fn delete_conversation_idle_since(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        since: Timestamp,
    ) -> Result<bool, StoreError>;
}
