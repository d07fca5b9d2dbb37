//! Messages and their history.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CallFor, Committed, StoreError};
use crate::ids::{AppId, ClientId, ConversationId, MessageId};
use crate::timestamp::Timestamp;

/// How long a repeated token means a repeated message (P-84).
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(10);

/// The body of a message (S-39).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The [`super::Conversation::members_sequence`] of the members that sender and receivers were checked against: the
    /// message is stored only while they are the members.
    pub members_sequence: u64,
    /// The [`super::Conversation::standing_version`] that the sender was checked against: the message is stored only while it
    /// is that.
    pub standing_version: u64,
    /// Those that a hook narrowed the receivers to; absent: all members of that version. In a service conversation: those whose
    /// views it is in (S-71); absent: all who subscribe; none: it is in that of its sender, which has sent it to the service.
    pub receivers: Option<Vec<ClientId>>,
    /// Body after hooks.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// The client's de-duplication token `dt` (P-84).
    pub deduplication_token: Option<String>,
    /// Its author gets receipts (S-58).
    pub receipt: bool,
    /// Set when a hook or filter changed the body. Kept as at least 1 ms after the message's own time (P-94).
    pub patched_at: Option<Timestamp>,
}

/// A message of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// When a receiver acknowledged it first (S-60); noted in conversations of two, and where receipts were asked for.
    pub acknowledged_at: Option<Timestamp>,
    /// Strictly increasing within a conversation, over messages and changes of members. 0 when an older program stored
    /// the message.
    pub sequence: u64,
}

/// The answer to an append.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendedMessage {
    /// Id as stored; the earlier one's when there is one.
    pub id: MessageId,
    /// Time as stored.
    pub timestamp: Timestamp,
    /// As in [`StoredMessage`].
    pub sequence: u64,
    /// The message that the same client sent with this token to this conversation before (P-84): nothing was stored now.
    pub earlier: Option<Box<StoredMessage>>,
}

/// Why a message was not stored, nor answered as an earlier one. Checked under the conversation's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAppended {
    /// The conversation does not exist.
    #[error("the conversation does not exist")]
    NoConversation,
    /// Its members are not those of [`NewMessage::members_sequence`] any more, or what it holds about them is not that of
    /// [`NewMessage::standing_version`].
    #[error("the members of the conversation, or what they may do, have changed")]
    MembersChanged,
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

/// Messages.
#[async_trait]
pub trait Messages: Send + Sync + 'static {
    /// Stores a message: gives the timestamp (now, or 1 ms after the conversation's newest) and the sequence number, sets
    /// `lm` and `updatedAt`. `call` is for a message that is really stored.
    ///
    /// [`StoreError::OutcomeUnknown`] when the message may be stored: with the same token it is sent once more, and then
    /// answered as a duplicate if it was.
    async fn append_message(
        &self,
        app: &AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Result<Committed<AppendedMessage>, NotAppended>, StoreError>;

    /// Messages of a range, oldest first in both directions (P-92).
    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError>;
}
