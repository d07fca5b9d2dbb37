//! The socket and HTTP side of the IM core: decodes commands, calls use cases, encodes replies and pushes.

mod config;

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::GatewayConfig;

use crate::core::ImCore;

/// The gateway of one node.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<ImCore>,
    config: GatewayConfig,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// A gateway over `core`. Sockets close with 1001 once `shutdown` is cancelled; `tasks` tracks all of its tasks.
    pub fn new(core: Arc<ImCore>, config: GatewayConfig, shutdown: CancellationToken, tasks: TaskTracker) -> Self {
        Self { shared: Arc::new(Shared { core, config, shutdown, tasks }) }
    }

    /// `/v1/route`, `/1.1/rtm/notifications` and the WebSocket on every other path. Serve it with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Router {
        Router::new()
    }
}
