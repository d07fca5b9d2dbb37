//! The engine as a whole.

mod garbage;
mod variables;

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::apps::{App, Apps, ChangeAppError, CreateAppError, KeyKind, Keys, NewApp, is_valid_app_id};
use crate::calls::{Call, Calls, Invocation};
use crate::config::EngineConfig;
use crate::environment::Environment;
use crate::limits::{InvalidLimits, Limits};
use crate::logs::{LogLine, LogReader};
use crate::modules::{Definition, Modules};
use crate::outcome::Outcome;
use crate::releases::{
    AppRow, Attribution, DeployError, DeployStage, Deployment, LiveVersion, Metadata, MetadataError, NewRelease,
    PastRelease, Release, ReleaseAct, ReleaseError, Variables, Version, VersionRow, before_present,
};
use crate::rpc::RpcService;
use crate::sandbox::Sandbox;

/// Apps, their modules, and the sandbox that runs them. Clones share everything.
///
/// Metrics go to the `metrics` recorder that is installed when the engine opens.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    max_module_bytes: usize,
    apps: Apps,
    modules: Modules,
    metadata: Metadata,
    calls: Calls,
    /// Read by deployments from the first file to the row in the database, written by the removal of unused modules.
    storing: tokio::sync::RwLock<()>,
}

