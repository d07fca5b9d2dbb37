//! Puts the parts together: both in one process, or each in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use hookd_im_core::app::AppDirectory;
use hookd_im_core::core::ImCore;
use hookd_im_core::gateway::{Gateway, GatewayConfig};
use hookd_im_core::hooks::{EngineAddress, HookEngine};
use hookd_im_core::store::sqlite::SqliteStore;
use hookd_runtime::{App, CacheConfig, EgressConfig, Engine, EngineConfig, LogRetention, NewApp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adapters::{EngineApps, InMemoryEngine};
use super::connections::Answers;
use super::control::{self, Installation};
use super::data_folder::{DataFolder, Part};
use super::directory::{Directory, EngineProcess, Follower};
use super::disk;
use super::forward::forwarded;
use super::hook_queues::hook_queues;
use super::lifecycle::{DRAIN_TIMEOUT, take_all_file_handles};
use super::listen::{Listeners, absolute};
use super::{metrics, prometheus};
use crate::client::{Connection, ConnectionFile};
use crate::exit::InputError;

/// The app that a new data folder begins with.
const FIRST_APP: &str = "demo";

/// Where a `hookd engine` listens that was told nothing else.
pub const ENGINE_ADDRESS: &str = "127.0.0.1:7411";

/// What every process is told.
pub struct CommonConfig {
    /// Everything that is kept.
    pub data: PathBuf,
    /// The admin key of the installation, when it is not the one kept in the data folder.
    pub admin_key: Option<String>,
    /// Redis for LeanCache and the queue of notification hooks; without one they are in memory and in the data folder.
    pub cache: CacheConfig,
}

/// What the engine is told, in whichever process it is.
pub struct EngineOptions {
    /// How long what functions write is kept.
    pub logs: LogRetention,
    /// HTTP requests of functions.
    pub egress: EgressConfig,
    /// Base URL of the REST API, as functions are told.
    pub api_server: Option<String>,
}

/// What the IM core is told, in whichever process it is.
pub struct ImConfig {
    /// URL under which clients reach the server, when it is not the address they connect to (P-15).
    pub public_url: Option<String>,
    /// Believe what a proxy says of the client's address and scheme.
    pub trust_forwarded_headers: bool,
}

/// A composed process that listens, and does not answer yet.
pub struct Server {
    listeners: Listeners,
    service: Answers,
    connection: Connection,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    _folder: DataFolder,
}

impl Server {
    /// Engine and IM core in one process, on one port.
    pub async fn up(
        (common, mut options, im): (CommonConfig, EngineOptions, ImConfig),
        listen: SocketAddr,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        options.api_server = options.api_server.or_else(|| im.public_url.clone());
        let folder = DataFolder::open(&common.data, &[Part::Engine, Part::ImCore])?;
        let recorded = metrics::install()?;
        let tasks = TaskTracker::new();
        let cache = common.cache;
        let engine = open_engine(folder.path(), cache.clone(), options).await?;
        let app = app_for_clients(&engine, Connection::load(folder.path())?.as_ref()).await?;
        let listeners = Listeners::open(Some(listen), None).await?;
        let connection = connection_to(&app, &folder, common.admin_key, listeners.url()?.unwrap_or_default(), None)?;
        connection.save(ConnectionFile::Installation)?;
        Connection::forget_engine(folder.path())?;

        let apps = Arc::new(EngineApps(engine.clone()));
        let calls = Arc::new(InMemoryEngine(engine.clone()));
        let (core, gateway) = open_im_core((folder.path(), &cache), im, (apps, calls), &tasks, &shutdown).await?;
        let installation = Installation::new(connection.clone(), ConnectionFile::Installation);
        let control = control::router(engine.clone(), installation, shutdown.clone());
        let router = gateway.router().merge(control::im::router(core, control)).merge(prometheus::router(
            recorded,
            Some(engine.clone()),
            connection.admin_key.clone(),
        ));
        let service = Answers::Rpc(engine.rpc(router));
        Ok(Self { listeners, service, connection, shutdown, tasks, _folder: folder })
    }

    /// The engine alone: over TCP, over a Unix socket, or over both.
    pub async fn engine(
        (common, options): (CommonConfig, EngineOptions),
        (listen, socket): (Option<SocketAddr>, Option<PathBuf>),
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let folder = DataFolder::open(&common.data, &[Part::Engine])?;
        let recorded = metrics::install()?;
        let engine = open_engine(folder.path(), common.cache, options).await?;
        let saved = Connection::load_from(folder.path(), ConnectionFile::Engine)?;
        let app = app_for_clients(&engine, saved.as_ref()).await?;
        let socket = socket.as_deref().map(absolute).transpose()?;
        let listeners = Listeners::open(listen, socket.as_deref()).await?;
        let over_the_socket = socket.map(|path| EngineAddress::Socket(path).to_string());
        let url = listeners.url()?.or_else(|| over_the_socket.clone()).unwrap_or_default();
        let address = over_the_socket.unwrap_or_else(|| url.clone());
        let connection = connection_to(&app, &folder, common.admin_key, url, Some(address))?;
        connection.save(ConnectionFile::Engine)?;

        let installation = Installation::new(connection.clone(), ConnectionFile::Engine);
        let metrics = prometheus::router(recorded, Some(engine.clone()), connection.admin_key.clone());
        let router = control::router(engine.clone(), installation, shutdown.clone()).merge(metrics);
        let service = Answers::Rpc(engine.rpc(router));
        Ok(Self { listeners, service, connection, shutdown, tasks: TaskTracker::new(), _folder: folder })
    }

    /// The IM core alone, and the front door of the installation: what is the engine's business is passed on.
    pub async fn im(
        (common, im): (CommonConfig, ImConfig),
        engine: Option<EngineAddress>,
        listen: SocketAddr,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let folder = DataFolder::open(&common.data, &[Part::ImCore])?;
        let recorded = metrics::install()?;
        let tasks = TaskTracker::new();
        let listeners = Listeners::open(Some(listen), None).await?;
        let address = engine.map_or_else(|| engine_of_folder(folder.path()), Ok)?;
        let admin_key = folder.admin_key(common.admin_key)?;

        let (directory, known) = Directory::load(folder.path())?;
        let directory = Arc::new(directory);
        let mut follower = Follower::new(address.clone(), admin_key.clone(), directory.clone());
        if !known {
            shutdown.run_until_cancelled(follower.meet()).await.context("stopped before the engine answered")??;
        }
        let saved = Connection::load_from(folder.path(), ConnectionFile::Installation)?;
        let apps = directory.apps();
        let named = saved.and_then(|saved| apps.iter().find(|app| app.id.as_str() == saved.app_id).cloned());
        let app = named.or_else(|| apps.first().cloned()).context("the engine has no app")?;
        let connection = Connection {
            url: listeners.url()?.unwrap_or_default(),
            engine: Some(address.to_string()),
            app_id: app.id.to_string(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            admin_key,
            data: folder.path().to_owned(),
        };
        connection.save(ConnectionFile::Installation)?;

        let calls = Arc::new(EngineProcess::new(&address, directory.clone()));
        let (core, gateway) =
            open_im_core((folder.path(), &common.cache), im, (directory, calls), &tasks, &shutdown).await?;
        tasks.spawn(follower.run(core.clone(), connection.clone(), shutdown.clone()));
        let engine = forwarded(address, shutdown.clone());
        let router = gateway
            .router()
            .merge(engine.rpc)
            .merge(control::im::router(core, engine.control))
            .merge(prometheus::router(recorded, None, connection.admin_key.clone()));
        Ok(Self { listeners, service: Answers::Router(router), connection, shutdown, tasks, _folder: folder })
    }

    /// Address and keys.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Answers until the shutdown token is cancelled, then lets requests in flight finish.
    pub async fn serve(self) -> anyhow::Result<()> {
        take_all_file_handles();
        self.listeners.serve(self.service, self.shutdown).await;
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work was still going on after {DRAIN_TIMEOUT:?}; stopping anyway");
        }
        Ok(())
    }
}

fn connection_to(
    app: &App,
    folder: &DataFolder,
    admin_key: Option<String>,
    url: String,
    engine: Option<String>,
) -> anyhow::Result<Connection> {
    Ok(Connection {
        url,
        engine,
        app_id: app.id.clone(),
        app_key: app.app_key.clone(),
        master_key: app.master_key.clone(),
        hook_key: app.hook_key.clone(),
        admin_key: folder.admin_key(admin_key)?,
        data: folder.path().to_owned(),
    })
}

async fn open_im_core(
    (data, cache): (&Path, &CacheConfig),
    config: ImConfig,
    (apps, engine): (Arc<dyn AppDirectory>, Arc<dyn HookEngine>),
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Arc<ImCore>, Gateway)> {
    let database = data.join("im.db");
    let store = SqliteStore::open(&database).map_err(|error| disk::explained(error.into(), &database))?;
    let store = Arc::new(store);
    let queues = hook_queues(&store, cache, data)?;
    let core = Arc::new(ImCore::new(apps, store, queues, engine, tasks.clone(), shutdown.clone()));
    core.hooks.notifications().recover().await;
    let watching = core.clone();
    tasks.spawn(async move { watching.hooks.notifications().watch().await });
    let config = GatewayConfig {
        public_url: config.public_url,
        trust_forwarded_headers: config.trust_forwarded_headers,
        ..GatewayConfig::default()
    };
    let gateway = Gateway::new(core.clone(), config, shutdown.clone(), tasks.clone());
    Ok((core, gateway))
}

/// The app that client commands mean when none is named: that of the last start, while it exists.
async fn app_for_clients(engine: &Engine, saved: Option<&Connection>) -> anyhow::Result<Arc<App>> {
    let known = saved.and_then(|saved| engine.app(&saved.app_id)).or_else(|| engine.apps().into_iter().next());
    match known {
        Some(app) => Ok(app),
        None => Ok(engine.create_app(NewApp::named(FIRST_APP)).await?),
    }
}

async fn open_engine(data: &Path, cache: CacheConfig, options: EngineOptions) -> anyhow::Result<Engine> {
    let this_program = std::env::current_exe().context("cannot find the path of the running program")?;
    let compile_command = vec![this_program.into_os_string(), "compile-module".into()];
    let EngineOptions { logs, egress, api_server } = options;
    let api_server = api_server.map(|url| url.trim_end_matches('/').to_owned());
    let config =
        EngineConfig { cache, logs, egress, api_server, ..EngineConfig::new(data.join("engine"), compile_command) };
    let opened = Engine::open(config).await;
    opened.map_err(|error| disk::explained(error.into(), &data.join("engine/engine.db")))
}

/// Where the engine listens that was last started on the same data folder.
fn engine_of_folder(data: &Path) -> anyhow::Result<EngineAddress> {
    let saved = Connection::load_from(data, ConnectionFile::Engine)?.and_then(|saved| saved.engine);
    let address = saved.unwrap_or_else(|| format!("http://{ENGINE_ADDRESS}"));
    let parsed = address.parse::<EngineAddress>();
    parsed.map_err(|error| InputError::new(error.to_string()).hint("give its address with --engine").into())
}
