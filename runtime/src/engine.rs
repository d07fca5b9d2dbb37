//! The engine as a whole.

mod app_settings;
mod cache;
mod error;
mod garbage;
mod releases;
mod room_on_disk;
mod variables;

use std::os::unix::fs::DirBuilderExt as _;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use tokio::sync::watch;

pub use self::app_settings::SetSettingsError;
pub use self::error::OpenError;
use crate::app_keys::KeyKind;
use crate::app_settings::AppSettings;
use crate::apps::{App, AppliedSettings, Apps, ChangeAppError, CreateAppError, NewApp, is_valid_app_id};
use crate::call_chain::{CallChain, CallChains};
use crate::calls::{Call, Calls, Invocation, LiveApp};
use crate::clock::now_ms;
use crate::config::EngineConfig;
use crate::fair_turns::FairTurns;
use crate::file_table::reserve_file_table;
use crate::leancache::LeanCache;
use crate::logs::{self, LogDisk, LogHistory, LogLine, LogQuery, LogsError};
use crate::modules::Modules;
use crate::outcome::Outcome;
use crate::releases::metadata::{self, Metadata};
use crate::releases::{AppRow, DeletedApp, LiveVersion, MetadataError, Variables};
use crate::sandbox::{LongCallThreads, Sandbox};
use crate::stats;
use crate::usage::{Usage, UsageNote};
use api_types::control::{AppStats, EngineStats};
use api_types::{Definition, Environment};

/// Logs that are read at the same time.
const LOG_READS: u32 = 4;

/// Apps, their modules, and the sandbox that runs them. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    max_module_bytes: usize,
    apps: Apps,
    modules: Arc<Modules>,
    metadata: Arc<dyn Metadata>,
    calls: Arc<Calls>,
    /// Here, and not with the calls: they hold the calls.
    _long_calls: LongCallThreads,
    logs: LogDisk,
    /// Read by deployments from the first file to the row in the database, written by the removal of unused modules.
    storing: tokio::sync::RwLock<()>,
    cache: Arc<LeanCache>,
    call_chains: Arc<CallChains>,
    log_reads: FairTurns,
    /// Told to functions.
    api_server: Option<Arc<str>>,
}

impl Engine {
    /// Opens the data folder, creating it when missing, and loads the live versions.
    pub async fn open(config: EngineConfig) -> Result<Self, OpenError> {
        let api_server: Option<Arc<str>> = config.api_server.as_deref().map(Arc::from);
        let opening = tokio::task::spawn_blocking(move || Parts::open(&config));
        let parts = opening.await.map_err(|_| MetadataError::Cancelled)??;
        let mut apps = Vec::new();
        for row in parts.metadata.apps().await? {
            tell_of_limits_above(&row);
            let app = App::new(row.id, row.created_at_ms, row.keys, AppliedSettings::new(row.settings)?);
            let app = app.with_profile(row.profile).with_api_server(api_server.clone());
            app.log().keep_on(&parts.logs, &app.id);
            app.set_variables(row.variables);
            for environment in [Environment::Production, Environment::Staging] {
                if let Some(version) = parts.metadata.live(app.id.clone(), environment).await? {
                    let values = app.platform_values(environment);
                    let live = LiveVersion::new(version, &parts.modules, app.meters(), values);
                    compile_if_needed(&parts.modules, &app, &live).await;
                    app.live(environment).store(Some(Arc::new(live)));
                }
            }
            apps.push(Arc::new(app));
        }
        let deleted = parts.metadata.deleted_apps().await?;
        // Ends by itself with the engine.
        tokio::spawn(parts.expiring);
        let engine = Self(Arc::new(Inner {
            max_module_bytes: parts.max_module_bytes,
            apps: Apps::new(apps, deleted),
            modules: parts.modules,
            metadata: parts.metadata,
            calls: parts.calls,
            _long_calls: parts.long_calls,
            logs: parts.logs,
            cache: parts.cache,
            call_chains: parts.call_chains,
            log_reads: FairTurns::new(LOG_READS),
            api_server,
            storing: tokio::sync::RwLock::default(),
        }));
        engine.remove_unused_modules().await;
        Ok(engine)
    }

