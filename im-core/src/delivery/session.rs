//! One logged-in client on one socket.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Event, Outbox, ReplyGate};
use crate::ids::{AppId, ClientId, ConnectionId, DeviceId, SessionId};

/// One online session.
#[derive(Debug)]
pub struct Session {
    /// Unique id.
    pub id: SessionId,
    /// Its app.
    pub app: AppId,
    /// Its client.
    pub client: ClientId,
    /// Its device, as the SDK names it.
    pub device: Option<DeviceId>,
    /// Single-device tag; `None` for none, empty and `default` (S-30).
    pub tag: Option<String>,
    /// What the tokens of this login and of its reconnects have in common (P-54).
    pub token_family: String,
    /// Its socket.
    pub connection: ConnectionId,
    /// Queue of its socket.
    pub outbox: Outbox,
    ended: AtomicBool,
}

impl Session {
    /// A session without device, tag and tokens, not yet online.
    pub fn new(id: SessionId, app: AppId, client: ClientId, connection: ConnectionId, outbox: Outbox) -> Self {
        Self {
            id,
            app,
            client,
            device: None,
            tag: None,
            token_family: String::new(),
            connection,
            outbox,
            ended: AtomicBool::new(false),
        }
    }

    /// Queues an event on the session's socket, to be written once `gate` has opened. A reader too slow for its queue
    /// loses its socket, not the event: the writing loop ends, and the client finds everything in the history after it
    /// reconnects.
    pub fn push(&self, event: Event, gate: Option<ReplyGate>) {
        if self.outbox.push((self.id, self.client.clone()), event, gate).is_err() {
            self.outbox.close_slow_reader();
        }
    }

    /// True once the session has left the registry: it may do nothing more (P-29).
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
