//! Puts the parts together: both in one process, or each in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_types::{Connection, ConnectionFile, Profile};
use axum::Router;
use hookd_im_core::app::AppDirectory;
use hookd_im_core::core::ImCore;
use hookd_im_core::hooks::{AppSettings, HookEngine};
use hookd_im_core::store::Store;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_im_store::sqlite::SqliteStore;
use hookd_runtime::{
    AddressGuard, App, CacheConfig, EgressConfig, Engine, EngineConfig, LogRetention, Network, NewApp,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::control::{self, Installation};
use super::directory::{Deletions, Directory, EngineProcess, Follower};
use super::error::{ConfigError, ServerError, Step as _};
use super::gateway::{Gateway, GatewayConfig, LocalDelivery};
use super::http::{
    Certificate, ForwardingTrust, Listeners, RequestHandler, Service, TlsConfig, absolute, forwarded, self_signed,
};
use super::in_memory_engine::{EgressAddresses, EngineApps, InMemoryEngine};
use super::observability::metrics;
use super::observability::prometheus::Metrics;
use super::process::data_folder::{DataFolder, Part};
use super::process::disk;
use super::process::lifecycle::{DRAIN_TIMEOUT, survive_file_size_limit, take_all_file_handles};
use super::process::node::next_node;
use super::push_gateway::HttpPushGateway;
use super::remote_engine::{AddressCheck, EngineAddress, EngineOfApp};
use super::rpc::RpcService;
use super::waiting_calls_in_redis;

/// The app that a new data folder begins with, to try everything out.
const FIRST_APP: &str = "demo";

/// The program of this process, also after its file was replaced or removed: another version's machine code would not fit.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Where `hookd engine` listens by default.
pub const ENGINE_ADDRESS: &str = "127.0.0.1:7411";

/// The options of every process.
pub struct CommonConfig {
    /// Everything that is kept.
    pub data: PathBuf,
    /// The admin key of the installation, when it is not the one kept in the data folder.
    pub admin_key: Option<String>,
    /// Redis for LeanCache; without one it is in memory.
    pub cache: CacheConfig,
    /// Networks that apps may send requests to though they are not public.
    pub private_networks: Vec<Network>,
    /// The listener that shows metrics without a key, besides the listener that asks for the admin key.
    pub metrics_listen: Option<SocketAddr>,
    /// A proxy before this process is believed what it says of the client's address and scheme.
    pub trust_forwarded_headers: bool,
}

/// The options of the engine, in every kind of process.
pub struct EngineOptions {
    /// How long what functions write is kept.
    pub logs: LogRetention,
    /// Base URL of the REST API, as functions see it.
    pub api_server: Option<String>,
    /// Linear memory that all running calls together may hold.
    pub guest_memory_bytes: u64,
}

/// The options of the IM core, in every kind of process.
pub struct ImConfig {
    /// URL under which clients reach the server, when it is not the address they connect to (P-15).
    pub public_url: Option<String>,
    /// The same place over HTTP, for functions that call the REST API.
    pub public_api_url: Option<String>,
    /// The database, when it is not a file in the data folder.
    pub database: Option<PostgresAddress>,
    /// Clients are served over TLS too.
    pub tls: Option<TlsConfig>,
}

/// A composed process that listens, and does not answer yet.
pub struct Server {
    listeners: Listeners,
    service: Service,
    metrics: Option<(Listeners, Router)>,
    connection: Connection,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Absent in the IM core alone.
    engine: Option<Engine>,
    _folder: DataFolder,
}

impl Server {
    /// Engine and IM core in one process, on one port.
    pub async fn up(
        (common, mut options, im): (CommonConfig, EngineOptions, ImConfig),
        listen: SocketAddr,
        shutdown: CancellationToken,
    ) -> Result<Self, ServerError> {
        options.api_server = options.api_server.or_else(|| im.public_api_url.clone());
        survive_file_size_limit()?;
        let folder = DataFolder::open(&common.data, &[Part::Engine, Part::ImCore])?;
        let recorded = metrics::install()?;
        let tasks = TaskTracker::new();
        let cache = common.cache.clone();
        let engine = open_engine(folder.path(), cache.clone(), &common.private_networks, options).await?;
        let app = app_for_clients(&engine, Connection::load(folder.path())?.as_ref()).await?;
        let listeners = listen_for_clients(listen, &im, folder.path(), &shutdown).await?;
        for url in listeners.url()?.iter().chain(&listeners.tls_url()?).chain(&im.public_api_url) {
            engine.add_own_url(url);
        }
        let measured = Metrics { recorded, engine: Some(engine.clone()) };
        let metrics = open_metrics(common.metrics_listen, &measured).await?;
        let (url, tls) = (listeners.url()?.unwrap_or_default(), listeners.tls_url()?);
        let urls = Urls { url, tls, engine: None, metrics: url_of(&metrics)? };
        let connection = connection_to(&app, &folder, common.admin_key, urls)?;
        connection.save(ConnectionFile::Installation)?;
        Connection::forget_engine(folder.path())?;

        let (directory, _) = Directory::load(folder.path())?;
        let directory = Arc::new(directory);
        directory.follow(&engine).await?;
        let apps = Arc::new(EngineApps(engine.clone(), directory.clone()));
        let calls = Arc::new(InMemoryEngine(engine.clone()));
        let addresses: Arc<dyn AddressCheck> = Arc::new(EgressAddresses(AddressGuard::new(common.private_networks)));
        let parts = (apps as _, calls as _, addresses.clone());
        let (core, gateway) = open_im_core((folder.path(), &cache), im, parts, &tasks, &shutdown).await?;
        let deletions = Deletions::load(folder.path())?;
        tasks.spawn(deletions.follow((engine.clone(), directory.clone()), core.clone(), shutdown.clone()));
        let installation = Installation::new(connection.clone(), ConnectionFile::Installation);
        let control = control::router(engine.clone(), installation, shutdown.clone());
        let router = gateway
            .router()
            .merge(control::im::router(
                (core, gateway.lifecycle(), directory),
                control,
                &connection.admin_key,
                addresses,
            ))
            .merge(measured.for_admin(connection.admin_key.clone()));
        let trust = ForwardingTrust { proxy: common.trust_forwarded_headers, front_key: None };
        let service = Service { handler: RequestHandler::Rpc(RpcService::new(engine.clone(), router)), trust };
        Ok(Self { listeners, service, metrics, connection, shutdown, tasks, engine: Some(engine), _folder: folder })
    }

    /// The engine alone: over TCP, over a Unix socket, or over both.
    pub async fn engine(
        (common, options): (CommonConfig, EngineOptions),
        (listen, socket): (Option<SocketAddr>, Option<PathBuf>),
        shutdown: CancellationToken,
    ) -> Result<Self, ServerError> {
        survive_file_size_limit()?;
        let folder = DataFolder::open(&common.data, &[Part::Engine])?;
        let recorded = metrics::install()?;
        let engine = open_engine(folder.path(), common.cache, &common.private_networks, options).await?;
        let saved = Connection::load_from(folder.path(), ConnectionFile::Engine)?;
        let app = app_for_clients(&engine, saved.as_ref()).await?;
        let socket = socket.as_deref().map(absolute).transpose()?;
        let listeners = Listeners::open(listen, socket.as_deref()).await?;
        if let Some(url) = listeners.url()? {
            engine.add_own_url(&url);
        }
        let over_the_socket = socket.map(|path| EngineAddress::Socket(path).to_string());
        let url = listeners.url()?.or_else(|| over_the_socket.clone()).unwrap_or_default();
        let address = over_the_socket.unwrap_or_else(|| url.clone());
        let measured = Metrics { recorded, engine: Some(engine.clone()) };
        let metrics = open_metrics(common.metrics_listen, &measured).await?;
        let urls = Urls { url, tls: None, engine: Some(address), metrics: url_of(&metrics)? };
        let connection = connection_to(&app, &folder, common.admin_key, urls)?;
        connection.save(ConnectionFile::Engine)?;

        let installation = Installation::new(connection.clone(), ConnectionFile::Engine);
        let control = control::router(engine.clone(), installation, shutdown.clone());
        let router = control.merge(measured.for_admin(connection.admin_key.clone()));
        let front_key = Some(connection.admin_key.as_str().into());
        let trust = ForwardingTrust { proxy: common.trust_forwarded_headers, front_key };
        let service = Service { handler: RequestHandler::Rpc(RpcService::new(engine.clone(), router)), trust };
        let tasks = TaskTracker::new();
        Ok(Self { listeners, service, metrics, connection, shutdown, tasks, engine: Some(engine), _folder: folder })
    }

    /// The IM core alone, and the front door of the installation: requests for the engine are passed on.
    pub async fn im(
        (common, im): (CommonConfig, ImConfig),
        engine: Option<EngineAddress>,
        listen: SocketAddr,
        shutdown: CancellationToken,
    ) -> Result<Self, ServerError> {
        survive_file_size_limit()?;
        let folder = DataFolder::open(&common.data, &[Part::ImCore])?;
        let recorded = metrics::install()?;
        let tasks = TaskTracker::new();
        let listeners = listen_for_clients(listen, &im, folder.path(), &shutdown).await?;
        let address = engine.map_or_else(|| engine_of_folder(folder.path()), Ok)?;
        let admin_key = folder.admin_key(common.admin_key)?;

        let (directory, known) = Directory::load(folder.path())?;
        let directory = Arc::new(directory);
        let reached_at = listeners.url()?.into_iter().chain(listeners.tls_url()?);
        let reached_at = reached_at.chain(im.public_api_url.clone()).collect();
        let follower = Follower::new(address.clone(), admin_key.clone(), directory.clone());
        let mut follower = follower.reached_at(reached_at);
        if !known {
            shutdown
                .run_until_cancelled(follower.meet())
                .await
                .ok_or_else(|| ServerError::Missing("stopped before the engine answered".to_owned()))??;
        }
        let saved = Connection::load_from(folder.path(), ConnectionFile::Installation)?;
        let apps = directory.apps();
        let named = saved.and_then(|saved| apps.iter().find(|app| app.id.as_str() == saved.app_id).cloned());
        let app = named.or_else(|| apps.first().cloned());
        let app = app.ok_or_else(|| ServerError::Missing("the engine has no app".to_owned()))?;
        let measured = Metrics { recorded, engine: None };
        let metrics = open_metrics(common.metrics_listen, &measured).await?;
        let connection = Connection {
            url: listeners.url()?.unwrap_or_default(),
            tls: listeners.tls_url()?,
            engine: Some(address.to_string()),
            metrics: url_of(&metrics)?,
            app_id: app.id.to_string(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            admin_key,
            data: folder.path().to_owned(),
        };
        connection.save(ConnectionFile::Installation)?;

        let calls = Arc::new(EngineProcess::new(&address, directory.clone()));
        let addresses: Arc<dyn AddressCheck> = Arc::new(EgressAddresses(AddressGuard::new(common.private_networks)));
        let parts = (directory.clone() as _, calls as _, addresses.clone());
        let (core, gateway) = open_im_core((folder.path(), &common.cache), im, parts, &tasks, &shutdown).await?;
        let kept = (connection.clone(), Deletions::load(folder.path())?);
        tasks.spawn(follower.run(core.clone(), kept, shutdown.clone()));
        let engine = forwarded(address, &connection.admin_key, directory.clone(), shutdown.clone());
        let router = gateway
            .router()
            .merge(engine.rpc)
            .merge(control::im::router(
                (core, gateway.lifecycle(), directory),
                engine.control,
                &connection.admin_key,
                addresses,
            ))
            .merge(measured.for_admin(connection.admin_key.clone()));
        let trust = ForwardingTrust { proxy: common.trust_forwarded_headers, front_key: None };
        let service = Service { handler: RequestHandler::Router(router), trust };
        Ok(Self { listeners, service, metrics, connection, shutdown, tasks, engine: None, _folder: folder })
    }

    /// Address and keys.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Answers until the shutdown token is cancelled, then lets requests in flight finish.
    pub async fn serve(self) -> Result<(), ServerError> {
        take_all_file_handles();
        let Self { listeners, service, metrics, shutdown, tasks, engine, connection: _, _folder: folder } = self;
        let serving_metrics = async {
            let Some((listeners, answers)) = metrics else { return };
            let service = Service { handler: RequestHandler::Router(answers), trust: ForwardingTrust::default() };
            listeners.serve(service, shutdown.clone()).await;
        };
        tokio::join!(listeners.serve(service, shutdown.clone()), serving_metrics);
        tasks.close();
        let work = async {
            tasks.wait().await;
            if let Some(engine) = &engine {
                engine.work_is_done().await;
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, work).await.is_err() {
            tracing::warn!("background work was still going on after {DRAIN_TIMEOUT:?}; stopping anyway");
        }
        drop(folder);
        Ok(())
    }
}

/// Where a process is reached; see [`Connection`].
struct Urls {
    url: String,
    tls: Option<String>,
    engine: Option<String>,
    metrics: Option<String>,
}

fn connection_to(
    app: &App,
    folder: &DataFolder,
    admin_key: Option<String>,
    Urls { url, tls, engine, metrics }: Urls,
) -> Result<Connection, ServerError> {
    Ok(Connection {
        url,
        tls,
        engine,
        metrics,
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
    (apps, engine, addresses): (Arc<dyn AppDirectory>, Arc<dyn HookEngine>, Arc<dyn AddressCheck>),
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<(Arc<ImCore>, Gateway), ServerError> {
    let store = open_store(data, config.database.as_ref()).await?;
    let settings = Arc::new(AppSettings::new(store.clone()).of_apps(apps.clone()));
    let own = (engine, apps.clone());
    let gateway = HttpPushGateway::new(addresses.clone()).step(|| "cannot set up TLS for push gateways".to_owned())?;
    let engine = EngineOfApp::new(own, addresses, settings.clone(), tasks.clone(), shutdown.clone());
    let (node, earlier) = next_node(data)?;
    if let CacheConfig::Redis(redis) = cache {
        waiting_calls_in_redis::take_over(redis, store.as_ref(), (&node, earlier.as_ref())).await;
    }
    let delivery = Arc::new(LocalDelivery::with_settings(settings.clone()));
    let engine = (Arc::new(engine) as _, Arc::new(gateway) as _, settings);
    let core = ImCore::new(node, (apps, store), engine, delivery.clone(), tasks.clone(), shutdown.clone());
    let core = Arc::new(core);
    core.hooks.notifications().recover(earlier.as_ref()).await;
    let watching = core.clone();
    tasks.spawn(async move { watching.hooks.notifications().watch().await });
    let config = GatewayConfig { public_url: config.public_url, ..GatewayConfig::default() };
    let gateway = Gateway::new((core.clone(), delivery), config, shutdown.clone(), tasks.clone());
    Ok((core, gateway))
}

async fn open_store(data: &Path, database: Option<&PostgresAddress>) -> Result<Arc<dyn Store>, ServerError> {
    let Some(address) = database else {
        let file = data.join("im.db");
        let store = SqliteStore::open(&file).map_err(|error| disk::explained(error, &file))?;
        return Ok(Arc::new(store));
    };
    let store = PostgresStore::open(address).await;
    Ok(Arc::new(store.step(|| format!("the database `{address}` cannot be used"))?))
}

/// Where clients are served.
async fn listen_for_clients(
    listen: SocketAddr,
    im: &ImConfig,
    data: &Path,
    shutdown: &CancellationToken,
) -> Result<Listeners, ServerError> {
    let listeners = Listeners::open(Some(listen), None).await?;
    let Some(TlsConfig { listen, certificate }) = &im.tls else { return Ok(listeners) };
    let files = match certificate {
        Certificate::Files(files) => files.clone(),
        Certificate::SelfSigned => self_signed(data, *listen, im.public_url.as_deref())?,
    };
    listeners.with_tls(*listen, files, shutdown.clone()).await
}

/// The listener of metrics alone, and what answers there.
async fn open_metrics(
    address: Option<SocketAddr>,
    measured: &Metrics,
) -> Result<Option<(Listeners, Router)>, ServerError> {
    let Some(address) = address else { return Ok(None) };
    let listeners = Listeners::for_metrics(address).await?;
    Ok(Some((listeners, measured.clone().for_everyone(address.ip().to_canonical().is_loopback()))))
}

fn url_of(metrics: &Option<(Listeners, Router)>) -> Result<Option<String>, ServerError> {
    let url = metrics.as_ref().map(|(listeners, _)| listeners.url()).transpose()?.flatten();
    Ok(url.map(|url| format!("{url}/metrics")))
}

/// The default app of client commands: that of the last start, while it exists.
async fn app_for_clients(engine: &Engine, saved: Option<&Connection>) -> Result<Arc<App>, ServerError> {
    let known = saved.and_then(|saved| engine.app(&saved.app_id)).or_else(|| engine.apps().into_iter().next());
    match known {
        Some(app) => Ok(app),
        None => {
            let first = NewApp { profile: Profile::Open, ..NewApp::named(FIRST_APP) };
            engine.create_app(first).await.step(|| "cannot create the first app".to_owned())
        }
    }
}

async fn open_engine(
    data: &Path,
    cache: CacheConfig,
    private_networks: &[Network],
    options: EngineOptions,
) -> Result<Engine, ServerError> {
    let compile_command = vec![THIS_PROGRAM.into(), "compile-module".into()];
    let EngineOptions { logs, api_server, guest_memory_bytes: memory_budget } = options;
    let egress = EgressConfig { private_networks: private_networks.to_vec(), ..EgressConfig::default() };
    let api_server = api_server.map(|url| url.trim_end_matches('/').to_owned());
    let defaults = EngineConfig::new(data.join("engine"), compile_command);
    let config = EngineConfig { cache, logs, egress, api_server, memory_budget, ..defaults };
    let opened = Engine::open(config).await;
    opened.map_err(|error| disk::explained(error, &data.join("engine/engine.db")))
}

/// Where the engine listens that was last started on the same data folder.
fn engine_of_folder(data: &Path) -> Result<EngineAddress, ServerError> {
    let saved = Connection::load_from(data, ConnectionFile::Engine)?.and_then(|saved| saved.engine);
    let address = saved.unwrap_or_else(|| format!("http://{ENGINE_ADDRESS}"));
    let parsed = address.parse::<EngineAddress>();
    parsed.map_err(|error| ConfigError::new(error.to_string(), "give its address with --engine").into())
}
