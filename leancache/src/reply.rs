//! What a command answers, in the shape of Redis's own protocol.

use std::sync::Arc;

/// Bytes of a key or a value; copies share them.
pub type Data = Arc<[u8]>;

/// What each argument and each part of a reply counts besides its own bytes: a million empty ones need memory too.
pub const PART_BYTES: usize = 16;

/// The reply to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing is there.
    Nil,
    /// A count, a number of seconds …
    Integer(i64),
    /// A stored value, or a number with a fraction as its text.
    Bulk(Data),
    /// `OK`, or the name of a type.
    Status(String),
    /// Several replies in one.
    Array(Vec<Reply>),
    /// The command failed, e.g. `WRONGTYPE …`. The others of a pipeline are not touched by it.
    Error(String),
}

impl Reply {
    /// `OK`.
    pub fn ok() -> Self {
        Self::Status("OK".to_owned())
    }

    /// A stored value.
    pub fn bulk(bytes: impl Into<Data>) -> Self {
        Self::Bulk(bytes.into())
    }

    /// What it counts against `cache_bytes`.
    pub fn size_bytes(&self) -> usize {
        let content = match self {
            Self::Nil | Self::Integer(_) => 0,
            Self::Bulk(data) => data.len(),
            Self::Status(text) | Self::Error(text) => text.len(),
            Self::Array(parts) => parts.iter().map(Self::size_bytes).sum(),
        };
        content.saturating_add(PART_BYTES)
    }
}

impl From<bool> for Reply {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<usize> for Reply {
    fn from(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<Option<Data>> for Reply {
    fn from(value: Option<Data>) -> Self {
        value.map_or(Self::Nil, Self::Bulk)
    }
}
