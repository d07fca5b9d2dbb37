//! Who asks, from where: what every use case is given.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::delivery::Event;
use crate::ids::{ClientId, ConnectionId, SessionId};

/// The request of one session.
#[derive(Debug)]
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
    /// Events for sessions on the requester's own socket, held until the reply is written (P-8).
    after_reply: Mutex<Vec<(SessionId, Event)>>,
}

impl RequestContext {
    /// A context with nothing held back.
    pub fn new(
        app: Arc<App>,
        client: ClientId,
        session: SessionId,
        connection: ConnectionId,
        remote_address: IpAddr,
    ) -> Self {
        Self { app, client, session, connection, remote_address, after_reply: Mutex::default() }
    }

    /// Holds an event back until the reply is written.
    pub fn push_after_reply(&self, session: SessionId, event: Event) {
        self.after_reply.lock().unwrap_or_else(PoisonError::into_inner).push((session, event));
    }

    /// Takes the held events, in order. The gateway calls it after queueing the reply.
    pub fn take_events_after_reply(&self) -> Vec<(SessionId, Event)> {
        std::mem::take(&mut *self.after_reply.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
