//! The IM core's copy, and the engine in another process behind it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_types::Profile;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{HookCall, HookEngine, HookFailure};
use hookd_im_core::ids::AppId;
use hookd_runtime::Engine;
use serde::{Deserialize, Serialize};

use super::kept::save;
use super::{Deletion, Snapshot};
use crate::error::{ServerError, Step as _};
use crate::remote_engine::{EngineAddress, HttpEngine};

const FILE: &str = "directory.json";

/// The last state of the engine. Looked up without I/O; kept on disk, so that the chat begins although the engine is
/// dead.
pub struct Directory {
    file: PathBuf,
    state: ArcSwap<State>,
}

#[derive(Default)]
struct State {
    apps: HashMap<AppId, Known>,
    missing: BTreeMap<String, CreatedAt>,
    /// Of apps that were known here.
    deleted: Vec<Deletion>,
}

struct Known {
    app: Arc<App>,
    created_at_ms: CreatedAt,
    profile: Option<Profile>,
    functions: HashSet<String>,
}

/// When an app was created, in ms since 1970; an engine of an earlier version did not send it.
type CreatedAt = Option<i64>;

/// The state on disk. An earlier version reads it as a [`Snapshot`].
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    snapshot: Snapshot,
    /// Apps that the engine named once, and does not name now though it does not say that they were deleted.
    #[serde(default)]
    missing: BTreeMap<String, CreatedAt>,
    /// Those deletions of all engines that were of apps known here. An earlier version does not write them.
    #[serde(default)]
    own_deletions: Option<Vec<Deletion>>,
}

impl Kept {
    fn state(self) -> State {
        let mut state = State::of(&self.snapshot, self.missing, Vec::new());
        let of_snapshot = || self.snapshot.deleted.into_iter().filter(|deletion| state.may_concern(deletion)).collect();
        state.deleted = self.own_deletions.unwrap_or_else(of_snapshot);
        state
    }
}

impl Directory {
    /// The copy that an earlier process left in the data folder; empty and `false` when there is none.
    pub fn load(data: &Path) -> Result<(Self, bool), ServerError> {
        let directory = Self { file: data.join(FILE), state: ArcSwap::default() };
        let file = directory.file.display();
        let kept: Option<Kept> = match std::fs::read(&directory.file) {
            Ok(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .step(|| format!("`{file}` is damaged; delete it, the engine sends it again"))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).step(|| format!("cannot read `{file}`")),
        };
        let found = kept.is_some();
        if let Some(kept) = kept {
            directory.state.store(Arc::new(kept.state()));
        }
        Ok((directory, found))
    }

    /// Applies the present state of an engine in this process, and keeps it for the next process.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn follow(&self, engine: &Engine) -> Result<(), ServerError> {
        // Only an engine in another process needs the name of a state.
        self.replace(Snapshot::of(engine, String::new())).await
    }

    /// Applies a new state, and keeps it for the next process.
    pub async fn replace(&self, mut snapshot: Snapshot) -> Result<(), ServerError> {
        let before = self.state.load();
        snapshot.apps.retain(|entry| {
            let is_another = before.knows_another(&entry.id, entry.created_at_ms);
            if is_another {
                tracing::error!(
                    app = entry.id,
                    "the engine has another app of this id, which was created at another time: it is not served here, and what is \
                     kept of the first one stays. Is the engine's data folder the right one? The new app needs an IM core with \
                     a data folder of its own"
                );
            }
            !is_another
        });
        let missing = before.missing_after(&snapshot);
        missing.keys().filter(|id| !before.missing.contains_key(*id)).for_each(|id| {
            tracing::warn!(
                app = id,
                "the engine does not serve this app any more, and does not say that it was deleted: is its data folder the \
                 right one, and the newest? What is kept of the app stays"
            );
        });
        let own_deletions = before.own_deletions(&snapshot);
        self.state.store(Arc::new(State::of(&snapshot, missing.clone(), own_deletions.clone())));
        let (file, kept) = (self.file.clone(), Kept { snapshot, missing, own_deletions: Some(own_deletions) });
        save(file, kept).await
    }

    /// True for an app that the engine named once, and does not name now though it does not say that it was deleted.
    pub(crate) fn is_missing(&self, app: &str) -> bool {
        self.state.load().missing.contains_key(app)
    }

    /// True when an app of this id is known that was created at another time than this one.
    pub(crate) fn knows_another(&self, app: &str, created_at_ms: i64) -> bool {
        self.state.load().knows_another(app, Some(created_at_ms))
    }

    /// The deletions that engines reported of apps that were known here. Another installation may have had an app of the same
    /// id, and deleted it.
    pub(super) fn deletions(&self) -> Vec<Deletion> {
        self.state.load().deleted.clone()
    }

    /// All apps, by id.
    pub fn apps(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.state.load().apps.values().map(|known| known.app.clone()).collect();
        apps.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        apps
    }
}

impl State {
    fn of(snapshot: &Snapshot, missing: BTreeMap<String, CreatedAt>, deleted: Vec<Deletion>) -> Self {
        let known = snapshot.apps.iter().map(|entry| {
            let app = App {
                id: AppId::new(&entry.id),
                app_key: entry.app_key.clone(),
                master_key: entry.master_key.clone(),
                hook_key: entry.hook_key.clone(),
            };
            let functions = entry.functions.iter().cloned().collect();
            // A profile of another version: the app begins as new apps do, and never without limits.
            let profile = entry.profile.as_ref().map(|name| name.parse().unwrap_or_default());
            (app.id.clone(), Known { app: Arc::new(app), created_at_ms: entry.created_at_ms, profile, functions })
        });
        Self { apps: known.collect(), missing, deleted }
    }

