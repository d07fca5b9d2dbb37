//! The sessions that are online on this node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Session;
use crate::ids::{AppId, ClientId, SessionId};

type Sessions = HashMap<(AppId, ClientId), Vec<Arc<Session>>>;

/// All online sessions by client.
#[derive(Debug, Default)]
pub struct OnlineSessions {
    by_client: RwLock<Sessions>,
}

impl OnlineSessions {
    /// Puts a session online.
    pub fn insert(&self, session: Arc<Session>) {
        let key = (session.app.clone(), session.client.clone());
        self.write().entry(key).or_default().push(session);
    }

    /// Takes a session offline; `None` when it had ended before, so that each session ends once.
    pub fn remove(&self, app: &AppId, client: &ClientId, id: SessionId) -> Option<Arc<Session>> {
        let key = (app.clone(), client.clone());
        let mut by_client = self.write();
        let sessions = by_client.get_mut(&key)?;
        let position = sessions.iter().position(|session| session.id == id)?;
        let removed = sessions.remove(position);
        if sessions.is_empty() {
            by_client.remove(&key);
        }
        removed.end();
        Some(removed)
    }

    /// Takes all sessions of an app offline; answers how many there were.
    pub fn remove_app(&self, app: &AppId) -> usize {
        let mut by_client = self.write();
        let removed = by_client.extract_if(|(of, _), _| of == app).flat_map(|(_, sessions)| sessions);
        removed.map(|session| session.end()).count()
    }

    /// Sessions of a client, oldest first.
    pub fn sessions(&self, app: &AppId, client: &ClientId) -> Vec<Arc<Session>> {
        self.read().get(&(app.clone(), client.clone())).cloned().unwrap_or_default()
    }

    /// Clients of an app that have sessions.
    pub fn clients(&self, app: &AppId) -> Vec<ClientId> {
        self.read().keys().filter(|(of, _)| of == app).map(|(_, client)| client.clone()).collect()
    }

    /// True with at least one session (S-120).
    pub fn is_online(&self, app: &AppId, client: &ClientId) -> bool {
        self.read().contains_key(&(app.clone(), client.clone()))
    }

    fn read(&self) -> RwLockReadGuard<'_, Sessions> {
        self.by_client.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Sessions> {
        self.by_client.write().unwrap_or_else(PoisonError::into_inner)
    }
}
