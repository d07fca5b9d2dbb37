//! The IM core's view of an app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api_types::Profile;
use serde::{Deserialize, Serialize};

use crate::ids::AppId;
use crate::word_filter::WordList;

/// An app and its secrets. `Debug` shows the id only.
#[derive(Clone)]
pub struct App {
    /// Public name of the tenant.
    pub id: AppId,
    /// Sent by clients in HTTP calls.
    pub app_key: String,
    /// Signs session tokens.
    pub master_key: String,
    /// Shown to the engine on every hook call (S-74).
    pub hook_key: String,
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Finds apps. The process implements it over its registry of apps, without I/O.
pub trait AppDirectory: Send + Sync + 'static {
    /// `None` when no such app exists.
    fn app(&self, id: &AppId) -> Option<Arc<App>>;

    /// What the settings of an app begin with; `None` for one that is older than profiles.
    fn profile(&self, _: &AppId) -> Option<Profile> {
        None
    }
}

/// What happens to a request when a blocking hook fails (S-81).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailurePolicy {
    /// Go on as if there were no hook.
    #[default]
    Ignore,
    /// Return an error to the client and stop.
    Abort,
}

/// What a client gets for a request over its rate (S-28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateOverflow {
    /// No reply.
    #[default]
    Silent,
    /// Error 4116.
    Error,
}

/// Settings of an app that the IM core applies. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImSettings {
    /// Clients may log in (S-154). Otherwise they get 4100.
    pub im_enabled: bool,
    /// The pages of browsers that may connect (S-154), as they are in the header `Origin`; empty: all.
    pub allowed_origins: Vec<String>,
    /// "Return error and stop processing request when hook failed".
    pub on_hook_failure: FailurePolicy,
    /// Exceptions from `on_hook_failure`, by what they are for: `_messageReceived:timeout` (a hook and a cause) wins over
    /// `_messageReceived` (a hook), which wins over `:timeout` (a cause). Causes: [`crate::hooks::FailureCause::name`].
    pub hook_failure_policies: BTreeMap<String, FailurePolicy>,
    /// A hook's circuit breaker opens after so many calls in a row that ended with `timeout`, `unavailable` or
    /// `overloaded`: until the engine answers again its calls fail at once. 0: never.
    pub hook_breaker_failures: u32,
    /// How long an open breaker waits, in ms, before it lets one call try the engine again.
    pub hook_breaker_cool_down_ms: u64,
    /// How long the IM core waits for a blocking hook, in ms. Bounded by [`MAX_HOOK_TIMEOUT`].
    pub blocking_hook_timeout_ms: u64,
    /// How long the engine may spend on a notification hook, in ms.
    pub notification_hook_timeout_ms: u64,
    /// Timeouts of single hooks in ms, by hook name; wins over the two above.
    pub hook_timeouts_ms: BTreeMap<String, u64>,
    /// Attempts at a notification hook that fails before it becomes a dead letter, at least 1. An engine that is dead or
    /// overloaded (`unavailable`, `overloaded`) makes no attempt: its calls wait.
    pub notification_attempts: u32,
    /// The wait before the second attempt, in ms; it doubles with each further one, up to 5 minutes. Each is shortened by
    /// up to half, at random.
    pub notification_retry_ms: u64,
    /// A call of a notification hook that is older, in ms, is not tried again.
    pub notification_max_age_ms: u64,
    /// Calls of one notification hook that may wait or run (`_clientOnline` and `_clientOffline` count together); beyond it
    /// they are dropped and counted.
    pub notification_queue_limit: u32,
    /// Dead letters that are kept, the newest.
    pub dead_letter_limit: u32,
    /// A log-in needs a signature of the app's server (S-154).
    pub login_signature: bool,
    /// Creating conversations and changing members needs a signature of the app's server (S-154).
    pub conversation_signature: bool,
    /// Clients may edit their messages (S-154).
    pub message_edit: bool,
    /// Clients may recall their messages (S-154).
    pub message_recall: bool,
    /// Conversations have blacklists, and so have clients (S-127, S-128).
    pub blacklist: bool,
    /// Changing a blacklist needs a signature of the app's server (S-154).
    pub blacklist_signature: bool,
    /// Clients that may log in on a day, by UTC (S-154); 0: any number.
    pub daily_users: u32,
    /// Messages that a client may send in a minute (S-27); 0: any number.
    pub client_sends_per_minute: u32,
    /// Queries of the history that a client may make in a minute (S-27); 0: any number.
    pub client_history_queries_per_minute: u32,
    /// Operations of each other type that a client may make in a minute (S-27); 0: any number.
    pub client_operations_per_minute: u32,
    /// What a client gets for a request over its rate (S-28).
    pub client_rate_overflow: RateOverflow,
    /// Messages that go out to the sessions of the app on this node in a second (S-27); 0: any number.
    pub outgoing_messages_per_second: u32,
    /// Messages that are older than so many days are deleted (S-69); 0: none.
    pub message_retention_days: u32,
    /// Conversations in which nothing has happened for so many days are deleted (S-13); 0: none.
    pub inactive_conversation_days: u32,
    /// Members have roles, which decide what they may do to each other (S-123).
    pub roles: bool,
    /// Where members have roles, one without any may add others (S-123).
    pub member_can_add: bool,
    /// Where pushes for offline clients go: `log`, or the URL of a gateway; absent: nowhere.
    pub push_gateway: Option<String>,
    /// The operator named that URL, so it may lead to any address; others must be public. Follows from who changes
    /// `push_gateway`.
    pub push_gateway_by_operator: bool,
    /// The payload of pushes for which neither the hook nor the message has one: a JSON object with the variables `${convId}`,
    /// `${timestamp}` and `${fromClientId}` (S-114).
    pub push_content: Option<String>,
    /// Pushes go to devices with development certificates, unless their payload says otherwise.
    pub push_dev: bool,
    /// Words that are replaced by `***` in messages (S-52).
    pub word_list: WordList,
    /// Also in conversations of two; in those of more, and in chat rooms, they always are.
    pub word_filter_direct: bool,
    /// Address of a LeanEngine app (`http://host:port`) that has the hooks; absent: hookd's own engine has them.
    pub engine_url: Option<String>,
    /// The operator named that address, so it may be any; others must be public. Follows from who changes `engine_url`.
    pub engine_url_by_operator: bool,
}