    /// Creates an app, with generated keys for absent ones.
    pub async fn create_app(&self, app: NewApp) -> Result<Arc<App>, CreateAppError> {
        if !is_valid_app_id(&app.id) {
            return Err(CreateAppError::InvalidId(app.id));
        }
        let (keys, settings, variables) = (app.keys.completed()?, AppSettings::default(), Variables::default());
        let (created_at_ms, profile) = (now_ms(), Some(app.profile));
        let row = AppRow { id: app.id.clone(), keys, settings, variables, created_at_ms, profile };
        let created = App::new(row.id.clone(), row.created_at_ms, row.keys.clone(), AppliedSettings::default());
        let created = Arc::new(created.with_profile(profile).with_api_server(self.0.api_server.clone()));
        if !self.0.metadata.create_app(row).await? {
            let deleted = self.0.metadata.was_deleted(app.id.clone()).await?;
            return Err(if deleted { CreateAppError::Deleted(app.id) } else { CreateAppError::Exists(app.id) });
        }
        created.log().keep_on(&self.0.logs, &created.id);
        self.0.apps.insert(created.clone());
        Ok(created)
    }

    /// Gives an app a new key in place of one; the old key does not work any more.
    pub async fn rotate_key(&self, app: &str, kind: KeyKind) -> Result<Arc<App>, ChangeAppError> {
        let unknown = || ChangeAppError::UnknownApp(app.to_owned());
        let before = self.app(app).ok_or_else(unknown)?;
        let _changing = before.changing().lock().await;
        // Another rotation may have come first: its key must stay.
        let current = self.current(&before).ok_or_else(unknown)?;
        let mut keys = current.keys();
        keys.renew(kind);
        self.0.metadata.set_keys(current.id.clone(), keys.clone()).await?;
        let rotated = Arc::new(current.with_keys(keys));
        self.0.apps.insert(rotated.clone());
        for environment in [Environment::Production, Environment::Staging] {
            let Some(live) = rotated.live(environment).load_full() else { continue };
            // Guests may have read the old key.
            if let Some(idle) = &live.idle_instances {
                idle.clear();
            }
            // The files of a bundle may have, too, while they were loaded.
            let values = rotated.platform_values(environment);
            let with_new_key = live.again(&self.0.modules, rotated.meters(), values);
            if !Arc::ptr_eq(&with_new_key.module, &live.module) {
                compile_if_needed(&self.0.modules, &rotated, &with_new_key).await;
                rotated.live(environment).store(Some(Arc::new(with_new_key)));
            }
        }
        tracing::info!(app_id = rotated.id, ?kind, "key rotated");
        Ok(rotated)
    }

    /// Deletes an app with its versions, releases, limits and keys. Calls in flight end on the version they began with.
    /// The id stays taken.
    pub async fn delete_app(&self, app: &str) -> Result<(), ChangeAppError> {
        let unknown = || ChangeAppError::UnknownApp(app.to_owned());
        let before = self.app(app).ok_or_else(unknown)?;
        let _changing = before.changing().lock().await;
        let current = self.current(&before).ok_or_else(unknown)?;
        let deleted_at_ms = self.0.metadata.delete_app(current.id.clone()).await?;
        let (id, created_at_ms) = (current.id.clone(), current.created_at_ms);
        self.0.apps.delete(DeletedApp { id, created_at_ms, deleted_at_ms });
        // A task may hold the app a little longer. It must not hold the app's instances and machine code.
        for environment in [Environment::Production, Environment::Staging] {
            current.live(environment).store(None);
        }
        current.log().forget();
        self.clear_cache(&current.id).await;
        tracing::info!(app_id = current.id, "app deleted");
        self.remove_unused_modules().await;
        Ok(())
    }

    /// The app as it is now; `None` when it was deleted since it was looked up.
    fn current(&self, app: &App) -> Option<Arc<App>> {
        self.app(&app.id).filter(|current| current.is_same(app))
    }

    /// All apps, by id. No I/O.
    pub fn apps(&self) -> Vec<Arc<App>> {
        self.0.apps.all()
    }

