//! All apps, looked up on every call without a lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::App;

/// The apps of an installation by id.
#[derive(Debug, Default)]
pub(crate) struct Apps(ArcSwap<HashMap<String, Arc<App>>>);

impl Apps {
    pub(crate) fn new(apps: impl IntoIterator<Item = Arc<App>>) -> Self {
        Self(ArcSwap::from_pointee(apps.into_iter().map(|app| (app.id.clone(), app)).collect()))
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<App>> {
        self.0.load().get(id).cloned()
    }

    pub(crate) fn with<T>(&self, id: &str, read: impl FnOnce(&App) -> T) -> Option<T> {
        self.0.load().get(id).map(|app| read(app))
    }

    pub(crate) fn insert(&self, app: Arc<App>) {
        self.0.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.insert(app.id.clone(), app.clone());
            apps
        });
    }

    pub(crate) fn remove(&self, id: &str) {
        self.0.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            apps.remove(id);
            apps
        });
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let mut apps: Vec<_> = self.0.load().values().cloned().collect();
        apps.sort_by(|one, other| one.id.cmp(&other.id));
        apps
    }
}
