//! All apps, looked up on every call without a lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::App;
use crate::releases::DeletedApp;

/// The apps of an installation by id.
#[derive(Debug, Default)]
pub(crate) struct Apps {
    by_id: ArcSwap<HashMap<String, Arc<App>>>,
    deleted: ArcSwap<Vec<DeletedApp>>,
    changes: watch::Sender<u64>,
}

impl Apps {
    pub(crate) fn new(apps: impl IntoIterator<Item = Arc<App>>, deleted: Vec<DeletedApp>) -> Self {
        let by_id = ArcSwap::from_pointee(apps.into_iter().map(|app| (app.id.clone(), app)).collect());
        Self { by_id, deleted: ArcSwap::from_pointee(deleted), changes: watch::Sender::default() }
    }

    /// How often apps came, went, got keys or another live version.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Counts a change that is already in force.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<App>> {
        self.by_id.load().get(id).cloned()
    }

    pub(crate) fn with<T>(&self, id: &str, read: impl FnOnce(&App) -> T) -> Option<T> {
        self.by_id.load().get(id).map(|app| read(app))
    }

    pub(crate) fn insert(&self, app: Arc<App>) {
        self.by_id.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.insert(app.id.clone(), app.clone());
            apps
        });
        self.changed();
    }

    pub(crate) fn delete(&self, app: DeletedApp) {
        self.by_id.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.remove(&app.id);
            apps
        });
        self.deleted.rcu(|deleted| {
            let mut deleted = Vec::clone(deleted);
            deleted.push(app.clone());
            deleted
        });
        self.changed();
    }

    /// In the order of that.
    pub(crate) fn deleted(&self) -> Arc<Vec<DeletedApp>> {
        self.deleted.load_full()
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.by_id.load().values().cloned().collect();
        apps.sort_by(|one, other| one.id.cmp(&other.id));
        apps
    }
}