/// Why the engine did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder `{folder}`")]
    DataFolder {
        /// Its path.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The machine does not give what the pool needs.
    #[error("cannot set the sandbox up: {0}")]
    Sandbox(String),
    /// The database cannot be read.
    #[error("cannot open the engine's database")]
    Metadata(#[from] MetadataError),
}

/// Why limits were not changed.
#[derive(Debug, Error)]
pub enum SetLimitsError {
    /// There is no such app.
    #[error("there is no app `{0}`")]
    UnknownApp(String),
    /// Nothing could run under them.
    #[error(transparent)]
    Invalid(#[from] InvalidLimits),
    /// The database refused.
    #[error("cannot store the limits")]
    Metadata(#[from] MetadataError),
}

impl Engine {
    /// Opens the data folder, creating it when missing, and loads what is live.
    pub async fn open(config: EngineConfig) -> Result<Self, OpenError> {
        let opening = tokio::task::spawn_blocking(move || Parts::open(&config));
        let parts = opening.await.map_err(|_| MetadataError::Cancelled)??;
        let mut apps = Vec::new();
        for row in parts.metadata.apps().await? {
            let app = App::new(row.id, row.keys, row.limits);
            app.set_variables(row.variables);
            for environment in [Environment::Production, Environment::Staging] {
                if let Some(version) = parts.metadata.live(app.id.clone(), environment).await? {
                    let live = Arc::new(restore(&parts.modules, &app.id, version).await);
                    app.live(environment).store(Some(live));
                }
            }
            apps.push(Arc::new(app));
        }
        let engine = Self(Arc::new(Inner {
            max_module_bytes: parts.max_module_bytes,
            apps: Apps::new(apps),
            modules: parts.modules,
            metadata: parts.metadata,
            calls: parts.calls,
            storing: tokio::sync::RwLock::default(),
        }));
        engine.remove_unused_modules().await;
        Ok(engine)
    }

    /// Creates an app with generated keys.
    pub async fn create_app(&self, app: NewApp) -> Result<Arc<App>, CreateAppError> {
        if !is_valid_app_id(&app.id) {
            return Err(CreateAppError::InvalidId(app.id));
        }
        let (keys, limits, variables) = (Keys::generate(), Limits::default(), Variables::default());
        let row = AppRow { id: app.id.clone(), keys, limits, variables };
        let created = Arc::new(App::new(row.id.clone(), row.keys.clone(), row.limits.clone()));
        if !self.0.metadata.create_app(row).await? {
            let deleted = self.0.metadata.was_deleted(app.id.clone()).await?;
            return Err(if deleted { CreateAppError::Deleted(app.id) } else { CreateAppError::Exists(app.id) });
        }
        self.0.apps.insert(created.clone());
        Ok(created)
    }

    /// Gives an app a new key in place of one; the old one is worth nothing from now on.
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
        self.0.metadata.delete_app(current.id.clone()).await?;
        self.0.apps.remove(&current.id);
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
        let definitions = |app: &App| app.live(environment).load().as_ref().map(|live| live.definitions.clone());
        self.0.apps.with(app, definitions).flatten().unwrap_or_default()
    }

    /// Number of the live version. No I/O.
    pub fn live_version(&self, app: &str, environment: Environment) -> Option<u64> {
        self.0.apps.with(app, |app| app.live(environment).load().as_ref().map(|live| live.number)).flatten()
    }

    /// Calls a function; the outcome is there before the deadline, whatever the function does. Checks no keys: callers in
    /// memory are trusted, [`Engine::rpc`] checks those over HTTP.
    pub async fn call(&self, invocation: Invocation) -> Outcome {
        self.0.calls.call(&self.0.apps, &invocation).await
    }

    /// [`Engine::call`] for who has looked the app up.
    pub(crate) async fn call_app(&self, app: &Arc<App>, call: Call<'_>) -> Outcome {
        self.0.calls.call_app(app, call).await
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

    /// Makes a module a new version of an app and that version live. A refused upload leaves nothing behind.
    pub async fn deploy(
        &self,
        deployment: Deployment,
        progress: &(dyn Fn(DeployStage) + Send + Sync),
    ) -> Result<Release, DeployError> {
        let Deployment { app_id, environment, module, by } = deployment;
        let app = self.app(&app_id).ok_or_else(|| DeployError::UnknownApp(app_id.clone()))?;
        let modules = &self.0.modules;
        let storing = self.0.storing.read().await;

        progress(DeployStage::Validating);
        modules.validate(&module).await?;
        progress(DeployStage::Compiling);
        let size_bytes = module.len();
        let mut prepared = modules.compile(module).await?;
        progress(DeployStage::ReadingDefinitions);
        modules.read_definitions(&mut prepared, &app.bounds().limits, app.log().clone(), &app.id).await?;
        progress(DeployStage::Storing);
        modules.store(&mut prepared).await?;

        progress(DeployStage::Releasing);
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| DeployError::UnknownApp(app_id.clone()))?;
        let variables = Variables::clone(&app.variables());
        let release = NewRelease {
            app_id,
            environment,
            module: prepared.hash.clone(),
            size_bytes,
            definitions: prepared.definitions.clone(),
            variables: variables.clone(),
            by,
        };
        let deployed = self.0.metadata.deploy(release).await?;
        let (number, definitions) = (deployed.number, prepared.definitions);
        let version = VersionRow { number, module: prepared.hash, definitions, variables };
        let release = go_live(&app, environment, LiveVersion::new(version, Ok(prepared.module)), ReleaseAct::Deploy);
        drop(storing);
        if deployed.forgot_versions {
            self.remove_unused_modules().await;
        }
        Ok(release)
    }

    /// Makes staging's version live in production.
    pub async fn publish(&self, app: &str, by: Attribution) -> Result<Release, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| ReleaseError::UnknownApp(app.id.clone()))?;
        let staged = app.live(Environment::Staging).load_full().ok_or(ReleaseError::NothingStaged)?;
        let (id, number) = (app.id.clone(), staged.number);
        self.0.metadata.release(id, Environment::Production, number, ReleaseAct::Publish, by).await?;
        app.live(Environment::Production).store(Some(staged.clone()));
        tracing::info!(app_id = app.id, version = staged.number, "published");
        Ok(staged.release(&app.id, Environment::Production))
    }

    /// Makes an earlier version live in production: `version`, or the one that was live there before the present one.
    pub async fn rollback(&self, app: &str, version: Option<u64>, by: Attribution) -> Result<Release, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| ReleaseError::UnknownApp(app.id.clone()))?;
        let metadata = &self.0.metadata;
        let number = match version {
            Some(number) => number,
            None => {
                let acts = metadata.production_acts(app.id.clone()).await?;
                before_present(&acts).ok_or(ReleaseError::NothingToRollBackTo)?
            }
        };
        let Some(row) = metadata.version(app.id.clone(), number).await? else {
            let known = metadata.known_versions(app.id.clone()).await?;
            return Err(ReleaseError::UnknownVersion { version: number, known });
        };
        // It may have to be compiled again.
        let _storing = self.0.storing.read().await;
        let module = self.0.modules.stored(&row.module).await;
        let module = module.map_err(|error| ReleaseError::Unusable { version: number, reason: error.to_string() })?;
        metadata.release(app.id.clone(), Environment::Production, number, ReleaseAct::Rollback, by).await?;
        Ok(go_live(&app, Environment::Production, LiveVersion::new(row, Ok(module)), ReleaseAct::Rollback))
    }

    /// The newest `limit` releases of an app in all environments, newest first.
    pub async fn releases(&self, app: &str, limit: u32) -> Result<Vec<PastRelease>, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        Ok(self.0.metadata.releases(app.id.clone(), limit, None).await?)
    }

    /// All that is recorded about a version.
    pub async fn version(&self, app: &str, number: u64) -> Result<Version, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        match self.0.metadata.version_in_full(app.id.clone(), number).await? {
            Some(version) => Ok(version),
            None => {
                let known = self.0.metadata.known_versions(app.id.clone()).await?;
                Err(ReleaseError::UnknownVersion { version: number, known })
            }
        }
    }

    /// The limits of an app. No I/O.
    pub fn limits(&self, app: &str) -> Option<Limits> {
        self.0.apps.with(app, |app| app.bounds().limits.clone())
    }

    /// Changes the limits of an app for calls that arrive from now on.
    pub async fn set_limits(&self, app: &str, limits: Limits) -> Result<(), SetLimitsError> {
        limits.validate()?;
        let app = self.app(app).ok_or_else(|| SetLimitsError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| SetLimitsError::UnknownApp(app.id.clone()))?;
        self.0.metadata.set_limits(app.id.clone(), limits.clone()).await?;
        app.set_limits(limits);
        Ok(())
    }

    /// The newest lines that the app's functions wrote, oldest first; kept in memory only.
    pub fn recent_logs(&self, app: &str) -> Vec<LogLine> {
        self.app(app).map(|app| app.log().after(0).lines).unwrap_or_default()
    }

    /// Reads the log of an app line by line, those that are kept first. `None` when there is no such app.
    pub fn read_logs(&self, app: &str) -> Option<LogReader> {
        self.app(app).map(|app| LogReader::new(app.log().clone()))
    }

    /// Largest module that [`Engine::deploy`] accepts.
    pub fn max_module_bytes(&self) -> usize {
        self.0.max_module_bytes
    }

    /// LeanEngine's HTTP contract: `/1.1` and `/1`, `functions` and `call`, `_ops/metadatas`, `/__engine/1/ping`. All other
    /// paths are answered by `elsewhere`.
    pub fn rpc(&self, elsewhere: axum::Router) -> RpcService {
        RpcService::new(self.clone(), elsewhere)
    }
}

