//! `hookd up`

use std::net::SocketAddr;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::server_flags::{CommonFlags, ImFlags, first_steps};
use crate::server::{Server, stop_on_signal};

/// Start the engine and the IM core in one process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd up
  hookd up --listen 0.0.0.0:7410 --data /var/lib/hookd --public-url https://im.example.org
  hookd up --redis-url redis://127.0.0.1:6379

Everything is kept in the data folder. Ctrl-C stops it after the requests in flight.
RUST_LOG sets what is logged to stderr, e.g. RUST_LOG=hookd=debug.
`hookd engine` and `hookd im` are the same two parts as processes of their own, on the same folder.")]
pub struct Up {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "HOOKD_LISTEN", default_value = "127.0.0.1:7410")]
    listen: SocketAddr,
    #[command(flatten)]
    common: CommonFlags,
    #[command(flatten)]
    im: ImFlags,
}

impl Up {
    /// Serves until it is told to stop.
    pub async fn run(self) -> anyhow::Result<()> {
        self.common.run("hookd", self.serve()).await
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let config = (self.common.config(), self.im.config());
        let server = Server::up(config, self.listen, shutdown).await?;
        self.common.announce(server.connection(), &first_steps(server.connection()))?;
        server.serve().await
    }
}
