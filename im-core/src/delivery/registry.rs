//! The sessions that are online on this node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Event, Outbox, Outgoing};
use crate::ids::{AppId, ClientId, ConnectionId, DeviceId, SessionId};
use crate::request::RequestContext;

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
    /// Its socket.
    pub connection: ConnectionId,
    /// Queue of its socket.
    pub outbox: Outbox,
}

/// All online sessions by client.
#[derive(Debug, Default)]
pub struct Registry {
    by_client: RwLock<HashMap<(AppId, ClientId), Vec<Arc<Session>>>>,
}

impl Registry {
    /// Makes a session reachable.
    pub fn insert(&self, session: Arc<Session>) {
        let key = (session.app.clone(), session.client.clone());
        self.by_client.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().push(session);
    }

    /// Forgets a session; `None` when it had ended before, so that each session ends once.
    pub fn remove(&self, app: &AppId, client: &ClientId, id: SessionId) -> Option<Arc<Session>> {
        let key = (app.clone(), client.clone());
        let mut by_client = self.by_client.write().unwrap_or_else(PoisonError::into_inner);
        let sessions = by_client.get_mut(&key)?;
        let position = sessions.iter().position(|session| session.id == id)?;
        let removed = sessions.remove(position);
        if sessions.is_empty() {
            by_client.remove(&key);
        }
        Some(removed)
    }

    /// Sessions of a client, oldest first.
    pub fn sessions(&self, app: &AppId, client: &ClientId) -> Vec<Arc<Session>> {
        let key = (app.clone(), client.clone());
        self.by_client.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned().unwrap_or_default()
    }

    /// True with at least one session (S-120).
    pub fn is_online(&self, app: &AppId, client: &ClientId) -> bool {
        let key = (app.clone(), client.clone());
        self.by_client.read().unwrap_or_else(PoisonError::into_inner).contains_key(&key)
    }

    /// Pushes an event to every session of a client that is online now (P-46), except `except`.
    ///
    /// On the socket of `cause` the event waits for the reply. A socket whose queue is full is told to close.
    pub fn push(
        &self,
        app: &AppId,
        client: &ClientId,
        event: &Event,
        cause: Option<&RequestContext>,
        except: Option<SessionId>,
    ) {
        for session in self.sessions(app, client) {
            if Some(session.id) == except {
                continue;
            }
            match cause {
                Some(request) if request.connection == session.connection => {
                    request.push_after_reply(session.id, event.clone());
                }
                _ => session.push(event.clone()),
            }
        }
    }
}

impl Session {
    /// Queues an event on the session's socket. A reader too slow for its queue loses its socket, not the event: the
    /// writing loop ends, and the client finds everything in the history after it reconnects.
    pub fn push(&self, event: Event) {
        let outgoing = Outgoing::Event { session: self.id, event, not_before: None };
        if self.outbox.send(outgoing).is_err() {
            self.outbox.close_slow_reader();
        }
    }
}
