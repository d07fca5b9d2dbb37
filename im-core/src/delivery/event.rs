//! What can be pushed to a session. The gateway turns each into a frame.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Priority;
use crate::error::Code;
use crate::ids::{ClientId, ConversationId, MessageId};
use crate::store::{ConversationKind, MessageBody, Restriction, Role, UnreadConversation};
use crate::timestamp::Timestamp;

/// A push.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// `conv/joined`: the receiver itself became a member. Permanent (P-60).
    Joined(ChangedMembers),
    /// `conv/members_joined`.
    MembersJoined(ChangedMembers),
    /// `conv/left`: the receiver itself has left or was removed. Permanent (P-60).
    Left(ChangedMembers),
    /// `conv/members_left`.
    MembersLeft(ChangedMembers),
    /// `conv/shutuped`, `conv/unshutuped`, `conv/blocked`, `conv/unblocked`: the receiver itself may do less, or more. Permanent (P-60).
    Restricted(ChangedRestriction),
    /// `conv/members_shutuped`, `conv/members_unshutuped`, `conv/members_blocked`, `conv/members_unblocked`.
    MembersRestricted(ChangedRestriction),
    /// `conv/member_info_changed` (P-97).
    RoleChanged(ChangedRole),
    /// `direct` (P-82).
    Message(#[serde(with = "shared")] Arc<DeliveredMessage>),
    /// `conv/updated` (P-71).
    ConversationUpdated(#[serde(with = "shared")] Arc<ChangedAttributes>),
    /// `patch/modify` (P-94, P-96).
    MessagePatched(#[serde(with = "shared")] Arc<PatchedMessage>),
    /// `unread` (P-89, P-100).
    Unread(#[serde(with = "shared")] Arc<UnreadCounts>),
    /// `rcp` (P-87, P-90).
    Receipt(Receipt),
    /// `session/closed` with a code (P-58); the session has ended.
    SessionClosed {
        /// Why.
        code: Code,
        /// Text; the code's name when empty.
        reason: String,
    },
}

impl Event {
    /// The conversation that it is about.
    pub fn conversation(&self) -> Option<&ConversationId> {
        match self {
            Self::Joined(change) | Self::MembersJoined(change) | Self::Left(change) | Self::MembersLeft(change) => {
                Some(&change.conversation)
            }
            Self::Message(message) => Some(&message.conversation),
            Self::ConversationUpdated(change) => Some(&change.conversation),
            Self::MessagePatched(patch) => Some(&patch.conversation),
            Self::Restricted(change) | Self::MembersRestricted(change) => Some(&change.conversation),
            Self::RoleChanged(change) => Some(&change.conversation),
            Self::Receipt(receipt) => Some(&receipt.conversation),
            Self::Unread(_) | Self::SessionClosed { .. } => None,
        }
    }

    /// The priority of an event that may be dropped where a session reads too slowly (S-45, S-46).
    pub fn droppable(&self) -> Option<Priority> {
        let Self::Message(message) = self else { return None };
        let has_priority = message.transient || message.kind == ConversationKind::ChatRoom;
        Some(message.priority).filter(|priority| has_priority && *priority < Priority::High)
    }

    /// About what it takes while it waits for its socket.
    pub fn bytes(&self) -> usize {
        const BARE_BYTES: usize = 256;
        let listed = |clients: &[ClientId]| clients.iter().map(|client| client.as_str().len() + 32).sum::<usize>();
        let body = |body: &MessageBody| match body {
            MessageBody::Text(text) => text.len(),
            MessageBody::Binary(bytes) => bytes.len(),
        };
        BARE_BYTES
            + match self {
                Self::Joined(_) | Self::Left(_) | Self::Restricted(_) | Self::RoleChanged(_) => 0,
                Self::MembersJoined(change) | Self::MembersLeft(change) => listed(&change.members),
                Self::MembersRestricted(change) => listed(&change.clients),
                Self::ConversationUpdated(change) => change.asked.len() + change.changed.len(),
                Self::Message(message) => body(&message.body) + listed(&message.mentions),
                Self::MessagePatched(patch) => {
                    let reason = patch.reason.as_ref().map_or(0, |reason| reason.detail.len());
                    body(&patch.body) + listed(&patch.mentions) + reason
                }
                Self::Unread(unread) => {
                    let messages = unread.conversations.iter().map(|conversation| {
                        let message = conversation.last_message.as_ref();
                        BARE_BYTES + message.map_or(0, |message| body(&message.body) + listed(&message.mentions))
                    });
                    messages.sum()
                }
                Self::Receipt(_) => 0,
                Self::SessionClosed { reason, .. } => reason.len(),
            }
    }
}

/// A kind of event about members.
pub(crate) type OfChange = fn(ChangedMembers) -> Event;

/// Members that came or went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangedMembers {
    /// Where.
    pub conversation: ConversationId,
    /// Of the change, among the stored events of the conversation.
    pub sequence: u64,
    /// The ids really changed; on `Joined` and `Left` not sent.
    #[serde(with = "shared_list")]
    pub members: Arc<[ClientId]>,
    /// `initBy`.
    pub by: ClientId,
    /// `udate`.
    pub updated_at: Timestamp,
    /// `serverTs` of the kept notification (P-61); only on `Joined` and `Left`.
    pub server_timestamp: Option<Timestamp>,
}

/// Clients that may do less in a conversation from now on, or more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangedRestriction {
    /// Where.
    pub conversation: ConversationId,
    /// What they may not do.
    pub restriction: Restriction,
    /// They may do it again.
    pub is_lifted: bool,
    /// The ids really changed; on `Restricted` not sent.
    #[serde(with = "shared_list")]
    pub clients: Arc<[ClientId]>,
    /// `initBy`.
    pub by: ClientId,
    /// `serverTs` of the kept notification (P-61); only on `Restricted`.
    pub server_timestamp: Option<Timestamp>,
}

/// A member that has another role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangedRole {
    /// Where.
    pub conversation: ConversationId,
    /// The member.
    pub client: ClientId,
    /// What it is now.
    pub role: Role,
    /// `initBy`.
    pub by: ClientId,
}

