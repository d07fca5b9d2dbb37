//! `hookd up`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::database_flags::DatabaseFlags;
use super::flags::{CommonFlags, EngineFlags, ImFlags, first_steps};
use super::listen_address::listen_address;
use super::parsed::first_line;
use super::redis_flags::RedisFlags;
use crate::commands::{Cli, Command, ParseError};
use crate::exit::InputError;
use hookd_server::{Server, stop_on_signal};

/// Start the engine and the IM core in one process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd up
  hookd up --listen 0.0.0.0:7410 --data /var/lib/hookd --public-url https://im.example.org
  hookd up --redis-url redis://127.0.0.1:6379
  hookd up --database-url postgres://hookd@127.0.0.1/hookd   # instead of a file in the data folder
  hookd up --tls-listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem
  hookd up --allow-private-egress 10.1.2.0/24   # hooks may call services of this network

Everything is kept in the data folder. Ctrl-C stops it after the requests in flight.
Options may stand in a file (`hookd config template`); environment and flags go before it.
RUST_LOG sets what is logged to stderr, e.g. RUST_LOG=hookd=debug. What functions write is for `hookd logs`;
RUST_LOG=info,hookd::hook_log=info shows it here as well.
`hookd engine` and `hookd im` are the same two parts as processes of their own, on the same folder.")]
pub struct Up {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "HOOKD_LISTEN", default_value_t = DEFAULT_LISTEN, value_parser = listen_address)]
    listen: SocketAddr,
    #[command(flatten)]
    common: CommonFlags,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    im: ImFlags,
}

/// For clients on this machine only.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_410);

impl Up {
    /// Where it would listen.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The Redis it would use.
    pub fn redis(&self) -> &RedisFlags {
        self.common.redis()
    }

    /// The database it would use.
    pub fn database(&self) -> &DatabaseFlags {
        self.im.database()
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

    /// Serves until it is stopped.
    pub async fn run(self) -> anyhow::Result<()> {
        self.common.run("hookd", self.serve()).await
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let server = self.start(shutdown).await?;
        self.common.announce(server.connection(), &first_steps(server.connection()));
        server.serve().await.map_err(InputError::of_server)
    }

    /// Starts the server, which listens then and does not answer yet.
    pub async fn start(&self, shutdown: CancellationToken) -> anyhow::Result<Server> {
        let config = (self.common.config()?, self.engine.config(), self.im.config()?);
        Server::up(config, self.listen, shutdown).await.map_err(InputError::of_server)
    }
}