    /// The apps that were ever deleted, in the order of that. No I/O.
    pub fn deleted_apps(&self) -> Arc<Vec<DeletedApp>> {
        self.0.apps.deleted()
    }

    /// An app by id. No I/O.
    pub fn app(&self, id: &str) -> Option<Arc<App>> {
        self.0.apps.get(id)
    }

    /// True when the live version defines the function. No I/O: it is asked for every message (EC-28).
    pub fn defines(&self, app: &str, environment: Environment, name: &str) -> bool {
        let defined =
            |app: &App| app.live(environment).load().as_ref().is_some_and(|version| version.function(name).is_some());
        self.0.apps.with(app, defined).unwrap_or(false)
    }

    /// The functions of the live version. No I/O.
    pub fn definitions(&self, app: &str, environment: Environment) -> Vec<Definition> {
        let definitions = |app: &App| app.live(environment).load().as_ref().map(|live| live.definitions().to_vec());
        self.0.apps.with(app, definitions).flatten().unwrap_or_default()
    }

    /// Number of the live version. No I/O.
    pub fn live_version(&self, app: &str, environment: Environment) -> Option<u64> {
        self.0.apps.with(app, |app| app.live(environment).load().as_ref().map(|live| live.number())).flatten()
    }

    /// Calls a function; the outcome is there before the deadline in any case. Checks no keys: that is the caller's duty.
    pub async fn call(&self, invocation: Invocation) -> Outcome {
        self.0.calls.call(&self.0.apps, &invocation, None).await
    }

    /// [`Engine::call`] that also says what the call used, and waits for what it does after its reply.
    pub async fn call_measured(&self, invocation: Invocation) -> (Outcome, Usage) {
        let usage = UsageNote::default();
        let outcome = self.0.calls.call(&self.0.apps, &invocation, Some(usage.clone())).await;
        self.work_is_done().await;
        let usage = usage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (outcome, usage)
    }

    /// Waits until the work is done that goes on after replies: at most 15 s, if no calls are made meanwhile.
    pub async fn work_is_done(&self) {
        self.0.calls.work_is_done().await;
    }

    /// [`Engine::call`] for callers that have looked the app up.
    pub async fn call_live(&self, live: &Arc<LiveApp>, call: &Call<'_>) -> Outcome {
        self.0.calls.call_live(live, call, None).await
    }

    /// Makes an instance of the live version as [`Engine::call`] does, and drops it: the part of a call that is the
    /// sandbox. For measurements; takes no place in the app's queue.
    ///
    /// # Errors
    /// The outcome that a call would have.
    pub async fn instantiate(&self, app: &str, environment: Environment) -> Result<(), Outcome> {
        let app = self.app(app).ok_or(Outcome::NotDefined)?;
        self.0.calls.instantiate(&app, environment).await
    }

    /// The newest lines that the app's functions wrote, oldest first, as far as they are in memory. No I/O.
    pub fn recent_logs(&self, app: &str) -> Vec<LogLine> {
        self.app(app).map(|app| app.log().ring().after(0).lines).unwrap_or_default()
    }

    /// The kept lines of an app's log, and a reader of the later ones. `None` when there is no such app.
    ///
    /// # Errors
    /// [`LogsError`]; files that cannot be read are counted in the answer.
    pub async fn logs(&self, app: &str, query: &LogQuery) -> Option<Result<LogHistory, LogsError>> {
        let app = self.app(app)?;
        let reading = async {
            let place = app.log_share().answers.begin().await?;
            // Each reads files for a while.
            let _turn = self.0.log_reads.take(&app.log_share().reads).await;
            let history = logs::read(app.log().clone(), query).await?;
            Ok(LogHistory { place: Some(place), ..history })
        };
        Some(reading.await)
    }

    /// The counters of an app. No I/O.
    pub fn app_stats(&self, app: &str) -> Option<AppStats> {
        self.0.apps.with(app, stats::of_app)
    }

    /// How the engine as a whole does. No I/O.
    pub fn stats(&self) -> EngineStats {
        EngineStats { loaded_modules: self.loaded_modules() as u64, ..self.0.calls.stats() }
    }

    /// Instances of warm versions that wait for their next call, over all apps. No I/O.
    pub fn idle_instances(&self) -> usize {
        self.0.calls.idle_instances()
    }

