//! The requesting client and its address, for every use case.

use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::delivery::ReplyGate;
use crate::ids::{ClientId, ConnectionId, SessionId};

/// The request of one session.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The app.
    pub app: Arc<App>,
    /// The acting client.
    pub client: ClientId,
    /// The acting session.
    pub session: SessionId,
    /// Its socket.
    pub connection: ConnectionId,
    /// Address of the client.
    pub remote_address: IpAddr,
    /// Holds events for sessions on the requester's own socket back until the reply is written (P-8).
    pub reply_gate: ReplyGate,
}

impl RequestContext {
    /// A context whose reply has not been written yet.
    pub fn new(
        app: Arc<App>,
        client: ClientId,
        session: SessionId,
        connection: ConnectionId,
        remote_address: IpAddr,
    ) -> Self {
        Self { app, client, session, connection, remote_address, reply_gate: ReplyGate::default() }
    }
}
