//! Clients that may not log in.

use serde::{Deserialize, Serialize};

/// Which bans to list, in the order of the client ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BansQuery {
    /// So many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Those after this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A client to ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Its id.
    pub client: String,
    /// For so long; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// The client whose ban ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannedClient {
    /// Its id.
    pub client: String,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownBan {
    /// The client.
    pub client: String,
    /// Since when, as `2026-11-21T05:16:36.123Z`.
    pub banned_at: String,
    /// Until then; `null`: for ever.
    pub until: Option<String>,
}

/// The end of a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedBan {
    /// False: the client was not banned.
    pub was_banned: bool,
}
