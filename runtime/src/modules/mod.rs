//! From an upload to machine code that can be instantiated.

mod bundles;
mod code_name;
mod compile;
mod compile_request;
mod compile_worker;
mod definitions;
mod engine_functions;
mod error;
mod files;
mod hash;
mod javascript;
mod load_bundle;
mod refusal;
mod resident;
mod validate;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tempfile::TempPath;

pub(crate) use self::code_name::{CodeName, LoadVariables};
use self::compile::Compiler;
pub(crate) use self::compile_request::LoadLog;
pub use self::compile_worker::{CompileWorkerError, compile_worker};
pub(crate) use self::error::ModuleError;
use self::files::ModuleFiles;
pub(crate) use self::hash::ModuleHash;
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
    /// What its files wrote while they were loaded, if that was done now.
    pub(crate) load_log: LoadLog,
    name: CodeName,
    variables: LoadVariables,
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

    /// True when its machine code is also that of a version with these variables.
    pub(crate) fn is_for(&self, variables: &LoadVariables) -> bool {
        self.name == CodeName::new(&self.hash, variables)
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
            files: ModuleFiles::open(config, sandbox.compatibility_hash())?,
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

    /// Compiles unless the same was compiled before, and loads. `variables`: what the files of a bundle read while they are
    /// loaded. `compiling`: the app's part of the turns.
    pub(crate) async fn compile(
        self: &Arc<Self>,
        bytes: Bytes,
        variables: LoadVariables,
        compiling: &Holder,
    ) -> Result<Prepared, ModuleError> {
        let hash = ModuleHash::of(&bytes);
        let name = CodeName::new(&hash, &variables);
        let prepared = |module, new_artifact, load_log| {
            let definitions = Vec::new();
            Prepared {
                hash,
                bytes: bytes.clone(),
                load_log,
                name: name.clone(),
                variables: variables.clone(),
                definitions,
                module,
                new_artifact,
            }
        };
        if let Some(module) = self.compiled_before(&name, &variables).await? {
            return Ok(prepared(module, None, LoadLog::default()));
        }
        // One at a time: compiling takes all cores and much memory. Another waiter may have compiled the same bytes.
        let _turn = self.compiler.turn(compiling).await;
        if let Some(module) = self.compiled_before(&name, &variables).await? {
            return Ok(prepared(module, None, LoadLog::default()));
        }
        let (artifact, log) = if name.module.is_bundle() {
            self.load_bundle(&bytes, &variables).await?
        } else {
            (self.compiler.compile(&bytes, self.files.new_artifact()?).await?, LoadLog::default())
        };
        let module = self.load(artifact.to_path_buf()).await?;
        Ok(prepared(module, Some(artifact), log))
    }

    /// The machine code in memory or on disk; `None` when it is missing, or this engine cannot use it.
    async fn compiled_before(
        self: &Arc<Self>,
        name: &CodeName,
        variables: &LoadVariables,
    ) -> Result<Option<Arc<LoadedModule>>, ModuleError> {
        if let Some(module) = self.resident.named(name, variables).code(Instant::now()) {
            return Ok(Some(module));
        }
        let artifact = self.files.artifact(name);
        if !artifact.exists() {
            return Ok(None);
        }
        match self.load(artifact).await {
            Ok(module) => Ok(Some(module)),
            Err(ModuleError::Refused(error)) => {
                self.forget_artifact(name, &error);
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
        let definitions = self.ask(prepared.module.clone(), &prepared.variables, owner, request_id).await?;
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
        let request_id = format!("check-{}", stored.module_hash().0.get(..12).unwrap_or_default());
        match self.ask(code, &stored.variables, owner, request_id).await {
            Err(Refusal::OtherContract(reason)) => Some(reason),
            Ok(_) | Err(_) => None,
        }
    }

    async fn ask(
        &self,
        module: Arc<LoadedModule>,
        variables: &LoadVariables,
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
        let asking = {
            let (sandbox, share) = (self.sandbox.clone(), owner.sandbox_share.clone());
            sandbox.definitions(module, limits.clone(), log.clone(), share, variables.for_guest())
        };
        let asked = self.sandbox.run(&owner.pace, allowed, Box::pin(asking)).await;
        log.finish();
        let failed = |outcome| match log.errors() {
            nothing if nothing.is_empty() => Refusal::DefinitionsFailed(outcome),
            errors => Refusal::LoadFailed(errors),
        };
        asked.map_err(failed)?.map_err(|outcome| match outcome {
            // Nothing of it ran.
            Outcome::Unavailable { message } => Refusal::OtherContract(message),
            outcome => failed(outcome),
        })
    }

    /// Puts the bytes and the machine code where a restart finds them; synced to disk when this returns.
    pub(crate) async fn store(self: &Arc<Self>, prepared: Prepared) -> Result<Arc<StoredModule>, ModuleError> {
        self.files.store_module(&prepared.hash, prepared.bytes).await?;
        if let Some(artifact) = prepared.new_artifact {
            self.files.keep(artifact, self.files.artifact(&prepared.name)).await?;
        }
        let stored = self.resident.named(&prepared.name, &prepared.variables);
        let (modules, added) = (self.clone(), stored.clone());
        let adding = tokio::task::spawn_blocking(move || modules.resident.add(&added, prepared.module));
        adding.await.map_err(|error| ModuleError::internal("keeping the module in memory failed")(error.into()))?;
        Ok(stored)
    }

    /// A stored module, whether or not it is in memory. `variables`: those with which the files of a bundle are loaded.
    pub(crate) fn named(&self, hash: &ModuleHash, variables: &LoadVariables) -> Arc<StoredModule> {
        self.resident.named(&CodeName::new(hash, variables), variables)
    }

    /// True when the machine code lies on disk, for this engine version and machine.
    pub(crate) fn has_code(&self, stored: &StoredModule) -> bool {
        self.files.artifact(&stored.name).exists()
    }

    /// Size of the machine code on disk; nothing where there is none for this engine version and machine.
    pub(crate) fn code_bytes_on_disk(&self, hash: &ModuleHash) -> u64 {
        self.files.code_bytes(hash)
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
                tracing::error!(module = %stored.name, cause, "a stored module cannot be loaded: {error}");
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
        let artifact = self.files.artifact(&stored.name);
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
                    ModuleError::Refused(error) => self.forget_artifact(&stored.name, &error),
                    error => return Err(error),
                },
            }
        } else {
            tracing::info!(module = %stored.name, "compiling a module: its machine code is not there");
        }
        let bytes = self.files.read_module(stored.module_hash()).await?;
        let hashing = tokio::task::spawn_blocking(move || (ModuleHash::of(&bytes), bytes));
        let (hash, bytes) = hashing.await.map_err(|error| ModuleError::internal("hashing failed")(error.into()))?;
        // Another module under this name would run as this one.
        if hash != *stored.module_hash() {
            return Err(ModuleError::lost(
                stored.module_hash(),
                "is damaged",
                format!("its bytes are those of `{hash}`").into(),
            ));
        }
        if !hash.is_bundle() {
            let checking = bytes.clone();
            let checking = tokio::task::spawn_blocking(move || validate::check_contract(&checking));
            checking.await.map_err(|error| ModuleError::internal("validation failed")(error.into()))??;
        }
        let prepared = self.compile(bytes, stored.variables.clone(), compiling).await?;
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
        // A bundle is loaded anew where its code is missing: what it was loaded with may be secret, and is kept for live versions
        // only.
        let components = used.iter().filter(|module| !module.is_bundle());
        let components = components.map(|module| CodeName::new(module, &LoadVariables::default()));
        let used = components.chain(self.resident.names()).collect();
        Ok(modules + self.files.remove_unused_artifacts(used).await?)
    }

    fn forget_artifact(&self, name: &CodeName, error: &dyn fmt::Display) {
        tracing::warn!(module = %name, "compiling a module again, its code is unusable: {error}");
        self.files.remove_artifact(name);
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
