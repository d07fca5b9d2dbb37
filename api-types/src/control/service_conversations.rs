//! Service conversations of an app.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A service conversation, as its row is shown to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceConversation {
    /// Its id.
    #[serde(rename = "objectId")]
    pub id: String,
    /// When it was made, as `2026-11-21T05:16:36.123Z`.
    #[serde(rename = "createdAt")]
    pub created_at: String,
    /// Name, attributes and custom columns.
    #[serde(flatten)]
    pub columns: Map<String, Value>,
}

/// Which service conversations to list, the one that changed last first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConversationsQuery {
    /// So many of them are passed over.
    #[serde(default)]
    pub skip: u32,
    /// So many at most.
    pub limit: u32,
}

/// Which subscribers to list, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribersQuery {
    /// Those that come after this client; absent: from the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// A client that subscribes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    /// The client.
    pub subscriber: String,
    /// Since when, in milliseconds.
    pub timestamp: i64,
    /// The service conversation.
    pub conv_id: String,
}

/// A message of a service conversation: either to some clients, or to all subscribers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewServiceMessage {
    /// Whom clients see as its sender.
    pub from_client: String,
    /// The body as clients get it.
    pub message: String,
    /// The clients, 1 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_clients: Option<Vec<String>>,
    /// All who subscribe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_subscribers: bool,
    /// Only for those that are online, and not stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// The payload of pushes to named clients that are offline, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_data: Option<String>,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentServiceMessage {
    /// Its id.
    #[serde(rename = "msg-id")]
    pub id: String,
    /// When, in milliseconds.
    pub timestamp: i64,
}
