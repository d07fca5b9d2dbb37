//! Limits and time-outs of the gateway, side by side.

use std::time::Duration;

/// Largest WebSocket message in bytes. Above the message limit of the protocol, so that the gateway, not the WebSocket
/// layer, answers messages that are a little too long (P-23), and so that long member lists fit.
pub(super) const FRAME_LIMIT_BYTES: usize = 64 * 1024;

/// Settings of the operator. The defaults are those of the protocol.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// URL that clients get, e.g. `wss://im.example.org/`; `http` is taken as `ws`, `https` as `wss`. Absent: made
    /// from the request's `Host` (P-15).
    pub public_url: Option<String>,
    /// A socket without a login is closed with 4108 after this time (P-31).
    pub login_timeout: Duration,
    /// A socket that is silent for this long is closed with 4107. Clients send a heartbeat every 180 s (P-31).
    pub read_timeout: Duration,
    /// A frame that cannot be written within this time ends the socket: the peer has stopped reading.
    pub write_timeout: Duration,
    /// A request that waited this long behind others of its conversation is refused: clients give up after 20 s (P-12),
    /// and must not learn of a message as sent that they have given up.
    pub queue_timeout: Duration,
    /// Life of a session token; at least a day, or clients fail to reconnect (P-52).
    pub session_token_life: Duration,
    /// Requests of one socket that may be in work; further ones are read later.
    pub requests_per_connection: usize,
    /// Clients that may log in on one socket.
    pub sessions_per_connection: usize,
    /// Sockets in all; further upgrades are answered with 503.
    pub connections: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            login_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(360),
            write_timeout: Duration::from_secs(10),
            queue_timeout: Duration::from_secs(15),
            session_token_life: Duration::from_secs(24 * 60 * 60),
            requests_per_connection: 64,
            sessions_per_connection: 64,
            connections: 50_000,
        }
    }
}
