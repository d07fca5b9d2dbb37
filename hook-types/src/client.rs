//! Hooks on clients: `_clientOnline`, `_clientOffline`, `_rtmClientSign`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reply::{Fields, Reply, deserialize_leniently};

/// Params of `_clientOnline` (S-98).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientOnlineParams {
    /// The client id.
    pub peer_id: String,
    /// The IP address of the login.
    #[serde(default, rename = "sourceIP")]
    pub source_ip: String,
    /// The session's tag; another session of this client with the same tag is displaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The flag that the client sent: absent or 0 = the user logged in, 1 = an automatic reconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<i32>,
}

/// Params of `_clientOffline` (S-98).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientOfflineParams {
    /// The client id.
    pub peer_id: String,
    /// 1 = logged out, 2 = connection lost, 3 = displaced by the same tag, 4 = kicked through the API.
    pub close_code: i32,
    /// The text to the close code.
    #[serde(default)]
    pub close_msg: String,
    /// The IP address of the client that closed the session; absent when the connection was lost.
    #[serde(default, rename = "sourceIP", skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// The session's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Why the connection was lost: 4107, 4108, 4109, 4114 or 4200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i32>,
    /// The name of the error code, for example `READ_TIMEOUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Params of `_rtmClientSign`: the user who asks for a login signature (S-99).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientSignParams {
    /// The user's id, which is also the client id.
    pub object_id: String,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The user's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The user's phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The address was verified.
    #[serde(default)]
    pub email_verified: bool,
    /// The phone number was verified.
    #[serde(default)]
    pub mobile_phone_verified: bool,
    /// The session token of the request.
    #[serde(default)]
    pub session_token: String,
    /// ISO 8601 with milliseconds and `Z`.
    #[serde(default)]
    pub created_at: String,
    /// ISO 8601 with milliseconds and `Z`.
    #[serde(default)]
    pub updated_at: String,
}

/// Reply of `_rtmClientSign`. The default signs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientSignReply {
    /// False refuses the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<bool>,
    /// The text for the refused user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ClientSignReply {
    /// Signs.
    pub fn allow() -> Self {
        Self { result: Some(true), error: None }
    }

    /// Refuses to sign.
    pub fn refuse(error: impl Into<String>) -> Self {
        Self { result: Some(false), error: Some(error.into()) }
    }

    /// Whether to sign.
    pub fn is_allowed(&self) -> bool {
        self.result != Some(false)
    }
}

impl Reply for ClientSignReply {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { result: fields.boolean("result"), error: fields.text("error") }
    }

    /// The sources do not say whether the answer is nested, so a bare `true` or `false` counts too.
    fn from_other(value: &Value) -> Option<Self> {
        value.as_bool().map(|result| Self { result: Some(result), error: None })
    }
}

deserialize_leniently!(ClientSignReply);