/// The client SDK gives a request up after 20 s (P-12), hooks included.
pub const MAX_HOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// A breaker that waited longer would keep hooks off an engine that has long been well again.
pub const MAX_BREAKER_COOL_DOWN: Duration = Duration::from_secs(60);

/// Those of an app that is older than a setting: it goes on as before. New apps begin with [`crate::profiles`].
impl Default for ImSettings {
    fn default() -> Self {
        Self {
            im_enabled: true,
            allowed_origins: Vec::new(),
            on_hook_failure: FailurePolicy::Ignore,
            hook_failure_policies: BTreeMap::new(),
            // A burst that the engine cannot take ends in fewer failures without one success between them.
            hook_breaker_failures: 10,
            // An engine that comes back is used again within a second.
            hook_breaker_cool_down_ms: 500,
            // EC-19. A notification hook with long work to do is given more by both this and the engine's `deadline_ms`.
            blocking_hook_timeout_ms: 10_000,
            notification_hook_timeout_ms: 3_000,
            hook_timeouts_ms: BTreeMap::new(),
            // About two minutes in all: long enough for a database behind a hook to come back.
            notification_attempts: 8,
            notification_retry_ms: 1000,
            notification_max_age_ms: 24 * 60 * 60 * 1000,
            // About 100 MB of messages.
            notification_queue_limit: 100_000,
            dead_letter_limit: 10_000,
            login_signature: false,
            conversation_signature: false,
            message_edit: false,
            message_recall: false,
            blacklist: false,
            blacklist_signature: false,
            daily_users: 0,
            client_sends_per_minute: 0,
            client_history_queries_per_minute: 0,
            client_operations_per_minute: 0,
            client_rate_overflow: RateOverflow::Silent,
            outgoing_messages_per_second: 0,
            message_retention_days: 0,
            inactive_conversation_days: 0,
            roles: false,
            member_can_add: true,
            push_gateway: None,
            push_gateway_by_operator: false,
            push_content: None,
            push_dev: false,
            word_list: WordList::default(),
            word_filter_direct: false,
            engine_url: None,
            engine_url_by_operator: false,
        }
    }
}
