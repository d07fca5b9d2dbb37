//! Which functions each app defines, as far as the engine has told.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::app::App;
use crate::ids::AppId;

#[derive(Default)]
pub(super) struct KnownHooks {
    apps: RwLock<HashMap<AppId, KnownApp>>,
    new_app: Notify,
}

struct KnownApp {
    app: Arc<App>,
    /// `None` before the first list.
    names: Option<HashSet<String>>,
}

impl KnownHooks {
    /// True also when nothing is known; the app then gets its list soon.
    pub(super) fn defines(&self, app: &App, hook: &str) -> bool {
        if let Some(known) = self.apps.read().unwrap_or_else(PoisonError::into_inner).get(&app.id) {
            return known.names.as_ref().is_none_or(|names| names.contains(hook));
        }
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.entry(app.id.clone()).or_insert_with(|| KnownApp { app: Arc::new(app.clone()), names: None });
        self.new_app.notify_one();
        true
    }

    /// Replaces the list of an app.
    pub(super) fn learn(&self, app: &App, names: Vec<String>) {
        let known = KnownApp { app: Arc::new(app.clone()), names: Some(names.into_iter().collect()) };
        self.apps.write().unwrap_or_else(PoisonError::into_inner).insert(app.id.clone(), known);
    }

    /// The apps that were asked about.
    pub(super) fn apps(&self) -> Vec<Arc<App>> {
        let apps = self.apps.read().unwrap_or_else(PoisonError::into_inner);
        apps.values().map(|known| known.app.clone()).collect()
    }

    /// Resolves once an app without a list has been asked about.
    pub(super) async fn new_app(&self) {
        self.new_app.notified().await;
    }
}
