//! Commands of LeanCache.

use serde::{Deserialize, Serialize};

/// Commands, carried out one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheCommands {
    /// Each with its arguments.
    pub commands: Vec<Vec<CacheWord>>,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected text, or bytes as {\"base64\": …}")]
pub enum CacheWord {
    /// Text.
    Text(String),
    /// Bytes that are not text.
    Bytes {
        /// In base64.
        base64: String,
    },
}

/// The replies to the commands, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheReplies {
    /// One for each command.
    pub replies: Vec<CacheReply>,
}

/// A reply of LeanCache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CacheReply {
    /// No value: `null`.
    Nil,
    /// A number.
    Integer(i64),
    /// A value that is text.
    Text(String),
    /// A value that is not text.
    Bytes {
        /// In base64.
        base64: String,
    },
    /// A status, such as `OK`.
    Status {
        /// The word.
        status: String,
    },
    /// The command failed.
    Error {
        /// Why.
        error: String,
    },
    /// Several replies.
    Array(Vec<CacheReply>),
}