/// Attributes of a conversation that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangedAttributes {
    /// Where.
    pub conversation: ConversationId,
    /// `initBy`.
    pub by: ClientId,
    /// `udate`.
    pub updated_at: Timestamp,
    /// `attr`, a JSON object: the change as it was asked for.
    pub asked: String,
    /// `attrModified`, a JSON object: the attributes at the top level that it was about, with their values now.
    pub changed: String,
}

/// A message on its way to receivers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveredMessage {
    /// Where.
    pub conversation: ConversationId,
    /// What that is.
    pub kind: ConversationKind,
    /// Message id.
    pub id: MessageId,
    /// Sender.
    pub from: ClientId,
    /// Time of acceptance.
    pub timestamp: Timestamp,
    /// Among the stored events of the conversation; absent for transient messages.
    pub sequence: Option<u64>,
    /// Body after hooks.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// Not stored.
    pub transient: bool,
    /// Counts in chat rooms and for transient messages.
    pub priority: Priority,
}

/// A message whose content changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PatchedMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Message id.
    pub id: MessageId,
    /// Author.
    pub from: ClientId,
    /// Original time.
    pub timestamp: Timestamp,
    /// Time of the change; differs from `timestamp`.
    pub patched_at: Timestamp,
    /// New body.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
    /// Present when the system, not the author, changed it and gave a code (S-50).
    pub reason: Option<PatchReason>,
}

/// What a client has not read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnreadCounts {
    /// Those of its conversations that are told.
    pub conversations: Vec<UnreadConversation>,
    /// `notifTime`: later counts are asked for with it.
    pub counted_at: Timestamp,
}

/// A member has received or read a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Where.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// The member.
    pub by: ClientId,
    /// Its mark since then (P-91).
    pub mark: Timestamp,
    /// Read; otherwise delivered.
    pub is_read: bool,
}

/// Why the system changed a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchReason {
    /// A hook's positive code, or a negative one of the server's own.
    pub code: i64,
    /// A hook's detail, or the name of the code.
    pub detail: String,
}

/// What the sessions of this process share is written as if each had its own.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(shared: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(shared, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// As [`shared`], for lists.
mod shared_list {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(list: &Arc<[T]>, serializer: S) -> Result<S::Ok, S::Error> {
        <[T]>::serialize(list, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<[T]>, D::Error> {
        Vec::deserialize(from).map(Arc::from)
    }
}
