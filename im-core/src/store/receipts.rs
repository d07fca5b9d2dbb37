//! How far the members of conversations have received and read, and what they have not read.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ConversationKind, StoreError, StoredMessage};
use crate::ids::{AppId, ClientId, ConversationId, MessageId};
use crate::timestamp::Timestamp;

/// Unread messages of a conversation that are counted, at most; older ones are in the history only (S-67).
pub const MAX_UNREAD: u32 = 100;

/// Conversations with unread messages that one look finds, the newest (S-68).
pub const MAX_UNREAD_CONVERSATIONS: u32 = 50;

/// Conversations that one look for unread messages goes through, the newest: those in which only the client has spoken have
/// none.
pub const UNREAD_CANDIDATES: u32 = 200;

/// The newest messages of a conversation among which the unread ones are looked for: a client's own ones do not count, and may
/// be many.
pub const UNREAD_SCAN: u32 = 500;

/// Messages that one acknowledgement is about, the newest of its range.
pub const ACKNOWLEDGED_AT_ONCE: u32 = 100;

/// What a client has not read of a conversation (P-100).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnreadConversation {
    /// Where.
    pub conversation: ConversationId,
    /// Its kind.
    pub kind: ConversationKind,
    /// Messages of others that were for the client, up to [`MAX_UNREAD`].
    pub count: u32,
    /// One of them mentions the client (S-44).
    pub is_mentioned: bool,
    /// The newest of them; the newest message of all where the count is 0.
    pub last_message: Option<StoredMessage>,
    /// Messages up to this time are counted, or were read.
    pub counted_until: Timestamp,
    /// The number of the conversation's newest stored event.
    pub last_sequence: u64,
}

/// Messages that a client acknowledges (P-85).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// All between these times, which belong to them.
    Range {
        /// The time of the oldest.
        from: Timestamp,
        /// The time of the newest.
        to: Timestamp,
    },
    /// One.
    Message(MessageId),
}

/// A message whose author asked for receipts (S-58).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptMessage {
    /// The message.
    pub id: MessageId,
    /// Who is to learn of it.
    pub author: ClientId,
}

/// What an acknowledgement led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Messages that were acknowledged for the first time.
    pub first: Vec<ReceiptMessage>,
    /// The client's delivery mark.
    pub mark: Timestamp,
    /// The number of the conversation's newest stored event.
    pub last_sequence: u64,
}

/// What marking a conversation as read led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedRead {
    /// Where.
    pub conversation: ConversationId,
    /// The newest message with a receipt that was read thereby.
    pub newest: Option<ReceiptMessage>,
    /// The client's read mark.
    pub mark: Timestamp,
    /// The number of the conversation's newest stored event.
    pub last_sequence: u64,
}

/// Everything up to these times counts as delivered, and as read (S-59). The clock is that of the acknowledgements, not that of
/// the messages: a mark is later than what it covers, and earlier than what it does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptMarks {
    /// The member.
    pub client: ClientId,
    /// `maxAckTimestamp`.
    pub delivered_at: Option<Timestamp>,
    /// `maxReadTimestamp`.
    pub read_at: Option<Timestamp>,
}

/// Receipts and unread messages.
#[async_trait]
pub trait Receipts: Send + Sync + 'static {
    /// The client's conversations with unread messages, the newest first; with `changed_after` those in which a message was
    /// stored or that were marked as read after it, whether something is unread or not (P-101).
    async fn unread(
        &self,
        app: &AppId,
        client: &ClientId,
        changed_after: Option<Timestamp>,
    ) -> Result<Vec<UnreadConversation>, StoreError>;

    /// What the client has not read of one conversation. `None` when it is not a member.
    async fn unread_in(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
    ) -> Result<Option<UnreadConversation>, StoreError>;

    /// Marks the messages of conversations up to a time each as read by the client, all or none (P-88). The newest message bounds
    /// the time: the clock of a client may be ahead. Answers those of which the client is a member and had not read as far
    /// before.
    async fn mark_read(
        &self,
        app: &AppId,
        client: &ClientId,
        read: Vec<(ConversationId, Timestamp)>,
    ) -> Result<Vec<MarkedRead>, StoreError>;

    /// Notes that messages of others have come to a client (P-85). `None` when it is not a member.
    async fn mark_delivered(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
        acknowledged: &Acknowledged,
    ) -> Result<Option<Delivered>, StoreError>;

    /// The marks of the members that have one.
    async fn receipt_marks(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<ReceiptMarks>, StoreError>;
}
