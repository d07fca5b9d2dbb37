//! From an upload to machine code that can be instantiated.

mod compile;
mod compile_worker;
mod definitions;
mod files;
mod refusal;
mod resident;
mod validate;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use thiserror::Error;

use self::compile::Compiler;
pub use self::compile_worker::{CompileWorkerError, compile_worker};
use self::files::ModuleFiles;
pub use self::refusal::Refusal;
pub(crate) use self::resident::StoredModule;
use self::resident::{LoadFailure, ResidentModules};
use crate::config::EngineConfig;
use crate::fair_turns::{FairTurns, Holder};
use crate::logs::{AppLog, CallLog};
use crate::outcome::{Outcome, TimeLimit};
use crate::sandbox::{Allowed, AppPace, DEPLOYMENTS, IdleInstances, LoadError, LoadedModule, Sandbox, SandboxShare};
use api_types::{Definition, Isolation, Limits};

/// For the fuzzer: whether the bytes are a module is not the question.
pub(crate) fn check_upload(bytes: &[u8]) {
    let _ = validate::validate(bytes, usize::MAX);
}

/// Any error, for a border that only reports it.
pub(crate) type BoxedError = Box<dyn std::error::Error + Send + Sync>;

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

    /// The store does not give a module back as it was deployed.
    fn lost(hash: &ModuleHash, how: &str, source: BoxedError) -> Self {
        let what = format!(
            "the stored module `{hash}` {how}; deploy it again, or restore its file in the folder `modules` from a backup"
        );
        Self::Internal { what, source }
    }
}

/// What one app has of the turns that the modules of all apps share. Outlives changes of settings and keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModuleShare {
    /// To compile a module.
    pub(crate) compiling: Holder,
    /// To be asked for definitions.
    definitions: Holder,
}

/// The app whose module is asked for its definitions: that runs a guest, as a call does.
pub(crate) struct ModuleOwner {
    pub(crate) app_id: String,
    pub(crate) limits: Limits,
    pub(crate) log: Arc<AppLog>,
    pub(crate) share: ModuleShare,
    pub(crate) sandbox_share: Arc<SandboxShare>,
    pub(crate) pace: Arc<AppPace>,
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

impl Prepared {
    /// The module with its machine code.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add(self.module.code_bytes())
    }
}

/// Validates, compiles, loads and stores modules.
pub(crate) struct Modules {
    sandbox: Sandbox,
    files: ModuleFiles,
    compiler: Compiler,
    max_module_bytes: usize,
    definitions_deadline: Duration,
    /// As many as the sandbox keeps places for, besides those of calls.
    asking: FairTurns,
    resident: ResidentModules,
}

impl Modules {
    pub(crate) fn open(config: &EngineConfig, sandbox: Sandbox) -> std::io::Result<Self> {
        Ok(Self {
            files: ModuleFiles::open(&config.data_folder, sandbox.compatibility_hash())?,
            sandbox,
            compiler: Compiler::new(config.compile_command.clone(), config.compile_limits),
            max_module_bytes: config.max_module_bytes,
            definitions_deadline: config.definitions_deadline,
            asking: FairTurns::new(DEPLOYMENTS),
            resident: ResidentModules::new(config.loaded_modules, config.loaded_code_bytes),
        })
    }

    /// Refuses bytes that are not a hook module; cheap compared with compiling.
    pub(crate) async fn validate(&self, bytes: &Bytes) -> Result<(), ModuleError> {
        let (bytes, limit) = (bytes.clone(), self.max_module_bytes);
        let validating = tokio::task::spawn_blocking(move || validate::validate(&bytes, limit));
        let validated = validating.await.map_err(|error| ModuleError::internal("validation failed")(error.into()))?;
        Ok(validated?)
    }

    /// Compiles unless the same bytes were compiled before, and loads. `compiling`: the app's part of the turns.
    pub(crate) async fn compile(self: &Arc<Self>, bytes: Bytes, compiling: &Holder) -> Result<Prepared, ModuleError> {
        let hash = ModuleHash::of(&bytes);
        if let Some(module) = self.compiled_before(&hash).await? {
            return Ok(Prepared { hash, bytes, definitions: Vec::new(), module, new_artifact: None });
        }
        // One at a time: compiling takes all cores and much memory. Another waiter may have compiled the same bytes.
        let _turn = self.compiler.turn(compiling).await;
        if let Some(module) = self.compiled_before(&hash).await? {
            return Ok(Prepared { hash, bytes, definitions: Vec::new(), module, new_artifact: None });
        }
        let artifact = self.compiler.compile(&bytes, self.files.new_artifact()?).await?;
        let module = self.load(artifact.to_path_buf()).await?;
        Ok(Prepared { hash, bytes, definitions: Vec::new(), module, new_artifact: Some(artifact) })
    }

