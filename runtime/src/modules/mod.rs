//! From an upload to machine code that can be instantiated.

mod compile;
mod compile_worker;
mod definitions;
mod files;
mod refusal;
mod validate;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use thiserror::Error;
use tokio::sync::Semaphore;

use self::compile::Compiler;
pub use self::compile_worker::{CompileWorkerError, compile_worker};
use self::files::ModuleFiles;
pub use self::refusal::Refusal;
use crate::config::EngineConfig;
use crate::limits::Limits;
use crate::logs::{CallLog, LogRing};
use crate::sandbox::{DEPLOYMENTS, LoadedModule, Sandbox};

/// Any error, for a border that only reports it.
pub(crate) type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// One function of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// As in `/1.1/functions/{name}`.
    pub name: String,
    /// Only callers with the master key or the hook key may call it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}

/// The SHA-256 of a module's bytes, which is its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ModuleHash(pub(crate) String);

impl ModuleHash {
    fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an upload or a stored module did not become machine code.
#[derive(Debug, Error)]
pub(crate) enum ModuleError {
    /// The module is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine is.
    #[error("{what}")]
    Internal {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ModuleError {
    fn internal(what: impl Into<String>) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        let what = what.into();
        move |source| Self::Internal { what, source }
    }
}

/// A module on its way from an upload to a release: everything is known, and nothing is stored yet.
pub(crate) struct Prepared {
    pub(crate) hash: ModuleHash,
    pub(crate) bytes: Bytes,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) module: Arc<LoadedModule>,
    /// Freshly compiled code that is not in its place yet; deleted unless it gets there.
    new_artifact: Option<TempPath>,
}

/// Validates, compiles, loads and stores modules.
pub(crate) struct Modules {
    sandbox: Sandbox,
    files: ModuleFiles,
    compiler: Compiler,
    max_module_bytes: usize,
    definitions_deadline: Duration,
    /// As many as the sandbox keeps places for, besides those of calls.
    asking: Semaphore,
    /// Same bytes in several apps or versions are mapped once.
    loaded: Mutex<HashMap<ModuleHash, Weak<LoadedModule>>>,
}

impl Modules {
    pub(crate) fn open(config: &EngineConfig, sandbox: Sandbox) -> std::io::Result<Self> {
        Ok(Self {
            files: ModuleFiles::open(&config.data_folder, sandbox.compatibility_hash())?,
            sandbox,
            compiler: Compiler::new(config.compile_command.clone(), config.compile_limits),
            max_module_bytes: config.max_module_bytes,
            definitions_deadline: config.definitions_deadline,
            asking: Semaphore::new(DEPLOYMENTS as usize),
            loaded: Mutex::default(),
        })
    }

    /// Refuses what is no hook module; cheap compared with compiling.
    pub(crate) async fn validate(&self, bytes: &Bytes) -> Result<(), ModuleError> {
        let (bytes, limit) = (bytes.clone(), self.max_module_bytes);
        let validating = tokio::task::spawn_blocking(move || validate::validate(&bytes, limit));
        let validated = validating.await.map_err(|error| ModuleError::internal("validation failed")(error.into()))?;
        Ok(validated?)
    }

    /// Compiles unless the same bytes were compiled before, and loads.
    pub(crate) async fn compile(&self, bytes: Bytes) -> Result<Prepared, ModuleError> {
        let hash = ModuleHash::of(&bytes);
        if let Some(module) = self.cached(&hash) {
            return Ok(Prepared { hash, bytes, definitions: Vec::new(), module, new_artifact: None });
        }
        // One at a time: compiling takes all cores and much memory. Another waiter may have compiled the same bytes.
        let _turn = self.compiler.turn().await;
        let artifact = self.files.artifact(&hash);
        let (path, new_artifact) = if artifact.exists() {
            (artifact, None)
        } else {
            let compiled = self.compiler.compile(&bytes, self.files.new_artifact()?).await?;
            (compiled.to_path_buf(), Some(compiled))
        };
        let module = self.load(&hash, path).await?;
        Ok(Prepared { hash, bytes, definitions: Vec::new(), module, new_artifact })
    }

    /// Asks the module for its functions, inside the sandbox.
    pub(crate) async fn read_definitions(
        &self,
        prepared: &mut Prepared,
        limits: &Limits,
        log: Arc<LogRing>,
        app_id: &str,
    ) -> Result<(), ModuleError> {
        let request_id = format!("deploy-{}", prepared.hash.0.get(..12).unwrap_or_default());
        let log = Arc::new(CallLog::new(log, app_id, 0, "definitions", request_id, limits));
        // Those before end with their deadlines.
        let _place = self.asking.acquire().await;
        let asked = self.sandbox.definitions(&prepared.module, limits, self.definitions_deadline, log.clone()).await;
        log.finish();
        let definitions = asked.map_err(Refusal::DefinitionsFailed)?;
        definitions::check(&definitions)?;
        prepared.definitions = definitions;
        Ok(())
    }

    /// Puts the bytes and the machine code where a restart finds them; synced to disk when this returns.
    pub(crate) async fn store(&self, prepared: &mut Prepared) -> Result<(), ModuleError> {
        self.files.store_module(&prepared.hash, prepared.bytes.clone()).await?;
        if let Some(artifact) = prepared.new_artifact.take() {
            self.files.keep_artifact(&prepared.hash, artifact).await?;
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|_, module| module.strong_count() > 0);
        loaded.insert(prepared.hash.clone(), Arc::downgrade(&prepared.module));
        Ok(())
    }

    /// A stored module; compiled again when its machine code was made for another engine version or machine.
    pub(crate) async fn stored(&self, hash: &ModuleHash) -> Result<Arc<LoadedModule>, ModuleError> {
        if let Some(module) = self.cached(hash) {
            return Ok(module);
        }
        let artifact = self.files.artifact(hash);
        if artifact.exists() {
            match self.load(hash, artifact).await {
                Ok(module) => return Ok(module),
                Err(error) => tracing::warn!(module = %hash, "compiling a module again, its code is unusable: {error}"),
            }
            self.files.remove_artifact(hash);
        } else {
            tracing::info!(module = %hash, "compiling a module again for this version of the engine");
        }
        let bytes = self.files.read_module(hash).await?;
        let mut prepared = self.compile(bytes).await?;
        self.store(&mut prepared).await?;
        Ok(prepared.module)
    }

    /// Removes the files of all modules but these; answers how many. Not while a module is on its way to a release.
    pub(crate) async fn remove_unused(&self, used: HashSet<ModuleHash>) -> Result<usize, BoxedError> {
        let modules = self.files.remove_unused_modules(&used).await?;
        Ok(modules + self.files.remove_unused_artifacts(used).await?)
    }

    fn cached(&self, hash: &ModuleHash) -> Option<Arc<LoadedModule>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(hash).and_then(Weak::upgrade)
    }

    async fn load(&self, hash: &ModuleHash, artifact: std::path::PathBuf) -> Result<Arc<LoadedModule>, ModuleError> {
        let sandbox = self.sandbox.clone();
        let loading = tokio::task::spawn_blocking(move || {
            // SAFETY: artifacts lie in a folder that only this user enters, are written by our own compile child alone,
            // and are replaced by renaming, never changed in place.
            unsafe { sandbox.load(&artifact) }
        });
        let loaded = loading.await.map_err(|error| ModuleError::internal("loading failed")(error.into()))?;
        let module = Arc::new(loaded.map_err(|error| Refusal::Interfaces(error.to_string()))?);
        let mut modules = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        modules.insert(hash.clone(), Arc::downgrade(&module));
        Ok(module)
    }
}
