//! Puts the parts together.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use hookd_im_core::core::ImCore;
use hookd_im_core::gateway::{Gateway, GatewayConfig};
use hookd_im_core::hooks::HookQueue;
use hookd_im_core::store::sqlite::SqliteStore;
use hookd_runtime::{App, CacheConfig, Engine, EngineConfig, NewApp, RpcService, generate_key};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adapters::{EngineApps, InMemoryEngine};
use super::control::{self, Installation};
use super::lifecycle::DRAIN_TIMEOUT;
use crate::client::Connection;
use crate::exit::InputError;

/// The app that a new data folder begins with.
const FIRST_APP: &str = "demo";

/// How often recorded samples are aggregated.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// What `hookd up` is told.
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Everything that is kept.
    pub data: PathBuf,
    /// URL under which clients reach the server, when it is not the address they connect to (P-15).
    pub public_url: Option<String>,
    /// Believe what a proxy says of the client's address and scheme.
    pub trust_forwarded_headers: bool,
    /// Redis for LeanCache; without one it is in memory.
    pub redis_url: Option<String>,
}

/// A composed server that listens, and does not answer yet.
pub struct Server {
    listener: TcpListener,
    service: RpcService,
    connection: Connection,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    // Held for the life of the process: two servers on one folder would overwrite each other.
    _lock: File,
}

impl Server {
    /// Opens the data folder, starts the engine and the IM core, and listens.
    pub async fn start(config: ServerConfig, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let lock = open_data_folder(&config.data)?;
        let metrics = install_metrics()?;
        let tasks = TaskTracker::new();

        let engine = open_engine(&config.data, config.redis_url.as_deref()).await?;
        let saved = Connection::load(&config.data)?;
        let app = app_for_clients(&engine, saved.as_ref()).await?;
        let admin_key = saved.map(|saved| saved.admin_key).filter(|key| !key.is_empty()).unwrap_or_else(generate_key);
        let store = Arc::new(SqliteStore::open(config.data.join("im.db")).context("cannot open the message store")?);
        let queues: Vec<Arc<dyn HookQueue>> = vec![Arc::new(store.hook_queue())];
        let core = Arc::new(ImCore::new(
            Arc::new(EngineApps(engine.clone())),
            store,
            queues,
            Arc::new(InMemoryEngine(engine.clone())),
            tasks.clone(),
            shutdown.clone(),
        ));
        let watching = core.clone();
        tasks.spawn(async move { watching.hooks.notifications().watch().await });
        let gateway_config = GatewayConfig {
            public_url: config.public_url,
            trust_forwarded_headers: config.trust_forwarded_headers,
            ..GatewayConfig::default()
        };
        let gateway = Gateway::new(core.clone(), gateway_config, shutdown.clone(), tasks.clone());

        let listener = listen(config.listen).await?;
        let connection = Connection {
            url: format!("http://{}", listener.local_addr()?),
            app_id: app.id.clone(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            admin_key,
            data: config.data.canonicalize()?,
        };
        connection.save()?;
        let control =
            control::router(engine.clone(), core, Installation::new(connection.clone()), metrics, shutdown.clone());
        let service = engine.rpc(gateway.router().merge(control));
        Ok(Self { listener, service, connection, shutdown, tasks, _lock: lock })
    }

    /// Address and keys.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Answers until the shutdown token is cancelled, then lets requests in flight finish.
    pub async fn serve(self) -> anyhow::Result<()> {
        // Replies are small and awaited: waiting to fill a packet would only delay them.
        let listener = self.listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "cannot switch Nagle's algorithm off");
            }
        });
        let stopped = self.shutdown.clone();
        let serving = axum::serve(listener, self.service.into_connections())
            .with_graceful_shutdown(stopped.cancelled_owned())
            .into_future();
        let drained = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            served = serving => served?,
            () = drained => tracing::warn!("requests were still in flight after {DRAIN_TIMEOUT:?}; stopping anyway"),
        }
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work was still going on after {DRAIN_TIMEOUT:?}; stopping anyway");
        }
        Ok(())
    }
}

fn open_data_folder(data: &Path) -> anyhow::Result<File> {
    // Keys and messages are in it: nobody but the owner looks inside.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("cannot create the data folder `{}`", data.display()))?;
    let lock = File::create(data.join("lock"))
        .with_context(|| format!("cannot write in the data folder `{}`", data.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let problem = format!("another `hookd up` uses the data folder `{}`", data.display());
            Err(InputError::new(problem).hint("stop it, or give another folder with --data").into())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the data folder `{}`", data.display()))
        }
    }
}

/// The app that client commands mean when none is named: that of the last start, while it exists.
async fn app_for_clients(engine: &Engine, saved: Option<&Connection>) -> anyhow::Result<Arc<App>> {
    let known = saved.and_then(|saved| engine.app(&saved.app_id)).or_else(|| engine.apps().into_iter().next());
    match known {
        Some(app) => Ok(app),
        None => Ok(engine.create_app(NewApp::named(FIRST_APP)).await?),
    }
}

fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let metrics = PrometheusBuilder::new().install_recorder().context("cannot install the metrics recorder")?;
    hookd_im_core::hooks::metrics::describe();
    let upkept = metrics.clone();
    // Samples of histograms pile up until somebody aggregates them; nobody may ever ask for `/metrics`. The task ends with
    // the process: it holds nothing that must be finished.
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(METRICS_UPKEEP);
        loop {
            ticks.tick().await;
            upkept.run_upkeep();
        }
    });
    Ok(metrics)
}

async fn open_engine(data: &Path, redis_url: Option<&str>) -> anyhow::Result<Engine> {
    let this_program = std::env::current_exe().context("cannot find the path of the running program")?;
    let compile_command = vec![this_program.into_os_string(), "compile-module".into()];
    let cache = match redis_url {
        Some(url) => CacheConfig::redis(url).map_err(|error| InputError::new(error.to_string()))?,
        None => CacheConfig::default(),
    };
    let config = EngineConfig { cache, ..EngineConfig::new(data.join("engine"), compile_command) };
    Engine::open(config).await.context("cannot open the engine")
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        InputError::new(format!("cannot listen on `{address}`: {error}"))
            .hint("stop what listens there, or choose another address with --listen; port 0 takes a free one")
            .into()
    })
}
