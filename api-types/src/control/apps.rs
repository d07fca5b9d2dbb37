//! Apps of the installation.

use serde::{Deserialize, Serialize};

use super::Breaker;
use crate::Profile;

/// An app to be created; absent keys are generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// 1 to 64 letters, digits, `-` or `_`.
    pub id: String,
    /// Key that clients send.
    pub app_key: Option<String>,
    /// Key with all rights on the app.
    pub master_key: Option<String>,
    /// Key that the platform sends when it calls a hook.
    pub hook_key: Option<String>,
    /// What its settings begin with.
    #[serde(default, skip_serializing_if = "Profile::is_default")]
    pub profile: Profile,
}

/// An app that was created, or got a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppKeys {
    /// The app.
    pub app_id: String,
    /// Key that clients send.
    pub app_key: String,
    /// Key with all rights on the app.
    pub master_key: String,
    /// Key that the platform sends when it calls a hook.
    pub hook_key: String,
}

/// An app that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedApp {
    /// Its id.
    pub deleted: String,
}

/// An app with its live versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSummary {
    /// The app.
    pub app_id: String,
    /// Key that clients send.
    pub app_key: String,
    /// When it was created, in ms since 1970; an engine of an earlier version does not send it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at_ms: Option<i64>,
    /// The version that is live in production, if one is.
    pub production: Option<LiveVersion>,
    /// The version that is live in staging, if one is.
    pub staging: Option<LiveVersion>,
    /// Key that the platform sends when it calls a hook; not in a list of apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_key: Option<String>,
    /// The circuit breakers of production's hooks; an engine alone does not send them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakers: Option<Vec<Breaker>>,
}

/// A version that is live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveVersion {
    /// Its number.
    pub version: u64,
    /// The names of its functions.
    pub functions: Vec<String>,
}
