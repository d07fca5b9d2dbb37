//! The embedded backend: one SQLite file in WAL mode, one thread that writes, a few connections that read.

mod beside;
mod conversations;
mod dead_letters;
mod ended_logins;
mod history;
mod hook_call_repair;
mod hook_calls;
mod hook_queue;
mod json;
mod members;
mod messages;
mod notifications;
mod open_sessions;
mod outbox;
mod reader;
mod schema;
mod search;
mod settings;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hook_types::{ConversationAddedParams, ConversationRemovedParams};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Map, Value};

use self::hook_queue::Places;
pub use self::hook_queue::SqliteHookQueue;
use self::reader::Readers;
pub use self::writer::WriteCounts;
use self::writer::Writer;
use super::query::Filter;
use super::{
    AppendedMessage, CallBeside, Conversation, ConversationQuery, CreatedConversation, EndedLogin, FoundConversation,
    HistoryQuery, HookBeside, MembershipChange, NewConversation, NewMessage, Notification, OutboxCall, QueryError,
    Store, StoreError, StoredMessage,
};
use crate::app::ImSettings;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::{Clock, Timestamp};

/// Bounds one call, its wait in the queue included. A client gives a request up after 20 s (P-12), and a blocking hook
/// may take 15 s of those.
const CALL_DEADLINE: Duration = Duration::from_secs(4);

/// How long SQLite waits for a lock that another process (a backup, a shell) holds on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Prepared statements kept by each connection: more than this backend has.
const STATEMENT_CACHE: usize = 64;

/// [`Store`] over one SQLite file.
pub struct SqliteStore {
    database: Arc<Database>,
}

/// The file, shared by the store and the queue of hook calls.
struct Database {
    writer: Writer,
    readers: Readers,
    clock: Clock,
    places: Places,
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
        go_on_after_a_restart(&mut connection, clock())?;
        let places = Places::load(&connection)?;
        let database = Database {
            writer: Writer::start(connection, CALL_DEADLINE)?,
            readers: Readers::open(path, CALL_DEADLINE)?,
            clock,
            places,
        };
        Ok(Self { database: Arc::new(database) })
    }

    /// The queue of hook calls in the same file. To be asked for once: two queues would hand out the same calls.
    pub fn hook_queue(&self) -> SqliteHookQueue {
        SqliteHookQueue::new(self.database.clone())
    }

    /// How many writes shared how many commits.
    pub fn write_counts(&self) -> WriteCounts {
        self.database.writer.counts()
    }
}

/// What the queue of hook calls needs before its first use.
fn go_on_after_a_restart(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    hook_call_repair::sort_out(&transaction, now)?;
    open_sessions::end_all(&transaction, now)?;
    transaction.commit()?;
    Ok(())
}

impl Database {
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
        self.database.readers.read("settings", move |connection| settings::load(connection, &app)).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let (app, settings) = (app.clone(), settings.clone());
        self.database.write("save settings", move |connection, _| settings::save(connection, &app, &settings)).await
    }

    async fn create_conversation(&self, app: &AppId, new: NewConversation) -> Result<CreatedConversation, StoreError> {
        let (place, of_app) = (new.started_hook.as_ref().map(|hook| hook.place), app.clone());
        let queued = |created: &CreatedConversation| created.hook == CallBeside::Queued;
        let create = move |connection: &Connection, beside| conversations::create(connection, &of_app, new, beside);
        self.database.write_beside("create conversation", (app, place), queued, create).await
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        let (app, id) = (app.clone(), id.clone());
        self.database.readers.read("conversation", move |connection| conversations::load(connection, &app, &id)).await
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        let (app, asking, query) = (app.clone(), asking.clone(), query.clone());
        let found = self
            .database
            .readers
            // Parsing compiles regular expressions: work for a blocking thread too.
            .read("find conversations", move |connection| match Filter::parse(&query.filter, &asking) {
                Ok(filter) => search::find(connection, (&app, &asking), &filter, &query).map(Ok),
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
        hook: Option<HookBeside<ConversationAddedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let place = hook.as_ref().map(|hook| hook.place);
        let (of_app, id, members) = (app.clone(), id.clone(), members.to_vec());
        let add = move |connection: &Connection, beside| {
            members::add(connection, &of_app, &id, (members, member_limit), hook, beside)
        };
        self.database.write_beside("add members", (app, place), is_change_queued, add).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        hook: Option<HookBeside<ConversationRemovedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let place = hook.as_ref().map(|hook| hook.place);
        let (of_app, id, members) = (app.clone(), id.clone(), members.to_vec());
        let remove =
            move |connection: &Connection, beside| members::remove(connection, &of_app, &id, members, hook, beside);
        self.database.write_beside("remove members", (app, place), is_change_queued, remove).await
    }

    async fn append_message(&self, app: &AppId, new: NewMessage) -> Result<Option<AppendedMessage>, StoreError> {
        let (place, of_app) = (new.sent_hook.as_ref().map(|hook| hook.place), app.clone());
        let queued = |appended: &Option<AppendedMessage>| {
            appended.as_ref().is_some_and(|appended| appended.hook == CallBeside::Queued)
        };
        let append = move |connection: &Connection, beside| messages::append(connection, &of_app, new, beside);
        self.database.write_beside("append message", (app, place), queued, append).await
    }

    async fn outbox(&self, after: u64, limit: usize, recent: Duration) -> Result<Vec<(AppId, OutboxCall)>, StoreError> {
        let now = (self.database.clock)();
        let left = move |connection: &Connection| outbox::left(connection, (after, limit), recent, now);
        self.database.readers.read("outbox", left).await
    }

    async fn clear_outbox(&self, rows: Vec<u64>) -> Result<(), StoreError> {
        self.database.write("clear the outbox", move |connection, _| outbox::clear(connection, &rows)).await
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let (app, conversation, query) = (app.clone(), conversation.clone(), query.clone());
        self.database
            .readers
            .read("history", move |connection| history::range(connection, &app, &conversation, &query))
            .await
    }

    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError> {
        let app = app.clone();
        let end = move |connection: &Connection, now| ended_logins::add(connection, &app, &ended, now);
        self.database.write("end logins", end).await
    }

    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        let (app, login) = (app.clone(), login.to_owned());
        let find = move |connection: &Connection| ended_logins::find(connection, &app, &login, token_expires_at);
        self.database.readers.read("ended login", find).await
    }

    async fn add_notifications(
        &self,
        app: &AppId,
        notifications: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let app = app.clone();
        self.database
            .write("add notifications", move |connection, now| {
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
        let now = (self.database.clock)();
        self.database
            .readers
            .read("notifications", move |connection| notifications::after(connection, &app, &client, after, limit, now))
            .await
    }
}

fn is_change_queued(change: &Option<MembershipChange>) -> bool {
    change.as_ref().is_some_and(|change| change.hook == CallBeside::Queued)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
