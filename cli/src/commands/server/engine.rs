//! `hookd engine`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::flags::{CommonFlags, EngineFlags};
use super::listen_address::listen_address;
use crate::exit::InputError;
use hookd_server::{ENGINE_ADDRESS, Server, stop_on_signal};

/// Start the engine alone; `hookd im` is the other half.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd engine
  hookd engine --rpc-socket /run/hookd/engine.sock
  hookd engine --listen 10.0.0.5:7411 --data /var/lib/hookd-engine

The RPC is not encrypted and carries keys: keep it on a Unix socket, on loopback, or in a private network.
A stop lets the calls in flight finish.")]
pub struct Engine {
    /// Address and port of the RPC, the control API and `/metrics`; port 0 takes a free one
    /// [default: 127.0.0.1:7411, or no port where --rpc-socket is given].
    #[arg(long, env = "HOOKD_ENGINE_LISTEN", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    /// Unix socket of the same; only its owner may use it.
    #[arg(long, env = "HOOKD_RPC_SOCKET", value_name = "PATH")]
    rpc_socket: Option<PathBuf>,
    #[command(flatten)]
    common: CommonFlags,
    #[command(flatten)]
    engine: EngineFlags,
}

impl Engine {
    /// Serves until it is stopped.
    pub async fn run(self) -> anyhow::Result<()> {
        self.common.run("hookd-engine", self.serve()).await
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let listen = match (self.listen, &self.rpc_socket) {
            (None, None) => Some(ENGINE_ADDRESS.parse()?),
            (listen, _) => listen,
        };
        let config = (self.common.config()?, self.engine.config());
        let server =
            Server::engine(config, (listen, self.rpc_socket.clone()), shutdown).await.map_err(InputError::of_server)?;
        let address = server.connection().engine.clone().unwrap_or_default();
        self.common.announce(server.connection(), &format!("Next:     hookd im --engine {address}"));
        server.serve().await.map_err(InputError::of_server)
    }
}
