//! Presence that two nodes share, with leases.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookd_im_core::delivery::DisplacedSession;
use hookd_im_core::ids::{AppId, ClientId, DeviceId, NodeId, SessionId};
use hookd_im_core::presence::{Presence, PresenceError, Session};
use tokio::time::Instant;

#[derive(Default)]
pub struct SharedPresence(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: Vec<Entry>,
    leases: HashMap<NodeId, Instant>,
    displaced: Vec<DisplacedSession>,
}

struct Entry {
    node: NodeId,
    app: AppId,
    client: ClientId,
    session: SessionId,
    device: Option<DeviceId>,
    tag: Option<String>,
}

impl State {
    fn lives(&self, node: &NodeId) -> bool {
        self.leases.get(node).is_some_and(|until| *until > Instant::now())
    }
}

/// What one node sees of it.
pub struct PresenceOfNode {
    pub node: NodeId,
    pub shared: Arc<SharedPresence>,
}

#[async_trait]
impl Presence for PresenceOfNode {
    async fn register(&self, session: &Session, is_reconnect: bool) -> Result<Vec<DisplacedSession>, PresenceError> {
        tokio::task::yield_now().await;
        let mut state = self.shared.0.lock().unwrap();
        let mut displaced = Vec::new();
        for entry in &state.sessions {
            let is_of_client = entry.app == session.app && entry.client == session.client;
            if !is_of_client || entry.node == self.node || !state.lives(&entry.node) {
                continue;
            }
            let is_same_device = session.device.is_some() && entry.device == session.device;
            let is_conflict = !is_same_device && session.tag.is_some() && entry.tag == session.tag;
            if is_conflict && is_reconnect {
                return Err(PresenceError::Conflict);
            }
            if is_conflict || is_same_device {
                let (node, app, client) = (entry.node.clone(), entry.app.clone(), entry.client.clone());
                displaced.push(DisplacedSession { node, app, client, session: entry.session, is_conflict });
            }
        }
        let is_displaced = |entry: &Entry| {
            displaced.iter().any(|displaced| displaced.node == entry.node && displaced.session == entry.session)
        };
        state.sessions.retain(|entry| !is_displaced(entry));
        state.displaced.extend(displaced.iter().cloned());
        state.sessions.push(Entry {
            node: self.node.clone(),
            app: session.app.clone(),
            client: session.client.clone(),
            session: session.id,
            device: session.device.clone(),
            tag: session.tag.clone(),
        });
        Ok(displaced)
    }

    fn end(&self, session: &Session) {
        let mut state = self.shared.0.lock().unwrap();
        state.sessions.retain(|entry| entry.node != self.node || entry.session != session.id);
        state.displaced.retain(|displaced| displaced.node != self.node || displaced.session != session.id);
    }

    fn end_app(&self, app: &AppId) {
        self.shared.0.lock().unwrap().sessions.retain(|entry| entry.node != self.node || entry.app != *app);
    }

    async fn are_online(&self, app: &AppId, clients: &[ClientId]) -> Vec<bool> {
        tokio::task::yield_now().await;
        let state = self.shared.0.lock().unwrap();
        let is_online = |client: &ClientId| {
            let mut of_client = state.sessions.iter().filter(|entry| entry.app == *app && entry.client == *client);
            of_client.any(|entry| state.lives(&entry.node))
        };
        clients.iter().map(is_online).collect()
    }

    async fn renew_lease(&self, lease: Duration) -> Result<Vec<DisplacedSession>, PresenceError> {
        tokio::task::yield_now().await;
        let mut state = self.shared.0.lock().unwrap();
        state.leases.insert(self.node.clone(), Instant::now() + lease);
        Ok(state.displaced.iter().filter(|displaced| displaced.node == self.node).cloned().collect())
    }

    async fn end_lost_nodes(&self) -> Result<(), PresenceError> {
        tokio::task::yield_now().await;
        let mut state = self.shared.0.lock().unwrap();
        let State { sessions, leases, displaced } = &mut *state;
        let now = Instant::now();
        leases.retain(|_, until| *until > now);
        sessions.retain(|entry| leases.contains_key(&entry.node));
        displaced.retain(|displaced| leases.contains_key(&displaced.node));
        Ok(())
    }
}
