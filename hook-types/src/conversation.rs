//! Hooks on conversations: creation, members, attributes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reply::{Fields, Reply, deserialize_leniently, is_false};

/// Params of `_conversationStart` (S-93).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationStartParams {
    /// The creator's client id.
    pub init_by: String,
    /// The first members, with the creator.
    #[serde(default)]
    pub members: Vec<String>,
    /// Everything else that was given at creation, for example `name`.
    #[serde(default)]
    pub attr: Map<String, Value>,
}

/// Params of `_conversationStarted` (S-94).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationStartedParams {
    /// The new conversation's id.
    pub conv_id: String,
}

/// Params of `_conversationAdd` (S-95).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationAddParams {
    /// The client that adds; when a client joins, it is the only one in `members`.
    pub init_by: String,
    /// The clients that will be added.
    #[serde(default)]
    pub members: Vec<String>,
    /// The conversation's id.
    pub conv_id: String,
}

/// Params of `_conversationAdded` (S-96).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationAddedParams {
    /// The client that added; when a client joined, it is the only one in `members`.
    pub init_by: String,
    /// The conversation's id.
    pub conv_id: String,
    /// The clients that were really added.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Params of `_conversationRemove` (S-95).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationRemoveParams {
    /// The client that removes.
    pub init_by: String,
    /// The clients that will be removed.
    #[serde(default)]
    pub members: Vec<String>,
    /// The conversation's id.
    pub conv_id: String,
}

/// Params of `_conversationRemoved` (S-96).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationRemovedParams {
    /// The client that removed; when a client left, it is the only one in `members`.
    pub init_by: String,
    /// The conversation's id.
    pub conv_id: String,
    /// The clients that were really removed.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Params of `_conversationUpdate` (S-97).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", try_from = "UpdateFields")]
pub struct ConversationUpdateParams {
    /// The client that changes the conversation.
    pub init_by: String,
    /// The conversation's id.
    pub conv_id: String,
    /// What changes.
    #[serde(flatten)]
    pub change: ConversationChange,
}

/// The one thing that a `_conversationUpdate` is about: `mute` or `attr`, never both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ConversationChange {
    /// Notifications off (`true`) or on for `initBy`.
    Mute(bool),
    /// The attributes to set, as the client sent them.
    Attr(Map<String, Value>),
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct UpdateFields {
    init_by: String,
    conv_id: String,
    mute: Option<bool>,
    attr: Option<Map<String, Value>>,
}

impl TryFrom<UpdateFields> for ConversationUpdateParams {
    type Error = &'static str;

    fn try_from(fields: UpdateFields) -> Result<Self, Self::Error> {
        let change = match (fields.mute, fields.attr) {
            (Some(mute), None) => ConversationChange::Mute(mute),
            (None, Some(attr)) => ConversationChange::Attr(attr),
            (Some(_), Some(_)) => return Err("both `mute` and `attr` are given; exactly one is allowed"),
            (None, None) => return Err("neither `mute` nor `attr` is given; exactly one is needed"),
        };
        Ok(Self { init_by: fields.init_by, conv_id: fields.conv_id, change })
    }
}

/// Reply of `_conversationStart`.
pub type ConversationStartReply = ConversationReply;
/// Reply of `_conversationAdd`; a rejection refuses the whole list.
pub type ConversationAddReply = ConversationReply;
/// Reply of `_conversationRemove`; a rejection refuses the whole list.
pub type ConversationRemoveReply = ConversationReply;

/// What a hook decides about a request on a conversation. The default lets it happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConversationReply {
    /// Refuse it: the client gets 4305 with `code` and `detail`.
    #[serde(skip_serializing_if = "is_false")]
    pub reject: bool,
    /// The app's own code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The app's own text to `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ConversationReply {
    /// Lets the request happen.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Refuses the request; the client sees `code` and `detail`.
    pub fn reject(code: i32, detail: impl Into<String>) -> Self {
        Self { reject: true, code: Some(code), detail: Some(detail.into()) }
    }
}

impl Reply for ConversationReply {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { reject: fields.truthy("reject"), code: fields.code(), detail: fields.text("detail") }
    }
}

/// Reply of `_conversationUpdate`. The default lets the change happen as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConversationUpdateReply {
    /// Refuse it: the client gets 4305 with `code` and `detail`.
    #[serde(skip_serializing_if = "is_false")]
    pub reject: bool,
    /// The app's own code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The app's own text to `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Replaces the request's `mute`; thrown away when the request is about `attr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<bool>,
    /// Replaces the request's `attr`; thrown away when the request is about `mute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attr: Option<Map<String, Value>>,
}

impl ConversationUpdateReply {
    /// Lets the change happen.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Refuses the change; the client sees `code` and `detail`.
    pub fn reject(code: i32, detail: impl Into<String>) -> Self {
        Self { reject: true, code: Some(code), detail: Some(detail.into()), ..Self::default() }
    }

    /// Makes another change than the one asked for; it must be of the same kind to count.
    pub fn change(change: ConversationChange) -> Self {
        match change {
            ConversationChange::Mute(mute) => Self { mute: Some(mute), ..Self::default() },
            ConversationChange::Attr(attr) => Self { attr: Some(attr), ..Self::default() },
        }
    }

    /// What to do in place of `requested`: the reply's value of the same kind, or `requested` itself (S-97).
    pub fn decide(self, requested: ConversationChange) -> ConversationChange {
        match requested {
            ConversationChange::Mute(mute) => ConversationChange::Mute(self.mute.unwrap_or(mute)),
            ConversationChange::Attr(attr) => ConversationChange::Attr(self.attr.unwrap_or(attr)),
        }
    }
}

impl Reply for ConversationUpdateReply {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            reject: fields.truthy("reject"),
            code: fields.code(),
            detail: fields.text("detail"),
            mute: fields.boolean("mute"),
            attr: fields.object("attr"),
        }
    }
}

deserialize_leniently!(ConversationReply, ConversationUpdateReply);
