//! Settings of an app: those of the engine, and patches of them and of those of the IM core.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{HostPattern, Overrides};

/// The engine's settings of an app, as answers show them. All are absent while the engine is away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineSettings {
    /// The limits of functions without limits of their own, by name.
    pub limits: Overrides,
    /// Where each of them comes from.
    pub limit_sources: BTreeMap<String, LimitSource>,
    /// The deadlines of hooks without deadlines of their own; engines of earlier versions do not send them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_deadlines_ms: Option<HookDeadlines>,
    /// The limits that single functions have of their own.
    pub function_limits: BTreeMap<String, Overrides>,
    /// The most that the app gets, as the operator says.
    pub max_limits: Overrides,
    /// Hosts to which functions may send requests.
    pub allowed_hosts: BTreeSet<HostPattern>,
}

/// Where the value of a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitSource {
    /// The app set it.
    App,
    /// It is the default.
    Default,
}

/// Deadlines by the kind of a hook, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookDeadlines {
    /// Of hooks whose reply is awaited.
    pub blocking: u64,
    /// Of hooks whose reply is ignored.
    pub notification: u64,
}

/// Changes of settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SettingsPatch {
    /// Those of the IM core.
    #[serde(flatten)]
    pub im: ImSettingsPatch,
    /// Those of the engine.
    #[serde(flatten)]
    pub engine: EngineSettingsPatch,
}

/// Changes of the engine's settings. An absent entry of a map stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettingsPatch {
    /// The most that the app gets; the operator's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub max_limits: LimitChanges,
    /// Limits of the app.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: LimitChanges,
    /// Limits of single functions; `null` takes all of a function back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub function_limits: BTreeMap<String, Option<LimitChanges>>,
    /// `true` allows a host, `null` takes it back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allowed_hosts: BTreeMap<String, Option<bool>>,
}

/// Changes of limits, by name.
pub type LimitChanges = BTreeMap<String, LimitChange>;

/// The change of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a whole number, or `null`")]
pub enum LimitChange {
    /// A new value.
    Set(u64),
    /// `null`: the value is not set any more.
    TakeBack,
}

impl From<Option<u64>> for LimitChange {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::TakeBack, Self::Set)
    }
}

/// Changes of the IM core's settings. An absent field, or entry of a map, stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImSettingsPatch {
    /// Clients may log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub im_enabled: Option<bool>,
    /// The pages of browsers that may connect; empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<Vec<String>>,
    /// The policy for a request whose blocking hook fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hook_failure: Option<FailurePolicy>,
    /// Exceptions by hook and cause; `null` removes one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hook_failure_policies: BTreeMap<String, Option<FailurePolicy>>,
    /// Failures in a row that open a circuit breaker; 0: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_breaker_failures: Option<u32>,
    /// How long an open circuit breaker waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_breaker_cool_down_ms: Option<u64>,
    /// How long a request waits for a blocking hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking_hook_timeout_ms: Option<u64>,
    /// How long a notification hook may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_hook_timeout_ms: Option<u64>,
    /// Timeouts of single hooks; `null` removes one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hook_timeouts_ms: BTreeMap<String, Option<u64>>,
    /// Attempts at a notification hook before it becomes a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_attempts: Option<u32>,
    /// The wait before the second attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_retry_ms: Option<u64>,
    /// How old a call may grow before it becomes a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_max_age_ms: Option<u64>,
    /// Calls of one notification hook that may wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_queue_limit: Option<u32>,
    /// Dead letters that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_limit: Option<u32>,
    /// A log-in needs a signature of the app's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_signature: Option<bool>,
    /// Creating conversations and changing members needs a signature of the app's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_signature: Option<bool>,
    /// Clients may edit their messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_edit: Option<bool>,
    /// Clients may recall their messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_recall: Option<bool>,
    /// Conversations and clients have blacklists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blacklist: Option<bool>,
    /// Changing a blacklist needs a signature of the app's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blacklist_signature: Option<bool>,
    /// Clients that may log in on a day; 0: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_users: Option<u32>,
    /// Messages that a client may send in a minute; 0: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_sends_per_minute: Option<u32>,
    /// Queries of the history that a client may make in a minute; 0: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_history_queries_per_minute: Option<u32>,
    /// Operations of each other type that a client may make in a minute; 0: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_operations_per_minute: Option<u32>,
    /// What a client gets for a request over its rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_rate_overflow: Option<RateOverflow>,
    /// Messages that go out to the app's clients in a second; 0: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outgoing_messages_per_second: Option<u32>,
    /// Messages that are older than so many days are deleted; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_retention_days: Option<u32>,
    /// Conversations in which nothing has happened for so many days are deleted; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactive_conversation_days: Option<u32>,
    /// Members have roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<bool>,
    /// Where members have roles, one without any may add others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_can_add: Option<bool>,
    /// `log`, or the URL of a gateway; `Some(None)` is `null`: no pushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_gateway: Option<Option<String>>,
    /// The payload of pushes that have no other, a JSON object; `Some(None)` is `null`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_content: Option<Option<String>>,
    /// Pushes go to devices with development certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_dev: Option<bool>,
    /// Words that are replaced by `***` in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_list: Option<Vec<String>>,
    /// Also in conversations of two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_filter_direct: Option<bool>,
    /// `Some(None)` is `null`: hookd's own engine has the hooks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_url: Option<Option<String>>,
}

/// The policy for a request whose blocking hook fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailurePolicy {
    /// The request goes on without the hook.
    Ignore,
    /// The request ends with an error.
    Abort,
}

/// What a client gets for a request over its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateOverflow {
    /// No reply.
    Silent,
    /// Error 4116.
    Error,
}
