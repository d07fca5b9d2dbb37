//! The sessions that are online on this node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Event, Outgoing, Session};
use crate::error::Code;
use crate::ids::{AppId, ClientId, SessionId};
use crate::request::RequestContext;

type Sessions = HashMap<(AppId, ClientId), Vec<Arc<Session>>>;

/// All online sessions by client.
#[derive(Debug, Default)]
pub struct Registry {
    by_client: RwLock<Sessions>,
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
        removed.end();
        Some(removed)
    }

    /// Ends all sessions of an app that is gone and closes their sockets; answers how many there were.
    pub fn close_app(&self, app: &AppId) -> usize {
        let mut by_client = self.by_client.write().unwrap_or_else(PoisonError::into_inner);
        let gone = by_client.extract_if(|(of, _), _| of == app).flat_map(|(_, sessions)| sessions);
        let (code, reason) = (Code::AppNotAvailable.number(), Code::AppNotAvailable.name());
        let close = |session: Arc<Session>| {
            session.end();
            let code = u16::try_from(code).unwrap_or_default();
            if session.outbox.send(Outgoing::Close { code, reason }).is_err() {
                session.outbox.close_slow_reader();
            }
        };
        gone.map(close).count()
    }

    /// Sessions of a client, oldest first.
    pub fn sessions(&self, app: &AppId, client: &ClientId) -> Vec<Arc<Session>> {
        let key = (app.clone(), client.clone());
        self.by_client.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned().unwrap_or_default()
    }

    /// Clients of an app that have sessions.
    pub fn clients(&self, app: &AppId) -> Vec<ClientId> {
        let by_client = self.by_client.read().unwrap_or_else(PoisonError::into_inner);
        by_client.keys().filter(|(of, _)| of == app).map(|(_, client)| client.clone()).collect()
    }

    /// True with at least one session (S-120).
    pub fn is_online(&self, app: &AppId, client: &ClientId) -> bool {
        let key = (app.clone(), client.clone());
        self.by_client.read().unwrap_or_else(PoisonError::into_inner).contains_key(&key)
    }

    /// Pushes an event to every session of a client that is online now (P-46), except `except`.
    ///
    /// On the socket of `cause` the event waits for the reply (P-8). A socket whose queue is full is closed.
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
            let gate = cause.filter(|request| request.connection == session.connection);
            session.push(event.clone(), gate.map(|request| request.reply_gate.clone()));
        }
    }
}
