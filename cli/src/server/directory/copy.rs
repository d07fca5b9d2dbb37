//! The IM core's copy, and the engine behind it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{EngineAddress, HookCall, HookEngine, HookFailure, HttpEngine};
use hookd_im_core::ids::AppId;

use super::Snapshot;
use crate::private_file;

const FILE: &str = "directory.json";

/// What the engine told last. Looked up without I/O; kept on disk, so that the chat begins although the engine is dead.
pub struct Directory {
    file: PathBuf,
    apps: ArcSwap<HashMap<AppId, Known>>,
}

struct Known {
    app: Arc<App>,
    functions: HashSet<String>,
}

impl Directory {
    /// The copy that an earlier process left in the data folder; empty and `false` when there is none.
    pub fn load(data: &Path) -> anyhow::Result<(Self, bool)> {
        let directory = Self { file: data.join(FILE), apps: ArcSwap::default() };
        let file = directory.file.display();
        let kept: Option<Snapshot> = match std::fs::read(&directory.file) {
            Ok(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .with_context(|| format!("`{file}` is damaged; delete it, the engine tells it again"))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read `{file}`")),
        };
        let found = kept.is_some();
        if let Some(kept) = kept {
            directory.obey(&kept);
        }
        Ok((directory, found))
    }

    /// Obeys a new state, and keeps it for the next process.
    pub async fn replace(&self, snapshot: Snapshot) -> anyhow::Result<()> {
        self.obey(&snapshot);
        let file = self.file.clone();
        let saving = tokio::task::spawn_blocking(move || private_file::write(&file, &serde_json::to_vec(&snapshot)?));
        saving.await?
    }

    /// All apps, by id.
    pub fn apps(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.apps.load().values().map(|known| known.app.clone()).collect();
        apps.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        apps
    }

    fn obey(&self, snapshot: &Snapshot) {
        let known = snapshot.apps.iter().map(|entry| {
            let app = App {
                id: AppId::new(&entry.id),
                app_key: entry.app_key.clone(),
                master_key: entry.master_key.clone(),
                hook_key: entry.hook_key.clone(),
            };
            let functions = entry.functions.iter().cloned().collect();
            (app.id.clone(), Known { app: Arc::new(app), functions })
        });
        self.apps.store(Arc::new(known.collect()));
    }
}

impl AppDirectory for Directory {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        self.apps.load().get(id).map(|known| known.app.clone())
    }
}

/// The engine in a process of its own.
pub struct EngineProcess {
    directory: Arc<Directory>,
    rpc: HttpEngine,
}

impl EngineProcess {
    /// Nothing is asked yet.
    pub fn new(address: &EngineAddress, directory: Arc<Directory>) -> Self {
        Self { directory, rpc: HttpEngine::own(address) }
    }
}

#[async_trait]
impl HookEngine for EngineProcess {
    fn defines(&self, app: &App, hook: &str) -> bool {
        self.directory.apps.load().get(&app.id).is_some_and(|known| known.functions.contains(hook))
    }

    async fn call(&self, mut call: HookCall) -> Result<Bytes, HookFailure> {
        // A session may be older than the keys that are right now.
        if let Some(app) = self.directory.app(&call.app.id) {
            call.app = app;
        }
        self.rpc.call(call).await
    }
}