/// The atomic, immediate switch: calls in flight hold the version they began with.
fn go_live(app: &App, environment: Environment, version: LiveVersion, act: ReleaseAct) -> Release {
    let release = version.release(&app.id, environment);
    app.live(environment).store(Some(Arc::new(version)));
    let (version, module, act) = (release.version, &release.module, act.name());
    tracing::info!(app_id = app.id, version, %environment, module, act, "released");
    release
}

/// A version that cannot be restored stays live and answers with the reason: other apps must not suffer for it.
async fn restore(modules: &Modules, app_id: &str, version: VersionRow) -> LiveVersion {
    let module = modules.stored(&version.module).await.map_err(|error| {
        tracing::error!(app_id, version = version.number, "a live version cannot be loaded: {error}");
        error.to_string()
    });
    LiveVersion::new(version, module)
}

/// What is opened before the apps can be loaded.
struct Parts {
    max_module_bytes: usize,
    metadata: Metadata,
    modules: Modules,
    calls: Calls,
}

impl Parts {
    fn open(config: &EngineConfig) -> Result<Self, OpenError> {
        let in_folder = |source| OpenError::DataFolder { folder: config.data_folder.display().to_string(), source };
        // Holds the keys of all apps: nobody but the owner looks inside.
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&config.data_folder).map_err(in_folder)?;
        let sandbox = Sandbox::new(config).map_err(|error| OpenError::Sandbox(error.to_string()))?;
        Ok(Self {
            max_module_bytes: config.max_module_bytes,
            metadata: Metadata::open(&database(&config.data_folder))?,
            modules: Modules::open(config, sandbox.clone()).map_err(in_folder)?,
            calls: Calls::new(sandbox, config.concurrent_calls),
        })
    }
}

fn database(data_folder: &Path) -> std::path::PathBuf {
    data_folder.join("engine.db")
}
