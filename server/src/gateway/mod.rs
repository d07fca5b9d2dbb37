//! The socket and HTTP side of the IM core: decodes commands, calls use cases, encodes replies and pushes.
//!
//! One loop owns each socket (`connection`), decides what a command means (`dispatch`), carries session commands out
//! itself and starts a tracked task for everything that may wait. All output goes through one bounded queue (`queue`).
//! To add a command: an arm in `dispatch::carry_out` and a function in the module of its subject.

mod answer_size;
mod byte_budget;
mod client_rates;
mod closing;
mod config;
mod connection;
mod conversation_commands;
mod dispatch;
mod local_delivery;
mod login_events;
mod member_info;
mod message_commands;
mod notifications;
mod on_login;
mod outgoing;
pub(crate) mod outgoing_rates;
mod pending;
pub(crate) mod protocol;
mod queue;
mod receipt_commands;
mod reject;
mod reply_gate;
mod request_order;
mod restriction_commands;
mod route;
mod session_commands;
mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{Any, CorsLayer};

pub use config::GatewayConfig;
pub use local_delivery::LocalDelivery;
pub use on_login::OnLogin;
pub use route::ClientOverTls;

use hookd_im_core::app_shares::AppShares;
use hookd_im_core::conversations;
use hookd_im_core::core::ImCore;
use hookd_im_core::ids::ConnectionId;
use hookd_im_core::messages::{Will, deliver_will};
use hookd_im_core::presence::SessionLifecycle;

/// Clients of one app for which it is looked up at a time what they missed. After a restart all of them come at once: more
/// would be more than the store lets wait.
const LOOKING_UP: usize = 64;

/// How often it is asked whether open sessions are to be noted for a new hook. Costs a look at a set that is mostly empty.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// How often clients are forgotten whose allowances are whole again.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How often temporary conversations are deleted whose life is over. Costs a look at an index that is mostly empty.
const DELETE_EXPIRED_EVERY: Duration = Duration::from_secs(60);

/// How often old messages and idle conversations are deleted. Costs a look at every conversation.
const DELETE_OLD_EVERY: Duration = Duration::from_hours(1);

/// How long browsers may keep the answer to a preflight.
const PREFLIGHT_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The gateway of one node.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    core: Arc<ImCore>,
    delivery: Arc<LocalDelivery>,
    lifecycle: Arc<SessionLifecycle>,
    config: GatewayConfig,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Bytes of large answers that wait for sockets.
    answers: AppShares,
    /// Clients of an app for which it is looked up what they missed.
    looking_up: AppShares,
    connections: Arc<Semaphore>,
    connection_ids: AtomicU64,
}

impl Shared {
    /// Delivers what lost sessions leave, in tasks of their own: the end of a connection waits for no hook.
    fn deliver_wills(&self, wills: Vec<Will>) {
        for will in wills {
            let core = self.core.clone();
            self.tasks.spawn(async move { deliver_will(&core, will).await });
        }
    }

    fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connection_ids.fetch_add(1, Ordering::Relaxed))
    }
}

impl Gateway {
    /// A gateway over `core`, to whose sockets `delivery` takes events. Sockets close with 1001 once `shutdown` is cancelled; `tasks` tracks all of its tasks.
    pub fn new(
        (core, delivery): (Arc<ImCore>, Arc<LocalDelivery>),
        config: GatewayConfig,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        let shared = Shared {
            lifecycle: Arc::new(SessionLifecycle::new(config.session_token_life)),
            answers: AppShares::new(answer_size::APP_ANSWER_BYTES),
            looking_up: AppShares::new(LOOKING_UP),
            connections: Arc::new(Semaphore::new(config.connections.min(Semaphore::MAX_PERMITS))),
            connection_ids: AtomicU64::new(1),
            core,
            delivery,
            config,
            shutdown,
            tasks,
        };
        let shared = Arc::new(shared);
        shared.tasks.spawn(note_open_sessions(shared.clone()));
        shared.tasks.spawn(forget_idle_clients(shared.clone()));
        shared.tasks.spawn(delete_expired(shared.clone()));
        shared.tasks.spawn(delete_old(shared.clone()));
        Self { shared }
    }

    /// What opens and ends the sessions of its sockets.
    pub fn lifecycle(&self) -> Arc<SessionLifecycle> {
        self.shared.lifecycle.clone()
    }

    /// `/v1/route`, `/1.1/rtm/notifications`, `/1.1/classes/_ConversationMemberInfo` and, as the fallback, the WebSocket on every other path. Each request must
    /// carry `ConnectInfo<SocketAddr>`, the address of the client, and [`ClientOverTls`] where that came over TLS.
    pub fn router(&self) -> Router {
        // A base URL with a trailing slash makes clients ask for `//v1/route` (P-14).
        let http = Router::new()
            .route("/v1/route", get(route::route))
            .route("//v1/route", get(route::route))
            .route("/1.1/rtm/notifications", get(notifications::notifications))
            .route("/1.1/classes/_ConversationMemberInfo", get(member_info::member_infos))
            .layer(cors());
        http.fallback(upgrade::upgrade).with_state(self.shared.clone())
    }
}

async fn note_open_sessions(shared: Arc<Shared>) {
    let noting = async {
        let mut ticks = tokio::time::interval(NOTE_EVERY);
        loop {
            ticks.tick().await;
            shared.lifecycle.store_open_sessions(&shared.core).await;
        }
    };
    shared.shutdown.run_until_cancelled(noting).await;
}

async fn forget_idle_clients(shared: Arc<Shared>) {
    let forgetting = async {
        let mut ticks = tokio::time::interval(FORGET_EVERY);
        loop {
            ticks.tick().await;
            shared.core.client_rates.forget_idle();
        }
    };
    shared.shutdown.run_until_cancelled(forgetting).await;
}

async fn delete_expired(shared: Arc<Shared>) {
    let deleting = async {
        let mut ticks = tokio::time::interval(DELETE_EXPIRED_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = conversations::delete_expired(&shared.core).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "expired temporary conversations are deleted later: the store failed");
            }
        }
    };
    shared.shutdown.run_until_cancelled(deleting).await;
}

async fn delete_old(shared: Arc<Shared>) {
    let deleting = async {
        // A start has other things to do first.
        let first = tokio::time::Instant::now() + DELETE_EXPIRED_EVERY;
        let mut ticks = tokio::time::interval_at(first, DELETE_OLD_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = conversations::delete_old(&shared.core).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "old messages and idle conversations are deleted later: the store failed");
            }
        }
    };
    shared.shutdown.run_until_cancelled(deleting).await;
}

/// Any page may call: the session token, not a cookie, is what authenticates.
fn cors() -> CorsLayer {
    let headers = ["x-lc-id", "x-lc-key", "x-lc-im-session-token"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(headers.into_iter().chain([header::CONTENT_TYPE]).collect::<Vec<_>>())
        .max_age(PREFLIGHT_LIFE)
}
