//! Stored events of conversations, for a node that missed some of them.

use async_trait::async_trait;

use super::{ConversationKind, StoreError, StoredMessage};
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// Changes of members that one read looks at, the newest.
pub const MEMBER_CHANGES_AT_ONCE: usize = 1000;

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredEvent {
    /// A message.
    Message {
        /// As in the history.
        message: StoredMessage,
        /// As in [`super::NewMessage::receivers`].
        receivers: Option<Vec<ClientId>>,
    },
    /// Members came or went; the first ones came with the creation.
    MembersChanged(MemberChange),
}

impl StoredEvent {
    /// Its number among the stored events of the conversation.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Message { message, .. } => message.sequence,
            Self::MembersChanged(change) => change.sequence,
        }
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Message { message, .. } => message.timestamp,
            Self::MembersChanged(change) => change.changed_at,
        }
    }
}

/// Members that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Its number among the stored events of the conversation.
    pub sequence: u64,
    /// They came; otherwise they went.
    pub is_join: bool,
    /// Those that really changed.
    pub members: Vec<ClientId>,
    /// The acting client.
    pub by: ClientId,
    /// The conversation's `updatedAt` after it.
    pub changed_at: Timestamp,
}

/// Which events of a conversation are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRange {
    /// Those with greater numbers.
    pub after: u64,
    /// Those that are not older.
    pub since: Timestamp,
    /// The first so many of them.
    pub limit: usize,
}

/// Some stored events.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvents {
    /// Of the conversation.
    pub kind: ConversationKind,
    /// In their order.
    pub events: Vec<StoredEvent>,
    /// The members after the last of these events, in no order; the members of now where there are no events. Those at an
    /// earlier one follow by taking the changes back.
    pub members: Vec<ClientId>,
    /// The number of the newest event of the conversation.
    pub last_sequence: u64,
}

/// Reading what happened in a conversation.
#[async_trait]
pub trait StoredEventLog: Send + Sync + 'static {
    /// Events of a conversation, all of one moment; `None` when it does not exist.
    ///
    /// Changes of members are kept for some days. Where more than [`MEMBER_CHANGES_AT_ONCE`] of them are in the range the
    /// answer begins with the oldest of the newest so many.
    async fn stored_events(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        range: EventRange,
    ) -> Result<Option<StoredEvents>, StoreError>;
}
