//! Where events stand in a conversation.

use serde::{Deserialize, Serialize};

use crate::ids::ConversationId;
use crate::store::Conversation;
use crate::timestamp::Timestamp;

/// Where events stand among the stored events of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// The place in it.
    pub position: Position,
}

/// A place in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// That of a stored event.
    Stored {
        /// Its number.
        sequence: u64,
        /// When it was committed.
        at: Timestamp,
        /// When the stored event before it was, or later.
        previous_at: Timestamp,
    },
    /// That of an event that was stored some time ago, and perhaps not handed to sessions then.
    Late {
        /// Its number.
        sequence: u64,
    },
    /// Not stored: not before the stored event of this number.
    After(u64),
}

impl Position {
    /// When a stored event was committed.
    pub(super) fn at(self) -> Option<Timestamp> {
        match self {
            Self::Stored { at, .. } => Some(at),
            Self::Late { .. } | Self::After(_) => None,
        }
    }
}

impl Place {
    /// The place of a stored event. `before`: the conversation as it was read before the commit.
    pub fn stored(before: &Before, sequence: u64, at: Timestamp) -> Self {
        // Where another node has committed something in between, that was a moment ago.
        let previous_at = if sequence == before.last_sequence.saturating_add(1) { before.updated_at } else { at };
        Self { conversation: before.conversation.clone(), position: Position::Stored { sequence, at, previous_at } }
    }

    /// The place of a conversation's creation.
    pub fn created(conversation: &Conversation) -> Self {
        let (sequence, at) = (conversation.last_sequence, conversation.created_at);
        let position = Position::Stored { sequence, at, previous_at: at };
        Self { conversation: conversation.id.clone(), position }
    }

    /// The place of an event that was stored before.
    pub fn late(before: &Before, sequence: u64) -> Self {
        Self { conversation: before.conversation.clone(), position: Position::Late { sequence } }
    }

    /// The place of what is not stored, when the conversation was read before it.
    pub fn transient(before: &Before) -> Self {
        Self::after(before.conversation.clone(), before.last_sequence)
    }

    /// The place of what is not stored, after the stored event of this number.
    pub fn after(conversation: ConversationId, sequence: u64) -> Self {
        Self { conversation, position: Position::After(sequence) }
    }
}

/// What the place of an event needs of the conversation before it.
#[derive(Clone, Debug)]
pub struct Before {
    conversation: ConversationId,
    last_sequence: u64,
    updated_at: Timestamp,
}

impl Before {
    #[cfg(test)]
    pub(crate) fn new(conversation: ConversationId, last_sequence: u64, updated_at: Timestamp) -> Self {
        Self { conversation, last_sequence, updated_at }
    }

    /// The same conversation after its next stored event.
    #[must_use]
    pub(crate) fn after(self, sequence: u64, at: Timestamp) -> Self {
        Self { last_sequence: sequence, updated_at: at, ..self }
    }
}

impl From<&Conversation> for Before {
    fn from(found: &Conversation) -> Self {
        Self { conversation: found.id.clone(), last_sequence: found.last_sequence, updated_at: found.updated_at }
    }
}
