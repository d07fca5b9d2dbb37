//! Apps: the tenants of an installation.

mod applied_settings;
mod registry;

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use thiserror::Error;

pub(crate) use self::applied_settings::AppliedSettings;
pub(crate) use self::registry::Apps;
use crate::app_keys::{GivenKeys, InvalidKey, Keys, keys_equal};
use crate::logs::{AppLog, LogShare};
use crate::meters::AppMeters;
use crate::modules::{ModuleOwner, ModuleShare};
use crate::releases::{LiveVersion, MetadataError, PlatformValues, Variables};
use crate::sandbox::{AppPace, SandboxShare};
use api_types::{Environment, Profile};

/// An app to create.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// 1 to 64 letters, digits, `-` or `_`.
    pub id: String,
    /// Keys that it has already.
    pub keys: GivenKeys,
    /// What its settings in the IM core begin with. The engine only keeps it.
    pub profile: Profile,
}

impl NewApp {
    /// An app with this id, generated keys and the profile that new apps have.
    pub fn named(id: &str) -> Self {
        Self { id: id.to_owned(), keys: GivenKeys::default(), profile: Profile::default() }
    }
}

/// Why an app was not created.
#[derive(Debug, Error)]
pub enum CreateAppError {
    /// The id is in use.
    #[error("an app `{0}` exists already; choose another id")]
    Exists(String),
    /// The id was in use: what its app left behind must not fall into other hands.
    #[error("an app `{0}` was deleted, and its id is not given again; choose another id")]
    Deleted(String),
    /// The id would not survive URLs and headers.
    #[error("`{0}` cannot be an app id; use 1 to 64 letters, digits, `-` or `_`")]
    InvalidId(String),
    /// A key that it should have cannot be one.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// The database refused.
    #[error("cannot store the app")]
    Metadata(#[from] MetadataError),
}

/// An app: its keys, and the live versions of its environments. After a change of keys, what was looked up before still
/// has the old ones.
pub struct App {
    /// Id, as in `X-LC-Id`.
    pub id: String,
    /// Lets clients call functions.
    pub app_key: String,
    /// Lets the owner do everything but call hooks.
    pub master_key: String,
    /// Shown by the platform when it calls hooks.
    pub hook_key: String,
    /// When it was created, in ms since 1970. Another installation may have an app of the same id: it is another app.
    pub created_at_ms: i64,
    /// What its settings in the IM core begin with; `None` for an app that is older than profiles.
    pub profile: Option<Profile>,
    api_server: Option<Arc<str>>,
    /// How often its keys were changed since the engine was started.
    key_changes: u64,
    state: Arc<AppState>,
}

/// The parts of an app that outlive a change of keys.
struct AppState {
    production: ArcSwapOption<LiveVersion>,
    staging: ArcSwapOption<LiveVersion>,
    settings: ArcSwap<AppliedSettings>,
    /// Those that the next version gets.
    variables: ArcSwap<Variables>,
    log: Arc<AppLog>,
    meters: AppMeters,
    pace: Arc<AppPace>,
    sandbox_share: Arc<SandboxShare>,
    module_share: ModuleShare,
    log_share: LogShare,
    changing: tokio::sync::Mutex<()>,
}

/// Why keys were not changed, or an app not deleted.
#[derive(Debug, Error)]
pub enum ChangeAppError {
    /// The app does not exist.
    #[error("the app `{0}` does not exist")]
    UnknownApp(String),
    /// The database refused.
    #[error("cannot store the change")]
    Metadata(#[from] MetadataError),
}

impl App {
    pub(crate) fn new(id: String, created_at_ms: i64, keys: Keys, settings: AppliedSettings) -> Self {
        Self {
            id,
            created_at_ms,
            profile: None,
            app_key: keys.app_key,
            master_key: keys.master_key,
            hook_key: keys.hook_key,
            api_server: None,
            key_changes: 0,
            state: Arc::new(AppState {
                production: ArcSwapOption::empty(),
                staging: ArcSwapOption::empty(),
                settings: ArcSwap::from_pointee(settings),
                variables: ArcSwap::default(),
                log: Arc::default(),
                meters: AppMeters::default(),
                pace: Arc::default(),
                sandbox_share: Arc::default(),
                module_share: ModuleShare::default(),
                log_share: LogShare::default(),
                changing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The same app with other keys.
    pub(crate) fn with_keys(&self, keys: Keys) -> Self {
        Self {
            id: self.id.clone(),
            app_key: keys.app_key,
            master_key: keys.master_key,
            hook_key: keys.hook_key,
            created_at_ms: self.created_at_ms,
            profile: self.profile,
            api_server: self.api_server.clone(),
            key_changes: self.key_changes + 1,
            state: self.state.clone(),
        }
    }

    /// The same app, whose functions see the address of the REST API.
    pub(crate) fn with_api_server(self, api_server: Option<Arc<str>>) -> Self {
        Self { api_server, ..self }
    }

    /// The same app with the profile of its creation.
    pub(crate) fn with_profile(self, profile: Option<Profile>) -> Self {
        Self { profile, ..self }
    }

    /// What its functions in an environment see of it.
    pub(crate) fn platform_values(&self, environment: Environment) -> PlatformValues<'_> {
        PlatformValues {
            app_id: &self.id,
            app_key: &self.app_key,
            master_key: &self.master_key,
            hook_key: &self.hook_key,
            environment,
            api_server: self.api_server.as_deref(),
        }
    }

    /// False when `other` is an app that came after this one was deleted.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys { app_key: self.app_key.clone(), master_key: self.master_key.clone(), hook_key: self.hook_key.clone() }
    }

    /// How often its keys were changed since the engine was started.
    pub(crate) fn key_changes(&self) -> u64 {
        self.key_changes
    }

    /// True for the app key; takes the same time for every wrong key (EC-9).
    pub fn is_app_key(&self, key: &str) -> bool {
        keys_equal(&self.app_key, key)
    }

    /// True for the master key; takes the same time for every wrong key (EC-9).
    pub fn is_master_key(&self, key: &str) -> bool {
        keys_equal(&self.master_key, key)
    }

    /// True for the hook key; takes the same time for every wrong key (EC-9).
    pub fn is_hook_key(&self, key: &str) -> bool {
        keys_equal(&self.hook_key, key)
    }

    pub(crate) fn live(&self, environment: Environment) -> &ArcSwapOption<LiveVersion> {
        match environment {
            Environment::Production => &self.state.production,
            Environment::Staging => &self.state.staging,
        }
    }

    pub(crate) fn settings(&self) -> Arc<AppliedSettings> {
        self.state.settings.load_full()
    }

    pub(crate) fn log(&self) -> &Arc<AppLog> {
        &self.state.log
    }

    pub(crate) fn meters(&self) -> &AppMeters {
        &self.state.meters
    }

    pub(crate) fn pace(&self) -> &Arc<AppPace> {
        &self.state.pace
    }

    pub(crate) fn sandbox_share(&self) -> &Arc<SandboxShare> {
        &self.state.sandbox_share
    }

    pub(crate) fn module_share(&self) -> &ModuleShare {
        &self.state.module_share
    }

    pub(crate) fn log_share(&self) -> &LogShare {
        &self.state.log_share
    }

    /// As its modules are asked for their definitions.
    pub(crate) fn as_module_owner(&self) -> ModuleOwner {
        ModuleOwner {
            app_id: self.id.clone(),
            limits: self.settings().limits.of_app().clone(),
            log: self.log().clone(),
            share: self.module_share().clone(),
            sandbox_share: self.sandbox_share().clone(),
            pace: self.pace().clone(),
        }
    }

    /// Taken while a release or a setting is written and applied, so that memory and database switch in the same order.
    pub(crate) fn changing(&self) -> &tokio::sync::Mutex<()> {
        &self.state.changing
    }

    /// Those that the next version gets; a live version has its own.
    pub(crate) fn variables(&self) -> Arc<Variables> {
        self.state.variables.load_full()
    }

    pub(crate) fn set_variables(&self, variables: Variables) {
        self.state.variables.store(Arc::new(variables));
    }

    /// Calls in flight keep the old limits, and their places, which count. To be called while [`Self::changing`] is held.
    pub(crate) fn apply_settings(&self, mut settings: AppliedSettings) {
        settings.admission.continue_from(&self.settings().admission);
        self.state.settings.store(Arc::new(settings));
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("keys", &"<redacted>").finish_non_exhaustive()
    }
}

pub(crate) fn is_valid_app_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let app = App::new("demo".to_owned(), 1, Keys::generate(), AppliedSettings::default());
        let shown = format!("{app:?}");
        assert!(shown.contains("demo"));
        for key in [&app.app_key, &app.master_key, &app.hook_key] {
            assert!(!shown.contains(key.as_str()));
        }
    }

    #[test]
    fn ids_that_would_not_survive_a_url_are_invalid() {
        assert!(is_valid_app_id("demo-1_A"));
        for id in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(!is_valid_app_id(id), "{id}");
        }
    }
}