    /// True when an app of this id is known that is not this one. An engine of an earlier version does not tell them apart.
    fn knows_another(&self, id: &str, created_at_ms: CreatedAt) -> bool {
        let known = self.known_by(id).flatten();
        known.zip(created_at_ms).is_some_and(|(known, named)| known != named)
    }

    /// The app of this id, here now or missing.
    fn known_by(&self, id: &str) -> Option<CreatedAt> {
        let known = self.apps.get(&AppId::new(id)).map(|known| known.created_at_ms);
        known.or_else(|| self.missing.get(id).copied())
    }

    /// False for the deletion of an app that is another one than the one that is known by its id. This is all that earlier versions
    /// looked at before they applied a deletion.
    fn may_concern(&self, deletion: &Deletion) -> bool {
        !self.apps.contains_key(&AppId::new(&deletion.id))
            && self.missing.get(&deletion.id).copied().flatten().is_none_or(|created| created == deletion.created_at_ms)
    }

    /// The deletions of apps that were known, with those in the next state.
    fn own_deletions(&self, next: &Snapshot) -> Vec<Deletion> {
        let is_own = |deletion: &&Deletion| {
            let known = self.known_by(&deletion.id);
            known.is_some_and(|created| created.is_none_or(|created| created == deletion.created_at_ms))
        };
        let new = next.deleted.iter().filter(is_own).filter(|deletion| !self.deleted.contains(deletion));
        self.deleted.iter().chain(new).cloned().collect()
    }

    /// The apps that are known now, and that the engine neither names next nor says to be deleted.
    fn missing_after(&self, next: &Snapshot) -> BTreeMap<String, CreatedAt> {
        let known = self.apps.iter().map(|(id, known)| (id.to_string(), known.created_at_ms));
        let mut missing: BTreeMap<_, _> = self.missing.clone().into_iter().chain(known).collect();
        for entry in &next.apps {
            missing.remove(&entry.id);
        }
        let is_deleted = |id: &str, created: CreatedAt| {
            let is_it = |deletion: &Deletion| created.is_none_or(|created| created == deletion.created_at_ms);
            next.deleted.iter().any(|deletion| deletion.id == id && is_it(deletion))
        };
        missing.retain(|id, created| !is_deleted(id, *created));
        missing
    }
}

impl AppDirectory for Directory {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        self.state.load().apps.get(id).map(|known| known.app.clone())
    }

    fn profile(&self, id: &AppId) -> Option<Profile> {
        self.state.load().apps.get(id).and_then(|known| known.profile)
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
        self.directory.state.load().apps.get(&app.id).is_some_and(|known| known.functions.contains(hook))
    }

    async fn call(&self, mut call: HookCall) -> Result<Bytes, HookFailure> {
        // A session may be older than the keys that are right now.
        if let Some(app) = self.directory.app(&call.app.id) {
            call.app = app;
        }
        self.rpc.call(call).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(id: &str, created_at_ms: i64) -> serde_json::Value {
        json!({"id": id, "app_key": "a", "master_key": "m", "hook_key": "h", "created_at_ms": created_at_ms, "functions": []})
    }

    fn deletion(id: &str, created_at_ms: i64) -> Deletion {
        Deletion { id: id.to_owned(), created_at_ms, deleted_at_ms: 9 }
    }

    /// An earlier version wrote the deletions of the engine alone, and applied them from there.
    #[tokio::test]
    async fn pending_deletions_in_the_file_of_an_earlier_version_stay() {
        let data = tempfile::tempdir().unwrap();
        let deleted = [deletion("gone", 1), deletion("here", 2), deletion("missing", 3)];
        let file = json!({
            "revision": "f00d.3", "apps": [entry("here", 7)], "deleted": deleted, "missing": {"missing": 8},
        });
        std::fs::write(data.path().join(FILE), file.to_string()).unwrap();
        let pending = [deletion("gone", 1)];

        let (directory, _) = Directory::load(data.path()).unwrap();
        assert_eq!(directory.deletions(), pending, "the others are of other apps with the same ids");
        let next = json!({"revision": "f00d.4", "apps": [entry("here", 7)], "deleted": deleted});
        directory.replace(serde_json::from_value(next).unwrap()).await.unwrap();
        assert_eq!(directory.deletions(), pending);

        let (directory, _) = Directory::load(data.path()).unwrap();
        assert_eq!(directory.deletions(), pending, "in the file of this version");
    }

    #[tokio::test]
    async fn deletions_of_apps_that_were_not_known_here_are_not_taken_from_a_file_of_this_version() {
        let data = tempfile::tempdir().unwrap();
        let (directory, _) = Directory::load(data.path()).unwrap();
        let first = json!({"revision": "1", "apps": [entry("here", 7)], "deleted": [deletion("another", 1)]});
        directory.replace(serde_json::from_value(first).unwrap()).await.unwrap();
        let (directory, _) = Directory::load(data.path()).unwrap();
        assert_eq!(directory.deletions(), []);
    }
}
