//! `hookd up`

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::client::default_data_folder;
use crate::output;
use crate::server::{Server, ServerConfig, stop_on_signal};

/// Start the engine and the IM core in one process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd up
  hookd up --listen 0.0.0.0:7410 --data /var/lib/hookd --public-url https://im.example.org
  hookd up --redis-url redis://127.0.0.1:6379

Everything is kept in the data folder. Ctrl-C stops it after the requests in flight.
RUST_LOG sets what is logged to stderr, e.g. RUST_LOG=hookd=debug.")]
pub struct Up {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "HOOKD_LISTEN", default_value = "127.0.0.1:7410")]
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
    /// When ready, print address and keys as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Up {
    /// Serves until it is told to stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let config = ServerConfig {
            listen: self.listen,
            data: self.data,
            public_url: self.public_url,
            trust_forwarded_headers: self.trust_forwarded_headers,
            redis_url: self.redis_url,
        };
        let server = Server::start(config, shutdown).await?;
        let connection = server.connection();
        if self.json {
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
}
