//! The embedded backend: one SQLite file in WAL mode, one thread that writes, a few connections that read.

mod beside;
mod conversations;
mod dead_letters;
mod ended_logins;
mod error;
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
mod outcome;
mod queries;
#[cfg(test)]
mod queue_cost;
mod reader;
mod schema;
mod search;
mod settings;
mod writer;

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
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
use hookd_im_core::timestamp::{Clock, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Map, Value};

use self::error::WorkError;
pub use self::hook_queue::SqliteHookQueue;
use self::queries::Queries;
use self::reader::Readers;
pub use self::writer::WriteCounts;
use self::writer::Writer;
use crate::query::Filter;

/// How long calls may take.
#[derive(Clone, Copy)]
struct Deadlines {
    /// A read, its wait for a connection included.
    read: Duration,
    /// A write, its wait in the queue and its commit included.
    write: Duration,
    /// Looking whether a write happened whose commit was not heard of.
    read_back: Duration,
}

/// One call takes 4 s at most: a client gives a request up after 20 s (P-12), and a blocking hook may take 15 s of those.
const DEADLINES: Deadlines = Deadlines {
    read: Duration::from_secs(4),
    write: Duration::from_millis(3500),
    read_back: Duration::from_millis(500),
};

/// Reads at the same time that are not queries of clients.
const READERS: usize = 4;

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
    /// For what stands in the way of a send.
    readers: Readers,
    queries: Queries,
    clock: Clock,
    read_back: Duration,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to the newest schema. Blocks for as long as that takes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_clock(path, Arc::new(Timestamp::now))
    }

    /// Like [`SqliteStore::open`], with another source of times than the system's clock.
    pub fn open_with_clock(path: impl AsRef<Path>, clock: Clock) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::over(prepared(path, clock())?, path, clock, DEADLINES)
    }

    /// `writer` is a connection to the file at `path`, which is ready.
    fn over(writer: Connection, path: &Path, clock: Clock, deadlines: Deadlines) -> Result<Self, StoreError> {
        let writer = Writer::start(writer, deadlines.write)?;
        let readers = Readers::open(path, READERS, deadlines.read)?;
        let queries = Queries::open(path, deadlines.read)?;
        let database = Database { writer, readers, queries, clock, read_back: deadlines.read_back };
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

/// A connection that may write, to a file of the newest schema.
fn prepared(path: &Path, now: Timestamp) -> Result<Connection, WorkError> {
    make_private(path)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut connection)?;
    go_on_after_a_restart(&mut connection, now)?;
    Ok(connection)
}

/// Messages are in it: only the owner reads them. SQLite gives its other files the mode of this one.
///
/// A file that is there is not opened for it: closing it would take the locks away that SQLite holds on it in this process.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => ["", "-wal", "-shm"].iter().try_for_each(|suffix| {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            match fs::set_permissions(file, Permissions::from_mode(0o600)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                set => set,
            }
        }),
        created => created.map(drop),
    };
    made.map_err(|error| StoreError::Database(Box::new(error)))
}

/// What the queue of hook calls needs before its first use.
fn go_on_after_a_restart(connection: &mut Connection, now: Timestamp) -> Result<(), WorkError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    hook_call_repair::sort_out(&transaction, now)?;
    open_sessions::end_all(&transaction, now)?;
    transaction.commit()?;
    Ok(())
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
        let of_app = app.clone();
        let create = move |connection: &Connection, beside| conversations::create(connection, &of_app, new, beside);
        let of_app = app.clone();
        let is_there = move |connection: &Connection, created: &CreatedConversation| {
            Ok(conversations::key(connection, &of_app, &created.conversation.id)?.is_some())
        };
        self.database.write_beside("create conversation", create, is_there).await
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
        let (of_app, asking, query) = (app.clone(), asking.clone(), query.clone());
        // Parsing compiles regular expressions: work for the same thread.
        let find = move |connection: &Connection, until| {
            let filter = Filter::parse(&query.filter, &asking)?;
            search::find(connection, (&of_app, &asking), &filter, &query, until)
        };
        self.database.queries.run(app, "find conversations", find).await
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        member_limit: usize,
        hook: Option<HookBeside<ConversationAddedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let (of_app, id, members) = (app.clone(), id.clone(), members.to_vec());
        let add = move |connection: &Connection, beside| {
            members::add(connection, &of_app, &id, (members, member_limit), hook, beside)
        };
        self.database.write_beside("add members", add, is_changed(app)).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        hook: Option<HookBeside<ConversationRemovedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError> {
        let (of_app, id, members) = (app.clone(), id.clone(), members.to_vec());
        let remove =
            move |connection: &Connection, beside| members::remove(connection, &of_app, &id, members, hook, beside);
        self.database.write_beside("remove members", remove, is_changed(app)).await
    }

    async fn append_message(&self, app: &AppId, new: NewMessage) -> Result<Option<AppendedMessage>, StoreError> {
        let of_app = app.clone();
        let append = move |connection: &Connection, beside| messages::append(connection, &of_app, new, beside);
        let is_there = |connection: &Connection, appended: &Option<AppendedMessage>| {
            appended.as_ref().map_or(Ok(true), |appended| messages::exists(connection, &appended.id))
        };
        self.database.write_beside("append message", append, is_there).await
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
        let (of_app, conversation, query) = (app.clone(), conversation.clone(), query.clone());
        let range = move |connection: &Connection, _| history::range(connection, &of_app, &conversation, &query);
        self.database.queries.run(app, "history", range).await.map_err(|error| match error {
            QueryError::Store(error) => error,
            QueryError::BadFilter(_) | QueryError::TooCostly(_) => {
                StoreError::TimedOut { operation: "history", limit: queries::TIME_BUDGET }
            }
        })
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

/// Tells of a change of members whether it happened, from the members that it leads to.
fn is_changed(app: &AppId) -> impl FnOnce(&Connection, &Option<MembershipChange>) -> Result<bool, WorkError> + use<> {
    let app = app.clone();
    move |connection, change| {
        let Some(change) = change else { return Ok(true) };
        let now = conversations::load(connection, &app, &change.conversation.id)?;
        Ok(now.is_some_and(|now| now.members == change.conversation.members))
    }
}
