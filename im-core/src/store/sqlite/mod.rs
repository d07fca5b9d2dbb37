//! The embedded backend: one SQLite file in WAL mode, one thread that writes, a few connections that read.

mod conversations;
mod history;
mod json;
mod members;
mod messages;
mod notifications;
mod reader;
mod schema;
mod search;
mod settings;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use serde_json::{Map, Value};

use self::reader::Readers;
pub use self::writer::WriteCounts;
use self::writer::Writer;
use super::query::Filter;
use super::{
    AppendedMessage, Conversation, ConversationQuery, CreatedConversation, FoundConversation, HistoryQuery,
    MembershipChange, NewConversation, NewMessage, Notification, QueryError, Store, StoreError, StoredMessage,
};
use crate::app::ImSettings;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// Bounds one call, its wait in the queue included. A client gives a request up after 20 s (P-12), and a blocking hook
/// may take 15 s of those.
const CALL_DEADLINE: Duration = Duration::from_secs(4);

/// How long SQLite waits for a lock that another process (a backup, a shell) holds on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Prepared statements kept by each connection: more than this backend has.
const STATEMENT_CACHE: usize = 64;

/// Where times come from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// [`Store`] over one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to the newest schema. Blocks for as long as that takes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_clock(path, Arc::new(Timestamp::now))
    }

    /// Like [`SqliteStore::open`], with another source of times than the system's clock.
    pub fn open_with_clock(path: impl AsRef<Path>, clock: Clock) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            writer: Writer::start(connection, CALL_DEADLINE)?,
            readers: Readers::open(path, CALL_DEADLINE)?,
            clock,
        })
    }

    /// How many writes shared how many commits.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }

    async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        self.writer.write(operation, move |connection| work(connection, clock())).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        let app = app.clone();
        self.readers.read("settings", move |connection| settings::load(connection, &app)).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let (app, settings) = (app.clone(), settings.clone());
        self.write("save settings", move |connection, _| settings::save(connection, &app, &settings)).await
    }

    async fn create_conversation(&self, app: &AppId, new: NewConversation) -> Result<CreatedConversation, StoreError> {
        let app = app.clone();
        self.write("create conversation", move |connection, now| conversations::create(connection, &app, new, now))
            .await
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        let (app, id) = (app.clone(), id.clone());
        self.readers.read("conversation", move |connection| conversations::load(connection, &app, &id)).await
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        let (app, asking, query) = (app.clone(), asking.clone(), query.clone());
        let found = self
            .readers
            // Parsing compiles regular expressions: work for a blocking thread too.
            .read("find conversations", move |connection| match Filter::parse(&query.filter, &asking) {
                Ok(filter) => search::find(connection, &app, &filter, &query).map(Ok),
                Err(bad) => Ok(Err(bad)),
            })
            .await?;
        Ok(found?)
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        member_limit: usize,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let (app, id, members) = (app.clone(), id.clone(), members.to_vec());
        self.write("add members", move |connection, now| {
            members::add(connection, &app, &id, members, member_limit, now)
        })
        .await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
    ) -> Result<Option<MembershipChange>, StoreError> {
        let (app, id, members) = (app.clone(), id.clone(), members.to_vec());
        self.write("remove members", move |connection, now| members::remove(connection, &app, &id, members, now)).await
    }

    async fn append_message(&self, app: &AppId, new: NewMessage) -> Result<Option<AppendedMessage>, StoreError> {
        let app = app.clone();
        self.write("append message", move |connection, now| messages::append(connection, &app, new, now)).await
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let (app, conversation, query) = (app.clone(), conversation.clone(), query.clone());
        self.readers.read("history", move |connection| history::range(connection, &app, &conversation, &query)).await
    }

    async fn add_notifications(
        &self,
        app: &AppId,
        notifications: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let app = app.clone();
        self.write("add notifications", move |connection, now| {
            notifications::add(connection, &app, &notifications, now)
        })
        .await
    }

    async fn notifications(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        let (app, client) = (app.clone(), client.clone());
        let now = (self.clock)();
        self.readers
            .read("notifications", move |connection| notifications::after(connection, &app, &client, after, limit, now))
            .await
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
