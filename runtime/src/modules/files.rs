//! Where modules and their machine code lie: `modules/<hash>.wasm` and `.json` in the object store, `artifacts/` beside it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tempfile::{NamedTempFile, TempPath};

use super::javascript::JavaScriptEngine;
use super::{BoxedError, CodeName, ModuleError, ModuleHash};
use crate::config::EngineConfig;

/// Prefix of artifacts that are being written.
const UNFINISHED: &str = "unfinished-";
/// Prefix of the machine code of JavaScript engines, and of their recorded functions.
const ENGINE: &str = "engine-";
/// How long machine code of engines is kept in a shared folder; then it is made anew.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) struct ModuleFiles {
    modules: Arc<dyn ObjectStore>,
    artifacts: PathBuf,
    /// Machine code of JavaScript engines: the artifacts' folder, or one that other data folders use too.
    engines: PathBuf,
    /// In the names of artifacts, so that another version of the engine compiles its own.
    compatibility_hash: u64,
}

impl ModuleFiles {
    pub(super) fn open(config: &EngineConfig, compatibility_hash: u64) -> io::Result<Self> {
        let modules = config.data_folder.join("modules");
        let artifacts = config.data_folder.join("artifacts");
        let engines = config.javascript_engines.clone().unwrap_or_else(|| artifacts.clone());
        for folder in [&modules, &artifacts, &engines] {
            // Machine code is run as it is found: other users must not write here.
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        }
        remove_files(&artifacts, |name| name.starts_with(UNFINISHED))?;
        if config.javascript_engines.is_some() {
            remove_old_engines(&engines)?;
        }
        // The object store writes `<name>#<number>` first, and lists no such file.
        remove_files(&modules, |name| name.contains('#'))?;
        let modules = LocalFileSystem::new_with_prefix(modules).map_err(io::Error::other)?.with_fsync(true);
        Ok(Self { modules: Arc::new(modules), artifacts, engines, compatibility_hash })
    }

    /// Where the machine code of a module lies, if there is any for this engine.
    pub(super) fn artifact(&self, name: &CodeName) -> PathBuf {
        self.artifacts.join(format!("{name}{}", self.ending()))
    }

    /// Where the machine code of a JavaScript engine lies, if there is any for this engine.
    pub(super) fn engine_code(&self, name: &str) -> PathBuf {
        self.engines.join(format!("{ENGINE}{name}{}", self.ending()))
    }

    fn ending(&self) -> String {
        format!("-{:016x}.cwasm", self.compatibility_hash)
    }

    /// Size of all machine code of a module for this engine. Blocks on the disk for a moment.
    pub(super) fn code_bytes(&self, hash: &ModuleHash) -> u64 {
        let (module, ending) = (hash.to_string(), self.ending());
        let Ok(entries) = fs::read_dir(&self.artifacts) else { return 0 };
        let of_module = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&module) && name.ends_with(&ending)
        });
        of_module.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
    }

    /// An empty file in the artifacts folder, deleted when dropped.
    pub(super) fn new_artifact(&self) -> Result<NamedTempFile, ModuleError> {
        unfinished_file(&self.artifacts)
    }

    /// The same, for a JavaScript engine.
    pub(super) fn new_engine_code(&self) -> Result<NamedTempFile, ModuleError> {
        unfinished_file(&self.engines)
    }

    /// Moves a finished artifact to its place. The rename is atomic: a reader that finds the name finds all the code.
    pub(super) async fn keep(&self, artifact: TempPath, place: PathBuf) -> Result<(), ModuleError> {
        let moving = tokio::task::spawn_blocking(move || {
            File::open(&artifact)?.sync_all()?;
            artifact.persist(&place)?;
            place.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        let internal = || ModuleError::internal("cannot store the machine code of the module");
        let moved = moving.await.map_err(|error| internal()(error.into()))?;
        moved.map_err(|error: io::Error| internal()(error.into()))
    }

    /// Forgets machine code that cannot be used; what cannot be removed is overwritten by the next one.
    pub(super) fn remove_artifact(&self, name: &CodeName) {
        if let Err(error) = fs::remove_file(self.artifact(name)) {
            tracing::warn!(module = %name, %error, "cannot remove unusable machine code");
        }
    }

    /// Stores the bytes; synced when this returns. Storing the same module again changes nothing.
    pub(super) async fn store_module(&self, hash: &ModuleHash, bytes: Bytes) -> Result<(), ModuleError> {
        let stored = self.modules.put(&blob(hash), bytes.into()).await;
        stored.map(|_| ()).map_err(|error| ModuleError::internal("cannot store the module")(error.into()))
    }

    /// Removes the bytes of all modules but these; answers how many.
    pub(super) async fn remove_unused_modules(&self, used: &HashSet<ModuleHash>) -> Result<usize, BoxedError> {
        let used: HashSet<ObjectPath> = used.iter().map(blob).collect();
        let stored: Vec<_> = self.modules.list(None).map_ok(|found| found.location).try_collect().await?;
        let unused: Vec<_> = stored.into_iter().filter(|stored| !used.contains(stored)).collect();
        for blob in &unused {
            self.modules.delete(blob).await?;
        }
        Ok(unused.len())
    }

    /// Removes the machine code of all modules but these, and what another version of the engine compiled; answers how
    /// many. Files that are being written stay.
    pub(super) async fn remove_unused_artifacts(&self, used: HashSet<CodeName>) -> Result<usize, BoxedError> {
        let used: HashSet<_> =
            used.iter().filter_map(|name| Some(self.artifact(name).file_name()?.to_owned())).collect();
        let (folder, ending) = (self.artifacts.clone(), self.ending());
        let removing = tokio::task::spawn_blocking(move || {
            let stays = |name: &str| {
                name.starts_with(UNFINISHED) || used.contains(OsStr::new(name)) || is_of_engines(name, &ending)
            };
            remove_files(&folder, |name| !stays(name))
        });
        Ok(removing.await??)
    }

    /// The stored bytes, which may be damaged.
    pub(super) async fn read_module(&self, hash: &ModuleHash) -> Result<Bytes, ModuleError> {
        let lost = |error: object_store::Error| {
            let is_missing = matches!(error, object_store::Error::NotFound { .. });
            ModuleError::lost(hash, if is_missing { "is missing" } else { "cannot be read" }, error.into())
        };
        self.modules.get(&blob(hash)).await.map_err(lost)?.bytes().await.map_err(lost)
    }
}

fn unfinished_file(folder: &Path) -> Result<NamedTempFile, ModuleError> {
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
    unfinished.map_err(|error| ModuleError::internal("cannot write to the artifacts folder")(error.into()))
}

/// True for what was made of the JavaScript engines of this version.
fn is_of_engines(name: &str, ending: &str) -> bool {
    let of_this_version = |name: &str| JavaScriptEngine::ALL.iter().any(|engine| name.starts_with(&engine.code_name()));
    name.ends_with(ending) && name.strip_prefix(ENGINE).is_some_and(of_this_version)
}

/// Removes what other versions left long ago. What others write at this moment stays.
fn remove_old_engines(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let written = entry.metadata().and_then(|file| file.modified());
        if written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > KEPT)) {
            // Another process may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Removes the files of a folder whose names are not wanted; answers how many.
fn remove_files(folder: &Path, unwanted: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if unwanted(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn blob(hash: &ModuleHash) -> ObjectPath {
    let kind = if hash.is_bundle() { "json" } else { "wasm" };
    ObjectPath::from(format!("{hash}.{kind}"))
}