    /// The machine code in memory or on disk; `None` when it is missing, or this engine cannot use it.
    async fn compiled_before(self: &Arc<Self>, hash: &ModuleHash) -> Result<Option<Arc<LoadedModule>>, ModuleError> {
        if let Some(module) = self.resident.named(hash).code(Instant::now()) {
            return Ok(Some(module));
        }
        let artifact = self.files.artifact(hash);
        if !artifact.exists() {
            return Ok(None);
        }
        match self.load(artifact).await {
            Ok(module) => Ok(Some(module)),
            Err(ModuleError::Refused(error)) => {
                self.forget_artifact(hash, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the module for its functions, inside the sandbox.
    pub(crate) async fn read_definitions(
        &self,
        prepared: &mut Prepared,
        owner: &ModuleOwner,
    ) -> Result<(), ModuleError> {
        let request_id = format!("deploy-{}", prepared.hash.0.get(..12).unwrap_or_default());
        let definitions = self.ask(prepared.module.clone(), owner, request_id).await?;
        definitions::check(&definitions)?;
        prepared.definitions = definitions;
        Ok(())
    }

    /// Why a stored module cannot be called, if it cannot: its code is not to be had, or it was built for another version of
    /// the contract, which only an instance of it shows. Its own code is not looked at.
    pub(crate) async fn problem(self: &Arc<Self>, stored: &Arc<StoredModule>, owner: &ModuleOwner) -> Option<String> {
        let code = match self.code(stored, &owner.share.compiling).await {
            Ok(code) => code,
            Err(reason) => return Some(reason),
        };
        let request_id = format!("check-{}", stored.hash.0.get(..12).unwrap_or_default());
        match self.ask(code, owner, request_id).await {
            Err(Refusal::OtherContract(reason)) => Some(reason),
            Ok(_) | Err(_) => None,
        }
    }

    async fn ask(
        &self,
        module: Arc<LoadedModule>,
        owner: &ModuleOwner,
        request_id: String,
    ) -> Result<Vec<Definition>, Refusal> {
        let limits = &owner.limits;
        let log = Arc::new(CallLog::new(owner.log.clone(), &owner.app_id, 0, "definitions", request_id, limits));
        // Those before end with their deadlines.
        let _turn = self.asking.take(&owner.share.definitions).await;
        let allowed = Allowed {
            until: tokio::time::Instant::now() + self.definitions_deadline,
            time: self.definitions_deadline,
            by: TimeLimit::Caller,
        };
        let asking = self.sandbox.clone().definitions(module, limits.clone(), log.clone(), owner.sandbox_share.clone());
        let asked = self.sandbox.run(&owner.pace, allowed, Box::pin(asking)).await;
        log.finish();
        asked.map_err(Refusal::DefinitionsFailed)?.map_err(|outcome| match outcome {
            // Nothing of it ran.
            Outcome::Unavailable { message } => Refusal::OtherContract(message),
            outcome => Refusal::DefinitionsFailed(outcome),
        })
    }

    /// Puts the bytes and the machine code where a restart finds them; synced to disk when this returns.
    pub(crate) async fn store(self: &Arc<Self>, prepared: Prepared) -> Result<Arc<StoredModule>, ModuleError> {
        self.files.store_module(&prepared.hash, prepared.bytes).await?;
        if let Some(artifact) = prepared.new_artifact {
            self.files.keep_artifact(&prepared.hash, artifact).await?;
        }
        let stored = self.resident.named(&prepared.hash);
        let (modules, added) = (self.clone(), stored.clone());
        let adding = tokio::task::spawn_blocking(move || modules.resident.add(&added, prepared.module));
        adding.await.map_err(|error| ModuleError::internal("keeping the module in memory failed")(error.into()))?;
        Ok(stored)
    }

    /// A stored module, whether or not it is in memory.
    pub(crate) fn named(&self, hash: &ModuleHash) -> Arc<StoredModule> {
        self.resident.named(hash)
    }

    /// True when the machine code lies on disk, for this engine version and machine.
    pub(crate) fn has_code(&self, hash: &ModuleHash) -> bool {
        self.files.artifact(hash).exists()
    }

    /// Size of the machine code on disk; nothing where there is none for this engine version and machine.
    pub(crate) fn code_bytes_on_disk(&self, hash: &ModuleHash) -> u64 {
        self.files.artifact(hash).metadata().map_or(0, |file| file.len())
    }

    /// Brings the machine code of a stored module into memory. Many may ask at the same time, it is loaded once; who stops
    /// waiting does not end it. A turn that it needs is one of the app that asked first. Compiled again when it was made for another engine version or machine.
    ///
    /// # Errors
    /// Why the module cannot run.
    pub(crate) async fn code(
        self: &Arc<Self>,
        stored: &Arc<StoredModule>,
        compiling: &Holder,
    ) -> Result<Arc<LoadedModule>, String> {
        if let Some(code) = stored.code(Instant::now()) {
            return Ok(code);
        }
        let (modules, stored, compiling) = (self.clone(), stored.clone(), compiling.clone());
        let loading = tokio::spawn(async move {
            // The limits of a compilation bound how long this lock is held.
            let mut failed = stored.loading.lock().await;
            if let Some(code) = stored.code(Instant::now()) {
                return Ok(code);
            }
            if let Some(text) = failed.as_ref().and_then(LoadFailure::recent) {
                return Err(text.to_owned());
            }
            let loaded = modules.load_stored(&stored, &compiling).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(module = %stored.hash, cause, "a stored module cannot be loaded: {error}");
                error.to_string()
            });
            *failed = loaded.as_ref().err().cloned().map(LoadFailure::now);
            loaded
        });
        loading.await.unwrap_or_else(|error| Err(format!("loading the module failed: {error}")))
    }

    async fn load_stored(
        self: &Arc<Self>,
        stored: &Arc<StoredModule>,
        compiling: &Holder,
    ) -> Result<Arc<LoadedModule>, ModuleError> {
        let artifact = self.files.artifact(&stored.hash);
        if artifact.exists() {
            let (modules, named) = (self.clone(), stored.clone());
            let loading = tokio::task::spawn_blocking(move || {
                let code = Arc::new(modules.map(&artifact)?);
                modules.resident.add(&named, code.clone());
                Ok::<_, LoadError>(code)
            });
            match loading.await.map_err(|error| ModuleError::internal("loading failed")(error.into()))? {
                Ok(code) => return Ok(code),
                Err(error) => match not_loaded(error) {
                    // Compiled again it would be the same.
                    ModuleError::Refused(error @ Refusal::OtherContract(_)) => return Err(error.into()),
                    ModuleError::Refused(error) => self.forget_artifact(&stored.hash, &error),
                    error => return Err(error),
                },
            }
        } else {
            tracing::info!(module = %stored.hash, "compiling a module again for this version of the engine");
        }
        let bytes = self.files.read_module(&stored.hash).await?;
        let hashing = tokio::task::spawn_blocking(move || (ModuleHash::of(&bytes), bytes));
        let (hash, bytes) = hashing.await.map_err(|error| ModuleError::internal("hashing failed")(error.into()))?;
        // Another module under this name would run as this one.
        if hash != stored.hash {
            return Err(ModuleError::lost(
                &stored.hash,
                "is damaged",
                format!("its bytes are those of `{hash}`").into(),
            ));
        }
        let checking = bytes.clone();
        let checking = tokio::task::spawn_blocking(move || validate::check_contract(&checking));
        checking.await.map_err(|error| ModuleError::internal("validation failed")(error.into()))??;
        let prepared = self.compile(bytes, compiling).await?;
        let module = prepared.module.clone();
        self.store(prepared).await?;
        Ok(module)
    }

    /// For the instances of a new release that wait between calls, if its isolation has them wait.
    pub(crate) fn idle_instances_of_release(&self, isolation: Isolation) -> Option<IdleInstances> {
        self.sandbox.idle_instances_of_release(isolation)
    }

    /// Modules whose machine code is in memory.
    pub(crate) fn loaded(&self) -> usize {
        self.resident.count()
    }

    /// Removes the files of all modules but these; answers how many. Not while a module is on its way to a release.
    pub(crate) async fn remove_unused(&self, used: HashSet<ModuleHash>) -> Result<usize, BoxedError> {
        let modules = self.files.remove_unused_modules(&used).await?;
        Ok(modules + self.files.remove_unused_artifacts(used).await?)
    }

    fn forget_artifact(&self, hash: &ModuleHash, error: &dyn fmt::Display) {
        tracing::warn!(module = %hash, "compiling a module again, its code is unusable: {error}");
        self.files.remove_artifact(hash);
    }

    async fn load(self: &Arc<Self>, artifact: PathBuf) -> Result<Arc<LoadedModule>, ModuleError> {
        let modules = self.clone();
        let loading = tokio::task::spawn_blocking(move || modules.map(&artifact));
        let loaded = loading.await.map_err(|error| ModuleError::internal("loading failed")(error.into()))?;
        Ok(Arc::new(loaded.map_err(not_loaded)?))
    }

    /// Blocks on the disk.
    fn map(&self, artifact: &Path) -> Result<LoadedModule, LoadError> {
        // SAFETY: artifacts lie in a folder that only this user enters, are written by our own compile child alone, and are
        // replaced by renaming, never changed in place.
        unsafe { self.sandbox.load(artifact) }
    }
}

/// Whose fault it is that machine code cannot be loaded: wasmtime reports it only as text.
fn not_loaded(error: LoadError) -> ModuleError {
    let text = match error {
        LoadError::OtherContract(text) => return Refusal::OtherContract(text).into(),
        LoadError::Unusable(ref text) => text.clone(),
    };
    if text.contains("make memory executable") {
        let what = "the system forbids this process executable memory, without which no module runs; set \
            `MemoryDenyWriteExecute=no` in the systemd unit, or lift the policy that forbids it";
        return ModuleError::internal(what)(error.into());
    }
    Refusal::Interfaces(text).into()
}
