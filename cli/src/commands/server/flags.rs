//! Flags of the processes that serve. `hookd im` has a group besides the common one, and so has `hookd up`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api_types::Connection;
use clap::Args;
use hookd_runtime::{CacheConfig, LogRetention, Network};

use super::database_flags::DatabaseFlags;
use super::listen_address::listen_address;
use super::public_url::{PublicUrl, api_url};
use super::redis_flags::RedisFlags;
use super::tls_flags::TlsFlags;
use crate::client::default_data_folder;
use crate::commands::limits::parse_bytes;
use crate::exit::InputError;
use crate::output;
use crate::secrets::SecretParser;
use hookd_server::{CommonConfig, EngineOptions, ImConfig, Traces, log};

/// Flags of every process that serves.
#[derive(Debug, Args)]
pub struct CommonFlags {
    /// Folder for messages, modules and keys.
    #[arg(long, env = "HOOKD_DATA", default_value_os_t = default_data_folder())]
    data: PathBuf,
    /// Admin key of the installation [default: `admin.key` in the data folder, made at the first start].
    #[arg(long, env = "HOOKD_ADMIN_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    admin_key: Option<String>,
    #[command(flatten)]
    redis: RedisFlags,
    /// Send traces to this OTLP receiver (HTTP), e.g. http://127.0.0.1:4318 [default: no traces].
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Let functions send HTTP requests into this network, and owners of apps name an engine in it (`hookd settings
    /// --engine-url`), though it is not public; may be given several times. Of functions, the app must allow the host too.
    #[arg(long, value_name = "CIDR", env = "HOOKD_ALLOW_PRIVATE_EGRESS", value_delimiter = ',')]
    allow_private_egress: Vec<Network>,
    /// Address and port for `/metrics` alone, without a key, e.g. 127.0.0.1:9464; port 0 takes a free port [default:
    /// none; where clients are served, `/metrics` needs the admin key].
    #[arg(long, env = "HOOKD_METRICS_LISTEN", value_name = "ADDRESS", value_parser = listen_address)]
    metrics_listen: Option<SocketAddr>,
    /// Believe `X-Forwarded-For` and `X-Forwarded-Proto`, and where they are absent `Forwarded` and `X-Real-IP`. Use it
    /// only when all clients come through a proxy that sets the first two. Without it, the peer of the connection is
    /// the client.
    #[arg(long, env = "HOOKD_TRUST_FORWARDED_HEADERS")]
    trust_forwarded_headers: bool,
    /// File with these options [default: `hookd.toml` in the data folder, if it exists].
    #[arg(long, env = "HOOKD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// When ready, print address and keys as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of the engine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineFlags {
    /// Base URL of the REST API, which functions read as `LEANCLOUD_API_SERVER` [default: the public URL of `hookd up`, if it
    /// has one].
    #[arg(long, env = "HOOKD_API_SERVER", value_name = "URL", value_parser = api_url)]
    api_server: Option<String>,
    /// Bytes of log lines that are kept for each app.
    #[arg(long, env = "HOOKD_LOG_BYTES_PER_APP", value_name = "BYTES", default_value = "16MiB", value_parser = parse_bytes)]
    log_bytes_per_app: u64,
    /// How long log lines of functions are kept.
    #[arg(long, env = "HOOKD_LOG_AGE", value_name = "DURATION", default_value = "7days",
        value_parser = humantime::parse_duration)]
    log_age: Duration,
    /// Memory that all running calls together may hold, 16MiB at least, of which one app gets three quarters at most.
    #[arg(long, env = "HOOKD_GUEST_MEMORY", value_name = "BYTES", default_value = "256MiB", value_parser = guest_memory)]
    guest_memory: u64,
}

/// Flags of the IM core.
#[derive(Debug, Args)]
#[command(next_help_heading = "IM core")]
pub struct ImFlags {
    /// URL at which clients reach this server through a proxy, e.g. `https://im.example.org`.
    #[arg(long, env = "HOOKD_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    tls: TlsFlags,
}

/// Less has no room for the modules of languages with a runtime.
const LEAST_GUEST_MEMORY_BYTES: u64 = 16 << 20;

fn guest_memory(text: &str) -> Result<u64, String> {
    match parse_bytes(text)? {
        bytes if bytes < LEAST_GUEST_MEMORY_BYTES => {
            Err(format!("`{text}` is too little for functions; give 16MiB or more"))
        }
        bytes => Ok(bytes),
    }
}

