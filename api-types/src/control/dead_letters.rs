//! Calls of notification hooks that were given up.

use serde::{Deserialize, Serialize};

/// Which dead letters to list, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLettersQuery {
    /// So many at most.
    pub limit: usize,
    /// Only those of this hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// With the params.
    #[serde(default)]
    pub params: bool,
}

/// A call that was given up. `P` is the JSON of its params.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter<P> {
    /// The call's number.
    pub id: u64,
    /// The hook.
    pub hook: String,
    /// The cause of the last failure, such as `failed` or `timeout`.
    pub cause: String,
    /// The text of the engine or of the function.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued, as `2026-11-21T05:16:36.123Z`.
    pub queued_at: String,
    /// When it was given up.
    pub died_at: String,
    /// The params, where they were asked for; a text when they are not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<P>,
}

/// Which dead letters to retry or drop: either some by their ids, or all, or all of one hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterSelection {
    /// Their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<u64>>,
    /// All of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// With `all`: only those of this hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

/// Dead letters that wait for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetriedLetters {
    /// How many.
    pub retried: usize,
}

/// Dead letters that were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedLetters {
    /// How many.
    pub dropped: usize,
}
