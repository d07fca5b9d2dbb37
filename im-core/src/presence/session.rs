//! One logged-in client on one socket.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ids::{AppId, ClientId, ConnectionId, DeviceId, SessionId};
use crate::timestamp::Timestamp;

/// One session.
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
    /// The connection that it lives on.
    pub connection: ConnectionId,
    /// When it was opened, by the clock of its node.
    pub opened_at: Timestamp,
    ended: AtomicBool,
}

impl Session {
    /// A session without device, tag and tokens, not yet online.
    pub fn new(id: SessionId, app: AppId, client: ClientId, connection: ConnectionId) -> Self {
        Self {
            id,
            app,
            client,
            device: None,
            tag: None,
            token_family: String::new(),
            connection,
            opened_at: Timestamp::now(),
            ended: AtomicBool::new(false),
        }
    }

    /// True once the session is not online any more: it may do nothing more (P-29).
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
