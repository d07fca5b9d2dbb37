//! `hookd up`

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hookd_runtime::LogRetention;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::limits::parse_bytes;
use super::{Cli, Command, ParseError, first_line};
use crate::client::default_data_folder;
use crate::exit::InputError;
use crate::output;
use crate::server::{Server, ServerConfig, stop_on_signal};

/// Start the engine and the IM core in one process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd up
  hookd up --listen 0.0.0.0:7410 --data /var/lib/hookd --public-url https://im.example.org
  hookd up --redis-url redis://127.0.0.1:6379

Options may stand in a file (`hookd config template`); environment and flags go before it. Everything is kept in the data folder. Ctrl-C stops it after the requests in flight.
RUST_LOG sets what is logged to stderr, e.g. RUST_LOG=hookd=debug. What functions write is for `hookd logs`;
RUST_LOG=info,hookd::hook_log=info shows it here as well.")]
pub struct Up {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "HOOKD_LISTEN", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Folder for messages, modules and keys.
    #[arg(long, env = "HOOKD_DATA", default_value_os_t = default_data_folder())]
    data: PathBuf,
    /// URL under which clients reach this server when a proxy stands before it.
    #[arg(long, env = "HOOKD_PUBLIC_URL")]
    public_url: Option<String>,
    /// Believe `X-Forwarded-For` and `X-Forwarded-Proto`. Only right behind a proxy that sets both.
    #[arg(long, env = "HOOKD_TRUST_FORWARDED_HEADERS")]
    trust_forwarded_headers: bool,
    /// Redis that holds LeanCache: `redis://host:port`, or `redis-cluster://host:port,host:port`. Without it LeanCache is
    /// in memory, and empty after a restart.
    #[arg(long, env = "HOOKD_REDIS_URL", value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Bytes of log lines that are kept of each app.
    #[arg(long, env = "HOOKD_LOG_BYTES_PER_APP", value_name = "BYTES", default_value = "16MiB", value_parser = parse_bytes)]
    log_bytes_per_app: u64,
    /// How long log lines of functions are kept.
    #[arg(long, env = "HOOKD_LOG_AGE", value_name = "DURATION", default_value = "7days",
        value_parser = humantime::parse_duration)]
    log_age: Duration,
    /// File with these options [default: `hookd.toml` in the data folder, where there is one].
    #[arg(long, env = "HOOKD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// When ready, print address and keys as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What functions write may be what users wrote to each other: it belongs to the app's own log.
const DEFAULT_LOG: &str = "info,hookd::hook_log=off";

/// For clients on this machine only.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_410);

impl Up {
    /// Where it would listen.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The Redis it would use.
    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_deref()
    }

    /// As environment, file and defaults have it, for a data folder and perhaps an address.
    pub fn as_configured(listen: Option<SocketAddr>, data: &Path) -> anyhow::Result<Self> {
        let mut arguments = vec!["hookd".into(), "up".into(), "--data".into(), data.as_os_str().to_owned()];
        arguments.extend(listen.into_iter().flat_map(|listen| ["--listen".into(), listen.to_string().into()]));
        match Cli::read(&arguments) {
            Ok(Cli { command: Command::Up(up) }) => Ok(up),
            Ok(_) => anyhow::bail!("`hookd up` was read as another command"),
            Err(ParseError::Usage(usage)) => Err(InputError::new(first_line(&usage)).into()),
            Err(ParseError::Input(problem)) => Err(problem.into()),
        }
    }

    /// Serves until it is told to stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let json = self.json;
        let server = self.start(shutdown, DEFAULT_LOG).await?;
        let connection = server.connection();
        if json {
            output::json(connection)?;
        } else {
            output::data(&format!(
                "hookd listens on {url}\n\n  app id      {app_id}\n  app key     {app_key}\n  master key  \
                 {master_key}\n  hook key    {hook_key}\n  data        {data}\n\nClients:  new Realtime({{ appId: \
                 '{app_id}', appKey: '{app_key}', server: '{url}' }})\nHooks:    hookd new my-hooks && hookd deploy \
                 my-hooks --prod\nStop:     Ctrl-C",
                url = connection.url,
                app_id = connection.app_id,
                app_key = connection.app_key,
                master_key = connection.master_key,
                hook_key = connection.hook_key,
                data = connection.data.display(),
            ));
        }
        server.serve().await
    }

    /// Starts the log, `log` unless RUST_LOG says otherwise, and the server, which listens then and does not answer yet.
    pub async fn start(self, shutdown: CancellationToken, log: &str) -> anyhow::Result<Server> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log));
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
        let config = ServerConfig {
            listen: self.listen,
            data: self.data,
            public_url: self.public_url,
            trust_forwarded_headers: self.trust_forwarded_headers,
            redis_url: self.redis_url,
            logs: LogRetention { bytes_per_app: self.log_bytes_per_app, age: self.log_age },
        };
        Server::start(config, shutdown).await
    }
}