    /// Modules whose machine code is in memory. No I/O.
    pub fn loaded_modules(&self) -> usize {
        self.0.modules.loaded()
    }

    /// Largest module that [`Engine::deploy`] accepts.
    pub fn max_module_bytes(&self) -> usize {
        self.0.max_module_bytes
    }

    /// Counts changes of the apps, their keys and the live functions, for processes that keep a copy of them.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.apps.changes()
    }

    /// Says that functions which send requests to this URL come back to this engine, maybe through other processes; so its calls
    /// are known as such. Functions do not see it, and it allows them nothing.
    pub fn add_own_url(&self, url: &str) {
        self.0.call_chains.add_own_url(url);
    }

    /// What a request says of the calls behind it, and until when the last of them waits. `None` when it says nothing that
    /// this engine signed, or when no caller waits any more.
    pub fn call_chain(&self, headers: &HeaderMap) -> Option<(Arc<CallChain>, Instant)> {
        self.0.call_chains.read(headers)
    }
}

/// They were set when an owner could set any, or before the operator lowered what the app gets.
fn tell_of_limits_above(app: &AppRow) {
    for (name, value, max) in app.settings.limits.above_maximum() {
        tracing::warn!(
            app_id = app.id,
            "the limit `{name}` of {value} is above what the app gets, which is {max}; the operator raises that with `hookd \
             settings --app {} --max-limit {name}={value}`",
            app.id
        );
    }
}

/// A server that has started answers with machine code on disk, which the first call brings into memory. A version that
/// cannot be compiled stays live and answers with the reason: other apps must not suffer for it.
async fn compile_if_needed(modules: &Arc<Modules>, app: &App, version: &LiveVersion) {
    if !modules.has_code(&version.module)
        && let Err(error) = modules.code(&version.module, &app.module_share().compiling).await
    {
        tracing::error!(app_id = app.id, version = version.number(), "a live version cannot be loaded: {error}");
    }
}

/// What is opened before the apps can be loaded.
struct Parts {
    max_module_bytes: usize,
    metadata: Arc<dyn Metadata>,
    modules: Arc<Modules>,
    calls: Arc<Calls>,
    long_calls: LongCallThreads,
    cache: Arc<LeanCache>,
    call_chains: Arc<CallChains>,
    expiring: Pin<Box<dyn Future<Output = ()> + Send>>,
    logs: LogDisk,
}

impl Parts {
    fn open(config: &EngineConfig) -> Result<Self, OpenError> {
        let in_folder = |source| OpenError::DataFolder { folder: config.data_folder.display().to_string(), source };
        // Holds the keys of all apps: only the owner may read it.
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&config.data_folder).map_err(in_folder)?;
        // A module in memory holds a file; the databases, the logs and the sockets of the beginning need some too.
        if let Err(error) = reserve_file_table(config.loaded_modules.saturating_mul(2)) {
            tracing::warn!("first calls may take some milliseconds longer: {error}");
        }
        let cache = LeanCache::open(&config.cache);
        let not_set_up = |error: &dyn std::fmt::Display| OpenError::Sandbox(error.to_string());
        let long_calls = LongCallThreads::start().map_err(|error| not_set_up(&error))?;
        let call_chains = Arc::<CallChains>::default();
        if let Some(url) = &config.api_server {
            call_chains.add_own_url(url);
        }
        let sandbox = Sandbox::new(config, cache.clone(), call_chains.clone(), &long_calls)
            .map_err(|error| not_set_up(&error))?;
        let modules = Arc::new(Modules::open(config, sandbox.clone()).map_err(in_folder)?);
        Ok(Self {
            max_module_bytes: config.max_module_bytes,
            metadata: metadata::open(&config.data_folder)?,
            modules: modules.clone(),
            expiring: Box::pin(sandbox.expire_idle_instances()),
            calls: Arc::new(Calls::new(sandbox, modules, config.concurrent_calls)),
            long_calls,
            logs: LogDisk::start(config.data_folder.join("logs"), config.logs).map_err(in_folder)?,
            cache,
            call_chains,
        })
    }
}
