//! The kinds of conversations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// What a conversation is (S-6, S-7). It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConversationKind {
    /// Its members are stored.
    Basic,
    /// Its members are the sessions that are joined now: none is stored.
    ChatRoom,
    /// An official account, to which clients subscribe.
    Service,
    /// Its members are fixed, and it lives for some days at most.
    Temporary,
}

impl ConversationKind {
    /// The number on the wire, in rows and in the store.
    pub fn number(self) -> i32 {
        match self {
            Self::Basic => 1,
            Self::ChatRoom => 2,
            Self::Service => 3,
            Self::Temporary => 4,
        }
    }

    /// The reverse of [`Self::number`].
    pub fn of_number(number: i32) -> Option<Self> {
        [Self::Basic, Self::ChatRoom, Self::Service, Self::Temporary].into_iter().find(|kind| kind.number() == number)
    }
}

/// How long a temporary conversation lives (S-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// As its creation gave it, in seconds.
    pub ttl_seconds: u32,
    /// From then on there is no such conversation.
    pub expires_at: Timestamp,
}

impl Lifetime {
    /// That of a conversation that is created now.
    pub fn from_now(now: Timestamp, ttl_seconds: u32) -> Self {
        Self { ttl_seconds, expires_at: now.plus(Duration::from_secs(ttl_seconds.into())) }
    }
}
