//! The settings of each app, kept in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hook_types::HookKind;
use thiserror::Error;
use tokio::sync::Mutex;

use super::policy::{self, ScopeError};
use crate::app::{AppDirectory, ImSettings, MAX_BREAKER_COOL_DOWN, MAX_HOOK_TIMEOUT};
use crate::ids::AppId;
use crate::profiles::initial_settings;
use crate::push::{MAX_CONTENT_BYTES, object};
use crate::store::{Store, StoreError};
use crate::web_origins::{self, OriginError};
use crate::word_filter::{WordFilter, WordFilters, WordListError};

/// Why settings were not saved.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A timeout names a hook that does not exist.
    #[error("`hook_timeouts_ms` names `{0}`, which is not a hook; hook names begin with `_`, e.g. `_messageReceived`")]
    UnknownHook(String),
    /// A timeout is zero or too long.
    #[error("`{key}` is {value_ms} ms; allowed are 1 to {} ms", MAX_HOOK_TIMEOUT.as_millis())]
    TimeoutOutOfRange {
        /// The setting, or the hook's name.
        key: String,
        /// What was asked for.
        value_ms: u64,
    },
    /// A policy is for something that does not exist.
    #[error("`hook_failure_policies` has the key `{key}`, {problem}")]
    BadPolicyScope {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: ScopeError,
    },
    /// The cool-down is zero or too long.
    #[error("`hook_breaker_cool_down_ms` is {0} ms; allowed are 1 to {max} ms", max = MAX_BREAKER_COOL_DOWN.as_millis())]
    CoolDownOutOfRange(u64),
    /// A number outside of its range.
    #[error("`{key}` is {value}; allowed are {least} to {most}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// What was asked for.
        value: u64,
        /// The smallest that is allowed.
        least: u64,
        /// The largest that is allowed.
        most: u64,
    },
    /// The content of pushes cannot be one.
    #[error(
        "`push_content` must be a JSON object of at most {MAX_CONTENT_BYTES} bytes, for example {{\"alert\": \"New message\"}}"
    )]
    BadPushContent,
    /// The word list cannot be applied.
    #[error(transparent)]
    BadWordList(#[from] WordListError),
    /// An allowed origin is none.
    #[error(transparent)]
    BadOrigins(#[from] OriginError),
    /// The store failed.
    #[error("the settings cannot be saved")]
    Store(#[from] StoreError),
}

/// Why the messages of an app cannot be filtered.
#[derive(Debug, Error)]
pub enum WordFilterError {
    /// The settings cannot be read.
    #[error("the settings cannot be read")]
    Store(#[from] StoreError),
    /// Another version of hookd saved the list.
    #[error(transparent)]
    BadList(#[from] WordListError),
}

/// A cache over the settings in the store: after an app's first use, reading costs no I/O and no lock.
pub struct AppSettings {
    store: Arc<dyn Store>,
    /// Names the profiles of apps; `None`: all apps are older than profiles.
    apps: Option<Arc<dyn AppDirectory>>,
    cached: ArcSwap<HashMap<AppId, Arc<ImSettings>>>,
    /// Held over a read or write of the store, so that a slow first read cannot overwrite a newer value.
    filling: Mutex<Doubtful>,
    filters: WordFilters,
}

/// Apps of which it is not known what the store has, or will have soon: their settings are read each time, until some were
/// saved for certain.
type Doubtful = HashSet<AppId>;

impl AppSettings {
    /// An empty cache.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            apps: None,
            cached: ArcSwap::default(),
            filling: Mutex::default(),
            filters: WordFilters::default(),
        }
    }

    /// The same for apps that begin with the settings of their profiles.
    #[must_use]
    pub fn of_apps(self, apps: Arc<dyn AppDirectory>) -> Self {
        Self { apps: Some(apps), ..self }
    }

    /// The settings of an app, if they were ever read. No I/O.
    pub fn cached(&self, app: &AppId) -> Option<Arc<ImSettings>> {
        self.cached.load().get(app).cloned()
    }

    /// The settings of an app; those of its profile when it never saved any.
    ///
    /// # Errors
    /// When they were never read before and the store fails. Callers must not go on with defaults then: the app may
    /// have stricter settings.
    pub async fn get(&self, app: &AppId) -> Result<Arc<ImSettings>, StoreError> {
        if let Some(settings) = self.cached(app) {
            return Ok(settings);
        }
        let doubtful = self.filling.lock().await;
        if let Some(settings) = self.cached(app) {
            return Ok(settings);
        }
        let saved = self.store.settings(app).await?;
        // The profile of an app that is not known now is not known either: it is asked for again.
        let is_certain = saved.is_some() || self.apps.as_ref().is_none_or(|apps| apps.app(app).is_some());
        let of_profile = || initial_settings(self.apps.as_ref().and_then(|apps| apps.profile(app)));
        let settings = Arc::new(saved.unwrap_or_else(of_profile));
        if is_certain && !doubtful.contains(app) {
            self.cache(app, Some(settings.clone()));
        }
        Ok(settings)
    }

    /// Says whether [`Self::update`] would refuse these settings, and saves nothing.
    ///
    /// # Errors
    /// [`SettingsError`], never [`SettingsError::Store`].
    pub fn check(&self, settings: &ImSettings) -> Result<(), SettingsError> {
        check(settings)
    }

    /// Saves settings, then applies them. It must run to its end, or memory and store may differ.
    ///
    /// # Errors
    /// [`SettingsError`]; the old settings stay in force. When the store does not know whether it saved the new ones,
    /// the settings in the store are in force.
    pub async fn update(&self, app: &AppId, settings: ImSettings) -> Result<Arc<ImSettings>, SettingsError> {
        check(&settings)?;
        // Made now, so that no message waits for it.
        self.filters.of(app, &settings.word_list).await?;
        let mut doubtful = self.filling.lock().await;
        let mut saved = self.store.save_settings(app, &settings).await;
        if let Err(StoreError::OutcomeUnknown { .. }) = saved {
            // The second attempt makes sure that it happened; the first one is uncertain.
            saved = self.store.save_settings(app, &settings).await;
            if saved.is_err() {
                doubtful.insert(app.clone());
                self.cache(app, None);
            }
        }
        saved?;
        let settings = Arc::new(settings);
        doubtful.remove(app);
        self.cache(app, Some(settings.clone()));
        if settings.word_list.is_empty() {
            self.filters.forget(app);
        }
        Ok(settings)
    }

    /// The filter for the messages of an app, if it has words.
    ///
    /// # Errors
    /// When the settings cannot be read, or the list in the store is not one that [`Self::update`] takes.
    pub async fn word_filter(&self, app: &AppId) -> Result<Option<Arc<WordFilter>>, WordFilterError> {
        let settings = self.get(app).await?;
        Ok(self.filters.of(app, &settings.word_list).await?)
    }

    /// Forgets what was made of the settings of an app that was deleted.
    pub(crate) fn forget_app(&self, app: &AppId) {
        self.filters.forget(app);
    }

    fn cache(&self, app: &AppId, settings: Option<Arc<ImSettings>>) {
        self.cached.rcu(|cached| {
            let mut cached = HashMap::clone(cached);
            match settings.clone() {
                Some(settings) => drop(cached.insert(app.clone(), settings)),
                None => drop(cached.remove(app)),
            }
            cached
        });
    }
}

/// How long a hook may take: its own setting, else that of its kind, never above [`MAX_HOOK_TIMEOUT`].
pub(super) fn timeout(settings: &ImSettings, hook: &str, kind: HookKind) -> Duration {
    let by_kind = match kind {
        HookKind::Blocking => settings.blocking_hook_timeout_ms,
        HookKind::Notification => settings.notification_hook_timeout_ms,
    };
    let milliseconds = settings.hook_timeouts_ms.get(hook).copied().unwrap_or(by_kind);
    Duration::from_millis(milliseconds).min(MAX_HOOK_TIMEOUT)
}

fn check(settings: &ImSettings) -> Result<(), SettingsError> {
    let kinds = [
        ("blocking_hook_timeout_ms", settings.blocking_hook_timeout_ms),
        ("notification_hook_timeout_ms", settings.notification_hook_timeout_ms),
    ];
    let hooks = settings.hook_timeouts_ms.iter().map(|(hook, milliseconds)| (hook.as_str(), *milliseconds));
    for (key, value_ms) in kinds.into_iter().chain(hooks) {
        if value_ms == 0 || Duration::from_millis(value_ms) > MAX_HOOK_TIMEOUT {
            return Err(SettingsError::TimeoutOutOfRange { key: key.to_owned(), value_ms });
        }
    }
    let is_hook = |name: &str| hook_types::hook::IM_HOOKS.iter().any(|(hook, _)| *hook == name);
    if let Some(unknown) = settings.hook_timeouts_ms.keys().find(|name| !is_hook(name)) {
        return Err(SettingsError::UnknownHook(unknown.clone()));
    }
    for key in settings.hook_failure_policies.keys() {
        let refused = |problem| SettingsError::BadPolicyScope { key: key.clone(), problem };
        policy::check_scope(key).map_err(refused)?;
    }
    let cool_down_ms = settings.hook_breaker_cool_down_ms;
    if cool_down_ms == 0 || Duration::from_millis(cool_down_ms) > MAX_BREAKER_COOL_DOWN {
        return Err(SettingsError::CoolDownOutOfRange(cool_down_ms));
    }
    let content = settings.push_content.as_deref();
    if content.is_some_and(|content| content.len() > MAX_CONTENT_BYTES || object(content).is_none()) {
        return Err(SettingsError::BadPushContent);
    }
    settings.word_list.check()?;
    web_origins::check(&settings.allowed_origins)?;
    check_notifications(settings)?;
    check_rates(settings)?;
    check_retention(settings)
}

/// Longer than any installation.
const MOST_DAYS: u64 = 36_500;

fn check_retention(settings: &ImSettings) -> Result<(), SettingsError> {
    for (key, value) in [
        ("message_retention_days", settings.message_retention_days),
        ("inactive_conversation_days", settings.inactive_conversation_days),
    ] {
        let value = u64::from(value);
        if value > MOST_DAYS {
            return Err(SettingsError::OutOfRange { key, value, least: 0, most: MOST_DAYS });
        }
    }
    Ok(())
}

/// More than any client or app comes to; finer steps than a rate of it can be told apart are below a nanosecond.
const MOST_PER_TIME: u64 = 10_000_000;

fn check_rates(settings: &ImSettings) -> Result<(), SettingsError> {
    for (key, value) in [
        ("client_sends_per_minute", settings.client_sends_per_minute),
        ("client_history_queries_per_minute", settings.client_history_queries_per_minute),
        ("client_operations_per_minute", settings.client_operations_per_minute),
        ("outgoing_messages_per_second", settings.outgoing_messages_per_second),
    ] {
        let value = u64::from(value);
        if value > MOST_PER_TIME {
            return Err(SettingsError::OutOfRange { key, value, least: 0, most: MOST_PER_TIME });
        }
    }
    Ok(())
}

fn check_notifications(settings: &ImSettings) -> Result<(), SettingsError> {
    for (key, value, most) in [
        ("notification_attempts", settings.notification_attempts.into(), 100),
        ("notification_retry_ms", settings.notification_retry_ms, 5 * 60 * 1000),
        ("notification_max_age_ms", settings.notification_max_age_ms, 30 * 24 * 60 * 60 * 1000),
        ("notification_queue_limit", settings.notification_queue_limit.into(), 10_000_000),
        ("dead_letter_limit", settings.dead_letter_limit.into(), 1_000_000),
    ] {
        if value == 0 || value > most {
            return Err(SettingsError::OutOfRange { key, value, least: 1, most });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use api_types::Profile;
    use hook_types::HookKind;

    use super::{check, timeout};
    use crate::app::{ImSettings, MAX_HOOK_TIMEOUT};
    use crate::profiles::initial_settings;

    fn with_hook(name: &str, milliseconds: u64) -> ImSettings {
        ImSettings { hook_timeouts_ms: BTreeMap::from([(name.to_owned(), milliseconds)]), ..ImSettings::default() }
    }

    #[test]
    fn a_timeout_of_the_hook_itself_wins_over_its_kind() {
        let settings = with_hook("_messageSent", 70);
        assert_eq!(timeout(&settings, "_messageSent", HookKind::Notification), Duration::from_millis(70));
        assert_eq!(timeout(&settings, "_clientOnline", HookKind::Notification), Duration::from_secs(3));
        assert_eq!(timeout(&settings, "_messageReceived", HookKind::Blocking), Duration::from_secs(10));
    }

    #[test]
    fn no_timeout_is_above_the_bound() {
        let settings = with_hook("_messageSent", u64::MAX);
        assert_eq!(timeout(&settings, "_messageSent", HookKind::Notification), MAX_HOOK_TIMEOUT);
    }

    #[test]
    fn settings_that_cannot_be_applied_are_refused_by_name() {
        let error = |settings: ImSettings| check(&settings).unwrap_err().to_string();
        assert!(error(with_hook("_messageRecieved", 100)).contains("`_messageRecieved`"));
        assert!(error(with_hook("_messageReceived", 0)).contains("`_messageReceived` is 0 ms"));
        let settings = ImSettings { blocking_hook_timeout_ms: 15_001, ..ImSettings::default() };
        assert!(error(settings).contains("`blocking_hook_timeout_ms` is 15001 ms; allowed are 1 to 15000 ms"));
        let settings = |cool_down| ImSettings { hook_breaker_cool_down_ms: cool_down, ..ImSettings::default() };
        assert!(error(settings(0)).contains("`hook_breaker_cool_down_ms` is 0 ms; allowed are 1 to 60000 ms"));
        assert!(error(settings(60_001)).contains("60001"));
        let settings = ImSettings { notification_attempts: 0, ..ImSettings::default() };
        assert!(error(settings).contains("`notification_attempts` is 0; allowed are 1 to 100"));
        let settings = ImSettings { client_sends_per_minute: 10_000_001, ..ImSettings::default() };
        assert!(error(settings).contains("`client_sends_per_minute` is 10000001; allowed are 0 to 10000000"));
        let settings = ImSettings { message_retention_days: 36_501, ..ImSettings::default() };
        assert!(error(settings).contains("`message_retention_days` is 36501; allowed are 0 to 36500"));
        for profile in [None, Some(Profile::Leancloud), Some(Profile::Open)] {
            assert!(check(&initial_settings(profile)).is_ok());
        }
    }
}
