//! A gateway on a free port, with a folder of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use hookd_im_core::app::{App, AppDirectory, ImSettings};
use hookd_im_core::core::ImCore;
use hookd_im_core::hooks::AppSettings;
use hookd_im_core::ids::{AppId, NodeId};
use hookd_im_core::presence::SessionLifecycle;
use hookd_im_core::push::{PushFailure, PushGateway, SignedPush};
use hookd_im_store::sqlite::SqliteStore;
use hookd_server::{Gateway, GatewayConfig, LocalDelivery};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::Client;
use crate::engine::ScriptedEngine;

pub const APP: &str = "app1";
pub const OTHER_APP: &str = "app2";
pub const APP_KEY: &str = "app-key";

/// No app of these tests has a gateway.
struct NoPushes;

#[async_trait]
impl PushGateway for NoPushes {
    async fn send(&self, push: SignedPush) -> Result<(), PushFailure> {
        panic!("a push: {push:?}")
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub apps: Arc<Apps>,
    pub core: Arc<ImCore>,
    pub lifecycle: Arc<SessionLifecycle>,
    pub engine: Arc<ScriptedEngine>,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
    folder: tempfile::TempDir,
}

/// Two apps whose keys may change, and which may be deleted.
#[derive(Default)]
pub struct Apps {
    rotations: AtomicU32,
    deleted: AtomicBool,
}

impl Apps {
    /// New master and hook keys for all.
    pub fn rotate_keys(&self) {
        self.rotations.fetch_add(1, Ordering::SeqCst);
    }

    pub fn delete_all(&self) {
        self.deleted.store(true, Ordering::SeqCst);
    }
}

impl AppDirectory for Apps {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        let rotation = self.rotations.load(Ordering::SeqCst);
        let exists = [APP, OTHER_APP].contains(&id.as_str()) && !self.deleted.load(Ordering::SeqCst);
        exists.then(|| {
            Arc::new(App {
                id: id.clone(),
                app_key: APP_KEY.into(),
                master_key: format!("master key {rotation} of {id}"),
                hook_key: format!("hook-key {rotation}"),
            })
        })
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(GatewayConfig::default()).await
    }

    /// With other settings of the app than those of old apps.
    pub async fn with_settings(settings: ImSettings) -> Self {
        let server = Self::start().await;
        server.core.settings.update(&AppId::new(APP), settings).await.unwrap();
        server
    }

    pub async fn with(config: GatewayConfig) -> Self {
        Self::over(config, tempfile::tempdir().unwrap(), |router| router).await
    }

    /// With what stands before the gateway.
    pub async fn layered(layer: impl FnOnce(Router) -> Router) -> Self {
        Self::over(GatewayConfig::default(), tempfile::tempdir().unwrap(), layer).await
    }

    /// A server of the next process, over the folder of this one.
    pub async fn restarted(mut self) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Self::over(GatewayConfig::default(), folder, |router| router).await
    }

    async fn over(config: GatewayConfig, folder: tempfile::TempDir, layer: impl FnOnce(Router) -> Router) -> Self {
        let store = Arc::new(SqliteStore::open(folder.path().join("im.sqlite")).unwrap());
        let (apps, engine) = (Arc::new(Apps::default()), Arc::new(ScriptedEngine::new()));
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let settings = Arc::new(AppSettings::new(store.clone()));
        let delivery = Arc::new(LocalDelivery::with_settings(settings.clone()));
        let (tables, engines) =
            ((apps.clone() as _, store as _), (engine.clone() as _, Arc::new(NoPushes) as _, settings));
        let core = ImCore::new(NodeId::generate(), tables, engines, delivery.clone(), tasks.clone(), shutdown.clone());
        let core = Arc::new(core);
        core.hooks.notifications().recover(None).await;
        let gateway = Gateway::new((core.clone(), delivery), config, shutdown.clone(), tasks.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = layer(gateway.router()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let lifecycle = gateway.lifecycle();
        Self { address, apps, core, lifecycle, engine, shutdown, tasks, folder }
    }

    /// The file of the store.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("im.sqlite")
    }

    /// Waits until so many sessions are noted as open.
    pub async fn until_noted(&self, sessions: i64) {
        let file = rusqlite::Connection::open(self.database()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let noted = || file.query_row("SELECT count(*) FROM open_sessions", [], |row| row.get::<_, i64>(0)).unwrap();
        while noted() != sessions {
            assert!(Instant::now() < deadline, "{} sessions are noted, not {sessions}", noted());
            tokio::task::yield_now().await;
        }
    }

    /// A client that has logged in.
    pub async fn client(&self, id: &str) -> Client {
        let mut client = Client::connect(self.address).await;
        client.log_in(id).await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
