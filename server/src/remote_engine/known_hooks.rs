//! Which functions each app defines, as far as the engine has reported. Keeps no keys: they change.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use tokio::sync::Notify;

use hookd_im_core::ids::AppId;

#[derive(Default)]
pub(super) struct KnownHooks {
    /// The names of each app's functions; `None` before the first list.
    apps: RwLock<HashMap<AppId, Option<HashSet<String>>>>,
    new_app: Notify,
}

impl KnownHooks {
    /// True also when nothing is known; the app then gets its list soon.
    pub(super) fn defines(&self, app: &AppId, hook: &str) -> bool {
        if let Some(known) = self.apps.read().unwrap_or_else(PoisonError::into_inner).get(app) {
            return known.as_ref().is_none_or(|names| names.contains(hook));
        }
        self.apps.write().unwrap_or_else(PoisonError::into_inner).entry(app.clone()).or_default();
        self.new_app.notify_one();
        true
    }

    /// Replaces the list of an app.
    pub(super) fn learn(&self, app: &AppId, names: Vec<String>) {
        let names = Some(names.into_iter().collect());
        self.apps.write().unwrap_or_else(PoisonError::into_inner).insert(app.clone(), names);
    }

    /// The apps that were asked about.
    pub(super) fn apps(&self) -> Vec<AppId> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Resolves once an app without a list has been asked about.
    pub(super) async fn new_app(&self) {
        self.new_app.notified().await;
    }
}
