//! A store that loses answers and stops at given points, over the real one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hook_types::{ConversationAddedParams, ConversationRemovedParams};
use hookd_im_core::app::ImSettings;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    AppendedMessage, Conversation, ConversationQuery, CreatedConversation, EndedLogin, FoundConversation, HistoryQuery,
    HookBeside, MembershipChange, NewConversation, NewMessage, Notification, OutboxCall, QueryError, Store, StoreError,
    StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// A place at which the store can be stopped once.
#[derive(Default)]
pub struct Stop(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

impl Stop {
    /// The next caller here waits. The first half resolves when that happens, the second one lets it go on.
    pub fn next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((came, comes), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
        *self.0.lock().unwrap() = Some((came, goes_on));
        (comes, go_on)
    }

    async fn pass(&self) {
        let stop = self.0.lock().unwrap().take();
        if let Some((came, goes_on)) = stop {
            came.send(()).unwrap();
            goes_on.await.unwrap();
        }
    }
}

pub struct UnreliableStore {
    store: SqliteStore,
    /// The next message is stored, or refused by the conversation, and the answer is lost.
    pub loses_next_append: AtomicBool,
    /// So many times settings are saved, and the answer is lost.
    pub loses_saves: AtomicU32,
    /// A conversation has been created, and its creator does not know yet.
    pub after_create: Stop,
    /// The history is about to be read.
    pub before_history: Stop,
}

impl UnreliableStore {
    pub fn new(store: SqliteStore) -> Self {
        Self {
            store,
            loses_next_append: AtomicBool::new(false),
            loses_saves: AtomicU32::new(0),
            after_create: Stop::default(),
            before_history: Stop::default(),
        }
    }
}

#[async_trait]
impl Store for UnreliableStore {
    async fn append_message(&self, app: &AppId, new: NewMessage) -> Result<Option<AppendedMessage>, StoreError> {
        let appended = self.store.append_message(app, new).await;
        if self.loses_next_append.swap(false, Ordering::SeqCst) {
            return Err(StoreError::OutcomeUnknown { operation: "append message" });
        }
        appended
    }

    async fn create_conversation(&self, app: &AppId, new: NewConversation) -> Result<CreatedConversation, StoreError> {
        let created = self.store.create_conversation(app, new).await;
        self.after_create.pass().await;
        created
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.before_history.pass().await;
        self.store.history(app, conversation, query).await
    }

    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        self.store.settings(app).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let saved = self.store.save_settings(app, settings).await;
        let lost = self.loses_saves.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() {
            return Err(StoreError::OutcomeUnknown { operation: "save settings" });
        }
        saved
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.store.conversation(app, id).await
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        self.store.find_conversations(app, asking, query).await
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        member_limit: usize,
        hook: Option<HookBeside<ConversationAddedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        self.store.add_members(app, id, members, member_limit, hook).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        hook: Option<HookBeside<ConversationRemovedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        self.store.remove_members(app, id, members, hook).await
    }

    async fn outbox(&self, after: u64, limit: usize, recent: Duration) -> Result<Vec<(AppId, OutboxCall)>, StoreError> {
        self.store.outbox(after, limit, recent).await
    }

    async fn clear_outbox(&self, rows: Vec<u64>) -> Result<(), StoreError> {
        self.store.clear_outbox(rows).await
    }

    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError> {
        self.store.end_logins(app, ended).await
    }

    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        self.store.ended_login(app, login, token_expires_at).await
    }

    async fn add_notifications(
        &self,
        app: &AppId,
        notifications: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.store.add_notifications(app, notifications).await
    }

    async fn notifications(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        self.store.notifications(app, client, after, limit).await
    }
}
