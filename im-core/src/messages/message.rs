//! A message on its way in, and the answer to its sender.

use crate::delivery::Priority;
use crate::ids::{ClientId, ConversationId, MessageId};
use crate::store::MessageBody;
use crate::timestamp::Timestamp;

/// A request to send a message.
#[derive(Clone, Debug)]
pub struct SendMessage {
    /// Where.
    pub conversation: ConversationId,
    /// The body as the client gave it.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// Not stored; only for online members (S-43).
    pub transient: bool,
    /// Counts in chat rooms and for transient messages (S-43).
    pub priority: Priority,
    /// The sender asks for a receipt.
    pub receipt: bool,
    /// Also in conversations of more than two (P-51, bit 6).
    pub group_receipts: bool,
    /// The payload of pushes to receivers that are offline (S-113).
    pub push_data: Option<String>,
    /// The client's own name for the message: the same one again is the same message (P-84).
    pub deduplication_token: Option<String>,
}

/// An accepted message: what the sender's `ack` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Made by the server.
    pub id: MessageId,
    /// Strictly increasing within the conversation, except for transient messages.
    pub timestamp: Timestamp,
    /// Where.
    pub conversation: ConversationId,
}
