//! Hooks on messages: `_messageReceived`, `_messageSent`, `_receiversOffline`, `_messageUpdate`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::reply::{Fields, Reply, deserialize_leniently, is_false};

/// Params of `_messageReceived` (S-89).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageReceivedParams {
    /// The sender's client id.
    pub from_peer: String,
    /// The conversation's id.
    pub conv_id: String,
    /// The receivers of the message, without the sender. Empty for chat rooms.
    #[serde(default)]
    pub to_peers: Vec<String>,
    /// Delivered to the members that are online, never stored.
    #[serde(default)]
    pub transient: bool,
    /// `content` is Base64 of a binary body.
    #[serde(default)]
    pub bin: bool,
    /// The body. For rich messages a JSON text with `_lctype`, `_lctext` and so on (EC-31).
    pub content: String,
    /// The sender asked for a delivery receipt.
    #[serde(default)]
    pub receipt: bool,
    /// When the server received the message, in milliseconds since 1970.
    pub timestamp: i64,
    /// True for service conversations.
    #[serde(default)]
    pub system: Option<bool>,
    /// The sender's IP address.
    #[serde(default, rename = "sourceIP")]
    pub source_ip: String,
    /// Legacy; kept for parity with the published sample.
    #[serde(default)]
    pub group_id: AlwaysNull,
}

/// Params of `_messageSent` (S-90).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageSentParams {
    /// The sender's client id.
    pub from_peer: String,
    /// The conversation's id.
    pub conv_id: String,
    /// The message's id.
    pub msg_id: String,
    /// Receivers who were online. Empty for chat rooms.
    #[serde(default)]
    pub online_peers: Vec<String>,
    /// Receivers who were offline. Empty for chat rooms.
    #[serde(default)]
    pub offline_peers: Vec<String>,
    /// Delivered to the members that were online, never stored.
    #[serde(default)]
    pub transient: bool,
    /// True for service conversations, else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<bool>,
    /// `content` is Base64 of a binary body.
    #[serde(default)]
    pub bin: bool,
    /// The body as it was delivered.
    pub content: String,
    /// The sender asked for a delivery receipt.
    #[serde(default)]
    pub receipt: bool,
    /// When the server received the message, in milliseconds since 1970.
    pub timestamp: i64,
    /// The sender's IP address.
    #[serde(default, rename = "sourceIP")]
    pub source_ip: String,
}

/// Params of `_receiversOffline` (S-91).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReceiversOfflineParams {
    /// The sender's client id.
    pub from_peer: String,
    /// The conversation's id.
    pub conv_id: String,
    /// Offline receivers, including members that muted the conversation.
    #[serde(default)]
    pub offline_peers: Vec<String>,
    /// The body; Base64 if it is binary.
    pub content: String,
    /// When the server received the message, in milliseconds since 1970.
    pub timestamp: i64,
    /// The message mentions all members.
    #[serde(default)]
    pub mention_all: bool,
    /// Offline receivers mentioned by id. Empty when the message mentions all, which means every offline receiver.
    #[serde(default)]
    pub mention_offline_peers: Vec<String>,
}

/// Params of `_messageUpdate` (S-92).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageUpdateParams {
    /// The id of the client that edits or recalls.
    pub from_peer: String,
    /// The conversation's id.
    pub conv_id: String,
    /// The clients that will see the change.
    #[serde(default)]
    pub to_peers: Vec<String>,
    /// `content` is Base64 of a binary body.
    #[serde(default)]
    pub bin: bool,
    /// The new body.
    pub content: String,
    /// When the server received the original message, in milliseconds since 1970.
    pub timestamp: i64,
    /// The message that is changed.
    pub msg_id: String,
    /// The IP address of the client that edits or recalls.
    #[serde(default, rename = "sourceIP")]
    pub source_ip: String,
    /// A recall, not an edit.
    #[serde(default)]
    pub recall: bool,
    /// True for service conversations.
    #[serde(default)]
    pub system: Option<bool>,
}

/// Reply of `_messageReceived`.
pub type MessageReceivedReply = MessageReply;
/// Reply of `_messageUpdate`. For a recall `content` is ignored (S-92).
pub type MessageUpdateReply = MessageReply;

/// What a hook decides about a message or about its change. The default lets it pass as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageReply {
    /// Refuse it: the sender gets 4402 (or 4405 for an update) with `code` and `detail`.
    #[serde(skip_serializing_if = "is_false")]
    pub drop: bool,
    /// The app's own code: of the refusal, or of the reason for a rewrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The app's own text to `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether `content` is Base64 of a binary body; absent = as in the params.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin: Option<bool>,
    /// The new body; absent = keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The new receivers; absent = keep. Ignored for chat rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_peers: Option<Vec<String>>,
}

impl MessageReply {
    /// Lets the message pass as it is.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Refuses the message; the sender sees `code` and `detail`.
    pub fn drop(code: i32, detail: impl Into<String>) -> Self {
        Self { drop: true, code: Some(code), detail: Some(detail.into()), ..Self::default() }
    }

    /// Replaces the body. The sender sees the new one.
    pub fn content(content: impl Into<String>) -> Self {
        Self { content: Some(content.into()), ..Self::default() }
    }

    /// Sends the message to these receivers only.
    pub fn to_peers<P: Into<String>>(peers: impl IntoIterator<Item = P>) -> Self {
        Self { to_peers: Some(peers.into_iter().map(Into::into).collect()), ..Self::default() }
    }

    /// Adds the reason that the sender sees beside a rewritten body.
    pub fn because(mut self, code: i32, detail: impl Into<String>) -> Self {
        self.code = Some(code);
        self.detail = Some(detail.into());
        self
    }
}

impl Reply for MessageReply {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            drop: fields.truthy("drop"),
            code: fields.code(),
            detail: fields.text("detail"),
            bin: fields.boolean("bin"),
            content: fields.text("content"),
            to_peers: fields.texts("toPeers"),
        }
    }
}

/// Reply of `_receiversOffline`. The default sends the default push.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReceiversOfflineReply {
    /// Send no push for this message.
    #[serde(skip_serializing_if = "is_false")]
    pub skip: bool,
    /// Receivers to push to; absent = keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_peers: Option<Vec<String>>,
    /// The push payload; absent = the app's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_message: Option<PushMessage>,
    /// Also push to receivers who muted the conversation.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
}

impl ReceiversOfflineReply {
    /// Lets the default push go out.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Sends no push for this message.
    pub fn skip() -> Self {
        Self { skip: true, ..Self::default() }
    }

    /// Pushes this payload, for example `json!({"alert": "Hi", "badge": "Increment"})`.
    pub fn push(payload: Map<String, Value>) -> Self {
        Self { push_message: Some(PushMessage::Object(payload)), ..Self::default() }
    }
}

impl Reply for ReceiversOfflineReply {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            skip: fields.truthy("skip"),
            offline_peers: fields.texts("offlinePeers"),
            push_message: fields.take("pushMessage", |value| match value {
                Value::String(text) => Some(PushMessage::Text(text)),
                Value::Object(payload) => Some(PushMessage::Object(payload)),
                _ => None,
            }),
            force: fields.truthy("force"),
        }
    }
}

/// A push payload; samples send the text form, the reference describes the object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum PushMessage {
    /// A text that holds a JSON object.
    Text(String),
    /// The object itself.
    Object(Map<String, Value>),
}

/// A field that is written as `null` and whose value is never looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysNull;

impl Serialize for AlwaysNull {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for AlwaysNull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

deserialize_leniently!(MessageReply, ReceiversOfflineReply);