/// Functions may write messages of users: their output belongs to the app's own log. The HTTP/2 library logs the faults
/// of peers: any stranger could fill the log with them.
const DEFAULT_LOG: &str = "info,h2=off,hookd::hook_log=off";

impl CommonFlags {
    /// Runs a process that serves, with its log and its traces, which are those of `service`.
    pub async fn run(
        &self,
        service: &'static str,
        serve: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        log::start(DEFAULT_LOG).map_err(InputError::of_server)?;
        let traces = match self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
            Some(endpoint) => Some(Traces::start(endpoint, service).map_err(InputError::of_server)?),
            None => None,
        };
        let served = serve.await;
        if let Some(traces) = traces {
            traces.finish().await;
        }
        served
    }

    /// The options of the process.
    ///
    /// # Errors
    /// The given Redis cannot be used.
    pub fn config(&self) -> Result<CommonConfig, InputError> {
        let cache = self.redis.address()?.map_or_else(CacheConfig::default, CacheConfig::Redis);
        Ok(CommonConfig {
            data: self.data.clone(),
            admin_key: self.admin_key.clone(),
            cache,
            private_networks: self.allow_private_egress.clone(),
            metrics_listen: self.metrics_listen,
            trust_forwarded_headers: self.trust_forwarded_headers,
        })
    }

    /// The Redis of these flags.
    pub fn redis(&self) -> &RedisFlags {
        &self.redis
    }

    /// Prints the addresses of the process, and on a terminal the next steps; the keys with `--json` and on a terminal.
    ///
    /// A server with a closed standard output, as of a daemon, or with one on a full disk, starts nevertheless.
    pub fn announce(&self, connection: &Connection, next: &str) {
        if let Err(error) = self.print(connection, next) {
            tracing::warn!("{error:#}");
        }
    }

    fn print(&self, connection: &Connection, next: &str) -> anyhow::Result<()> {
        if self.json {
            return output::json(connection);
        }
        let line = |name: &str, url: &Option<String>| {
            url.as_ref().map(|url| format!("\n  {name:<10}  {url}")).unwrap_or_default()
        };
        let others = [("TLS", &connection.tls), ("engine", &connection.engine), ("metrics", &connection.metrics)];
        let others: String = others.into_iter().map(|(name, url)| line(name, url)).collect();
        // Without a terminal, the output is a service manager's log. More people may read that log than may know the
        // keys.
        let keys = if std::io::stdout().is_terminal() {
            let Connection { app_key, master_key, hook_key, .. } = connection;
            format!("  app key     {app_key}\n  master key  {master_key}\n  hook key    {hook_key}\n")
        } else {
            "  keys        in `connection.json` of the data folder\n".to_owned()
        };
        output::data(&format!(
            "hookd listens on {}\n{others}\n  app id      {}\n{keys}  data        {}\n\n{next}\nStop:     Ctrl-C",
            connection.url,
            connection.app_id,
            connection.data.display(),
        ))
    }
}

impl EngineFlags {
    /// The options of the engine.
    pub fn config(&self) -> EngineOptions {
        EngineOptions {
            logs: LogRetention { bytes_per_app: self.log_bytes_per_app, age: self.log_age },
            api_server: self.api_server.clone(),
            guest_memory_bytes: self.guest_memory,
        }
    }
}

impl ImFlags {
    /// The options of the IM core.
    ///
    /// # Errors
    /// The given database cannot be used, or the flags about TLS contradict each other.
    pub fn config(&self) -> Result<ImConfig, InputError> {
        Ok(ImConfig {
            public_url: self.public_url.as_ref().map(|url| url.as_str().to_owned()),
            public_api_url: self.public_url.as_ref().map(PublicUrl::over_http),
            database: self.database.address()?,
            tls: self.tls.config()?,
        })
    }

    /// The database of these flags.
    pub fn database(&self) -> &DatabaseFlags {
        &self.database
    }
}

/// The next steps, for a server of clients.
pub fn first_steps(connection: &Connection) -> String {
    format!(
        "Clients:  new Realtime({{ appId: '{}', appKey: '{}', server: '{}' }})\nHooks:    hookd new my-hooks && hookd \
         deploy my-hooks --prod",
        connection.app_id, connection.app_key, connection.url
    )
}
