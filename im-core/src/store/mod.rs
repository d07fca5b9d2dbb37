//! The store: conversations, messages, missed notifications, settings. [`Store`] has one module per backend.

use std::time::Duration;

use async_trait::async_trait;
use hook_types::{ConversationAddedParams, ConversationRemovedParams, ConversationStartedParams, MessageSentParams};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::app::ImSettings;
use crate::ids::{AppId, ClientId, ConversationId, MessageId};
use crate::timestamp::Timestamp;

mod beside;

pub use self::beside::{CallBeside, CallPlace, HookBeside, OutboxCall};

/// How long a repeated token means a repeated message (P-84).
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(10);

/// Why the store could not answer. The text is for logs, never for clients.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The backend refused or broke.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full. A write did not happen.
    #[error("the database has no room: the disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Others hold what the operation needs: locks, connections. A write did not happen; a later one may.
    #[error("the database is busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot be reached. A write did not happen.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database itself is damaged.
    #[error("the database is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this program did not write.
    #[error("table `{table}`, row `{row}`: {problem}")]
    Corrupt {
        /// Table name.
        table: &'static str,
        /// Primary key.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The backend is too slow or too busy. A write did not happen, and will not.
    #[error("the store did not finish `{operation}` within {limit:?}: it is overloaded or its disk is slow")]
    TimedOut {
        /// What was waited for.
        operation: &'static str,
        /// How long.
        limit: Duration,
    },
    /// A write was begun, and its end could not be found out in time: it may have happened, and may happen yet.
    #[error("it is not known whether `{operation}` happened: the commit was not answered in time, the disk is slow")]
    OutcomeUnknown {
        /// What was begun.
        operation: &'static str,
    },
    /// The backend has shut down.
    #[error("the store is closed")]
    Closed,
}

/// A row of `_Conversation` (S-14).
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// `objectId`.
    pub id: ConversationId,
    /// `name`, `attr` and custom columns, as given.
    pub attributes: Map<String, Value>,
    /// `c`: the client that created it.
    pub creator: Option<ClientId>,
    /// `m`, in order of joining.
    pub members: Vec<ClientId>,
    /// `mu`: clients that turned offline push off.
    pub muted: Vec<ClientId>,
    /// `lm`.
    pub last_message_at: Option<Timestamp>,
    /// `uniqueId`, present when created with `unique` (S-8).
    pub unique_id: Option<String>,
    /// `createdAt`.
    pub created_at: Timestamp,
    /// `updatedAt`.
    pub updated_at: Timestamp,
}

impl Conversation {
    /// True for a present member.
    pub fn has_member(&self, client: &ClientId) -> bool {
        self.members.contains(client)
    }
}

/// A conversation to be created.
#[derive(Clone, Debug)]
pub struct NewConversation {
    /// Made by the server: its creator holds its lock before other clients can find it.
    pub id: ConversationId,
    /// `name`, `attr` and custom columns; reserved keys already taken out.
    pub attributes: Map<String, Value>,
    /// The creating client.
    pub creator: ClientId,
    /// Sorted, no duplicates, creator included.
    pub members: Vec<ClientId>,
    /// Find an existing one with the same current members first (S-8).
    pub unique: bool,
    /// The call of `_conversationStarted`, for when it is really created.
    pub started_hook: Option<HookBeside<ConversationStartedParams>>,
}

/// The answer to a create.
#[derive(Clone, Debug)]
pub struct CreatedConversation {
    /// New, or found.
    pub conversation: Conversation,
    /// True when a unique conversation was found instead of made.
    pub existing: bool,
    /// What became of [`NewConversation::started_hook`].
    pub hook: CallBeside,
}

/// What an add or remove did.
#[derive(Clone, Debug)]
pub struct MembershipChange {
    /// Really added or removed, in the order asked.
    pub changed: Vec<ClientId>,
    /// Already as asked (S-24).
    pub unchanged: Vec<ClientId>,
    /// Beyond the member limit (S-27); always empty for a remove.
    pub refused: Vec<ClientId>,
    /// The conversation after the change.
    pub conversation: Conversation,
    /// What became of the call that was to be stored with the change.
    pub hook: CallBeside,
}

/// The body of a message (S-39).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageBody {
    /// Any text.
    Text(String),
    /// Any bytes; Base64 in hooks, tables and history.
    Binary(Vec<u8>),
}

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Made by the server.
    pub id: MessageId,
    /// The conversation; it must exist.
    pub conversation: ConversationId,
    /// Sender.
    pub from: ClientId,
    /// Body after hooks.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// The client's de-duplication token `dt` (P-84).
    pub deduplication_token: Option<String>,
    /// Set when a hook or filter changed the body. Kept as at least 1 ms after the message's own time (P-94).
    pub patched_at: Option<Timestamp>,
    /// The call of `_messageSent`.
    pub sent_hook: Option<HookBeside<MessageSentParams>>,
}

/// A message of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Message id.
    pub id: MessageId,
    /// Strictly increasing within a conversation (S-5).
    pub timestamp: Timestamp,
    /// Sender.
    pub from: ClientId,
    /// Body.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// Last edit.
    pub patched_at: Option<Timestamp>,
}

