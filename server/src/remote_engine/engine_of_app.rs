//! Each app's engine: the one that hookd itself runs, or the address in the app's settings.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{AppSettings, FailureCause, HookCall, HookEngine, HookFailure};
use hookd_im_core::ids::AppId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine_addresses::AddressCheck;
use super::http_engine::HttpEngine;

/// Sends each call to the engine of its app. Changed settings apply from the next call.
pub struct EngineOfApp {
    own: Arc<dyn HookEngine>,
    apps: Arc<dyn AppDirectory>,
    addresses: Arc<dyn AddressCheck>,
    settings: Arc<AppSettings>,
    remote: RwLock<HashMap<AppId, Remote>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// One engine behind HTTP, and the task that keeps its list of hooks.
#[derive(Clone)]
struct Remote {
    url: String,
    by_operator: bool,
    engine: Arc<HttpEngine>,
    refreshing: CancellationToken,
}

impl EngineOfApp {
    /// `own` serves the apps without an address; `addresses` says where the others' engines may be; `tasks` keeps the others'
    /// lists of hooks until `shutdown`.
    pub fn new(
        (own, apps): (Arc<dyn HookEngine>, Arc<dyn AppDirectory>),
        addresses: Arc<dyn AddressCheck>,
        settings: Arc<AppSettings>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        Self { own, apps, addresses, settings, remote: RwLock::default(), tasks, shutdown }
    }

    /// The engine at `url`, connected to before or from now on.
    fn remote(&self, app: &AppId, url: &str, by_operator: bool) -> Result<Arc<HttpEngine>, HookFailure> {
        let is_same = |remote: &Remote| remote.url == url && remote.by_operator == by_operator;
        let known = |remote: &Remote| is_same(remote).then(|| remote.engine.clone());
        if let Some(engine) = self.remote.read().unwrap_or_else(PoisonError::into_inner).get(app).and_then(known) {
            return Ok(engine);
        }
        let mut remote = self.remote.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = remote.get(app).and_then(known) {
            return Ok(engine);
        }
        let engine = match by_operator {
            true => HttpEngine::new(url),
            false => HttpEngine::checked(url, self.addresses.clone()),
        };
        let engine =
            engine.map_err(|error| HookFailure { cause: FailureCause::Unavailable, message: error.to_string() })?;
        let engine = Arc::new(engine);
        let refreshing = self.shutdown.child_token();
        let (refreshed, apps, stop) = (engine.clone(), self.apps.clone(), refreshing.clone());
        self.tasks.spawn(async move { refreshed.keep_refreshing(&*apps, stop).await });
        let now = Remote { url: url.to_owned(), by_operator, engine: engine.clone(), refreshing };
        if let Some(former) = remote.insert(app.clone(), now) {
            former.refreshing.cancel();
        }
        Ok(engine)
    }
}

#[async_trait]
impl HookEngine for EngineOfApp {
    /// True as well while the app's settings were never read: the call reads them.
    fn defines(&self, app: &App, hook: &str) -> bool {
        let Some(settings) = self.settings.cached(&app.id) else { return true };
        match &settings.engine_url {
            None => self.own.defines(app, hook),
            // An address that cannot be used is the call's to report.
            Some(url) => self
                .remote(&app.id, url, settings.engine_url_by_operator)
                .map_or(true, |engine| engine.defines(app, hook)),
        }
    }

    fn forget(&self, app: &AppId) {
        if let Some(remote) = self.remote.write().unwrap_or_else(PoisonError::into_inner).remove(app) {
            remote.refreshing.cancel();
        }
        self.own.forget(app);
    }

    async fn call(&self, mut call: HookCall) -> Result<Bytes, HookFailure> {
        // A session may be older than the keys that are right now.
        if let Some(app) = self.apps.app(&call.app.id) {
            call.app = app;
        }
        let settings = self.settings.get(&call.app.id).await.map_err(|error| {
            tracing::error!(app = %call.app.id, error = &error as &dyn std::error::Error, "settings cannot be read");
            HookFailure { cause: FailureCause::Unavailable, message: "the app's settings cannot be read".to_owned() }
        })?;
        match &settings.engine_url {
            Some(url) => self.remote(&call.app.id, url, settings.engine_url_by_operator)?.call(call).await,
            None if self.own.defines(&call.app, call.hook) => self.own.call(call).await,
            None => Ok(Bytes::from_static(b"null")),
        }
    }
}
