//! `hookd im`

use std::net::SocketAddr;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::flags::{CommonFlags, ImFlags, first_steps};
use super::listen_address::listen_address;
use crate::exit::InputError;
use hookd_server::remote_engine::EngineAddress;
use hookd_server::{Server, stop_on_signal};

/// Start the IM core alone; `hookd engine` is the other half.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd im                                            # the engine was started on the same data folder
  hookd im --engine unix:/run/hookd/engine.sock
  hookd im --engine http://10.0.0.5:7411 --admin-key KEY --data /var/lib/hookd-im

Clients and client commands (`hookd deploy` …) find everything here: what is the engine's business is passed on. The
chat goes on while the engine is dead, by the failure policy of each app, and finds it again within a second.")]
pub struct Im {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "HOOKD_LISTEN", default_value = "127.0.0.1:7410", value_parser = listen_address)]
    listen: SocketAddr,
    /// Where the engine listens: `http://host:port` or `unix:/path` [default: where the engine of the same data folder
    /// was last started, else http://127.0.0.1:7411].
    #[arg(long, env = "HOOKD_ENGINE", value_name = "ADDRESS")]
    engine: Option<EngineAddress>,
    #[command(flatten)]
    common: CommonFlags,
    #[command(flatten)]
    im: ImFlags,
}

impl Im {
    /// Serves until it is stopped.
    pub async fn run(self) -> anyhow::Result<()> {
        self.common.run("hookd-im", self.serve()).await
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let config = (self.common.config()?, self.im.config()?);
        let server =
            Server::im(config, self.engine.clone(), self.listen, shutdown).await.map_err(InputError::of_server)?;
        self.common.announce(server.connection(), &first_steps(server.connection()));
        server.serve().await.map_err(InputError::of_server)
    }
}