/// The answer to an append.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendedMessage {
    /// Id as stored; the earlier one's when there is one.
    pub id: MessageId,
    /// Time as stored.
    pub timestamp: Timestamp,
    /// The message that the same client sent with this token to this conversation before (P-84): nothing was stored now.
    pub earlier: Option<StoredMessage>,
    /// What became of [`NewMessage::sent_hook`].
    pub hook: CallBeside,
}

/// One end of a history range.
#[derive(Clone, Debug)]
pub struct HistoryBound {
    /// Time.
    pub timestamp: Timestamp,
    /// Among messages of that time; absent compares times only.
    pub id: Option<MessageId>,
    /// The bound itself belongs to the range.
    pub included: bool,
}

/// Which way a history query walks (P-92).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From start backwards: the newest `limit` before start.
    Old,
    /// From start forwards: the oldest `limit` after start.
    New,
}

/// A history query (P-92).
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Where to begin; absent = now for `Old`, the beginning for `New`.
    pub start: Option<HistoryBound>,
    /// Where to stop; absent = open.
    pub end: Option<HistoryBound>,
    /// Which way.
    pub direction: Direction,
    /// 0 to 100 messages.
    pub limit: u32,
    /// Only text bodies that are JSON objects with this `_lctype`.
    pub message_type: Option<i32>,
}

/// A conversation query (P-75).
#[derive(Clone, Debug, Default)]
pub struct ConversationQuery {
    /// The `where` object; empty = conversations that contain the asking client.
    pub filter: Map<String, Value>,
    /// Comma list, `-key` descending; absent = newest `updatedAt` first.
    pub sort: Option<String>,
    /// Rows to pass over.
    pub skip: u32,
    /// 0 to 1000 rows.
    pub limit: u32,
    /// Also fetch the last message of the rows that contain the asking client (flag 2).
    pub with_last_message: bool,
    /// Leave the members out of the rows (flag 1).
    pub compact: bool,
}

/// One row of a query.
#[derive(Clone, Debug)]
pub struct FoundConversation {
    /// The row.
    pub conversation: Conversation,
    /// Its newest message, when asked for and present.
    pub last_message: Option<StoredMessage>,
}

/// Bytes of the answer to one query at most, about as they go to the client.
pub const QUERY_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Why a query failed.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The filter cannot be understood (P-77); the text goes to the client.
    #[error("{0}")]
    BadFilter(String),
    /// It would cost more than one query may, or the app asks too much at a time; the text goes to the client.
    #[error("{0}")]
    TooCostly(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A permanent event of one client, kept for `GET /1.1/rtm/notifications` (P-59 … P-64).
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Strictly increasing per client.
    pub server_timestamp: Timestamp,
    /// The flat item of P-64 without `serverTs` and `notificationType`.
    pub payload: Map<String, Value>,
}

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

/// Everything that must outlive the process. A call that has returned is on disk.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Settings of an app; `None` when never saved.
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError>;

    /// Replaces the settings of an app.
    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError>;

    /// Creates, or finds for `unique`, atomically per member set (S-8).
    async fn create_conversation(&self, app: &AppId, new: NewConversation) -> Result<CreatedConversation, StoreError>;

    /// `None` when no such conversation exists.
    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// Conversations that match, in order (P-75 … P-77).
    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError>;

    /// Adds members up to `member_limit` in all; `None` when no such conversation exists. `hook` is for when at least
    /// one member is added.
    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        member_limit: usize,
        hook: Option<HookBeside<ConversationAddedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError>;

    /// Removes members; `None` when no such conversation exists. `hook` is for when at least one member is removed.
    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        members: &[ClientId],
        hook: Option<HookBeside<ConversationRemovedParams>>,
    ) -> Result<Option<MembershipChange>, StoreError>;

    /// Stores a message: gives the timestamp (now, or 1 ms after the conversation's newest), sets `lm` and `updatedAt`.
    /// `None` when no such conversation exists.
    ///
    /// [`StoreError::OutcomeUnknown`] when the message may be stored: with the same token it is sent once more, and then
    /// answered as a duplicate if it was.
    async fn append_message(&self, app: &AppId, new: NewMessage) -> Result<Option<AppendedMessage>, StoreError>;

    /// Calls in the outbox, by number, at most `limit` of those after the row `after`. Those that came within `recent` are
    /// left out: their requests still work on them.
    async fn outbox(&self, after: u64, limit: usize, recent: Duration) -> Result<Vec<(AppId, OutboxCall)>, StoreError>;

    /// Takes calls out of the outbox, which another queue has now.
    async fn clear_outbox(&self, rows: Vec<u64>) -> Result<(), StoreError>;

    /// Messages of a range, oldest first in both directions (P-92).
    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// Keeps that logins have ended for good, until their tokens have expired.
    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError>;

    /// The code for a client that comes back with a token of this login; `None` when the login has not ended for good.
    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError>;

    /// Keeps one event for each client; answers the times given, in the same order.
    async fn add_notifications(
        &self,
        app: &AppId,
        notifications: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError>;

    /// Events of a client after `after`, ascending, at most `limit`.
    async fn notifications(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError>;
}
