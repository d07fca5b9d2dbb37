//! Limits and time-outs of the gateway, side by side.

use std::time::Duration;

/// What the operator may set. The defaults are those of the protocol.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// WebSocket URL that clients are told, e.g. `wss://im.example.org/`. Absent: made from the request's `Host` (P-15).
    pub public_url: Option<String>,
    /// Believe `X-Forwarded-Proto`. Only right behind a proxy that sets it.
    pub trust_forwarded_proto: bool,
    /// A socket on which nobody has logged in is closed with 4108 after this time (P-31).
    pub login_timeout: Duration,
    /// A socket that is silent for this long is closed with 4107. Clients send a heartbeat every 180 s (P-31).
    pub read_timeout: Duration,
    /// A frame that cannot be written within this time ends the socket: the peer has stopped reading.
    pub write_timeout: Duration,
    /// Longest that a use case may take; clients give up after 20 s (P-12).
    pub request_timeout: Duration,
    /// Life of a session token; at least a day, or clients fail to reconnect (P-52).
    pub session_token_life: Duration,
    /// Largest client command in bytes (P-23).
    pub message_limit_bytes: usize,
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
            trust_forwarded_proto: false,
            login_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(360),
            write_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(19),
            session_token_life: Duration::from_secs(24 * 60 * 60),
            message_limit_bytes: 5 * 1024,
            requests_per_connection: 64,
            sessions_per_connection: 64,
            connections: 50_000,
        }
    }
}
