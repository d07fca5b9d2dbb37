//! The embedded backend: one SQLite file.

use std::path::Path;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    AppendedMessage, Conversation, ConversationQuery, CreatedConversation, FoundConversation, HistoryQuery,
    MembershipChange, NewConversation, NewMessage, Notification, QueryError, Store, StoreError, StoredMessage,
};
use crate::app::ImSettings;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// [`Store`] over one SQLite file.
pub struct SqliteStore {}

impl SqliteStore {
    /// Opens the file, or makes it.
    pub fn open(_path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self {})
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn settings(&self, _app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn save_settings(&self, _app: &AppId, _settings: &ImSettings) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn create_conversation(
        &self,
        _app: &AppId,
        _new: NewConversation,
    ) -> Result<CreatedConversation, StoreError> {
        Err(StoreError::Closed)
    }

    async fn conversation(&self, _app: &AppId, _id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn find_conversations(
        &self,
        _app: &AppId,
        _asking: &ClientId,
        _query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        Err(StoreError::Closed.into())
    }

    async fn add_members(
        &self,
        _app: &AppId,
        _id: &ConversationId,
        _members: &[ClientId],
        _member_limit: usize,
    ) -> Result<Option<MembershipChange>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn remove_members(
        &self,
        _app: &AppId,
        _id: &ConversationId,
        _members: &[ClientId],
    ) -> Result<Option<MembershipChange>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn append_message(&self, _app: &AppId, _new: NewMessage) -> Result<Option<AppendedMessage>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn history(
        &self,
        _app: &AppId,
        _conversation: &ConversationId,
        _query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn add_notifications(
        &self,
        _app: &AppId,
        _notifications: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn notifications(
        &self,
        _app: &AppId,
        _client: &ClientId,
        _after: Timestamp,
        _limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        Err(StoreError::Closed)
    }
}
