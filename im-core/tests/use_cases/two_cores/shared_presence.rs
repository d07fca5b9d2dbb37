//! Presence that two nodes share, with leases.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookd_im_core::delivery::DisplacedSession;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, DeviceId, NodeId, SessionId};
use hookd_im_core::presence::{Presence, PresenceError, RememberedRooms, Session};
use tokio::time::Instant;

#[derive(Default)]
pub struct SharedPresence(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: Vec<Entry>,
    leases: HashMap<NodeId, Instant>,
    displaced: Vec<DisplacedSession>,
    remembered: RememberedRooms,
}

struct Entry {
    node: NodeId,
    app: AppId,
    client: ClientId,
    session: SessionId,
    device: Option<DeviceId>,
    tag: Option<String>,
    room: Option<ConversationId>,
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
        for entry in state.sessions.iter().filter(|entry| is_displaced(entry)) {
            let is_conflict =
                displaced.iter().any(|displaced| displaced.session == entry.session && displaced.is_conflict);
            if let Some(room) = entry.room.as_ref().filter(|_| !is_conflict) {
                // It is of the device of the new session.
                state.remembered.remember(session, room);
            }
        }
        state.sessions.retain(|entry| !is_displaced(entry));
        state.displaced.extend(displaced.iter().cloned());
        state.sessions.push(Entry {
            node: self.node.clone(),
            app: session.app.clone(),
            client: session.client.clone(),
            session: session.id,
            device: session.device.clone(),
            tag: session.tag.clone(),
            room: None,
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

    fn set_room(&self, session: &Session, room: Option<&ConversationId>) {
        let mut state = self.shared.0.lock().unwrap();
        let mut sessions = state.sessions.iter_mut();
        if let Some(entry) = sessions.find(|entry| entry.node == self.node && entry.session == session.id) {
            entry.room = room.cloned();
        }
    }

    fn remember_room(&self, session: &Session, room: &ConversationId) {
        let state = self.shared.0.lock().unwrap();
        if state.sessions.iter().any(|entry| entry.node == self.node && entry.session == session.id) {
            state.remembered.remember(session, room);
        }
    }

    fn forget_room(&self, app: &AppId, client: &ClientId, room: &ConversationId) {
        self.shared.0.lock().unwrap().remembered.forget(app, client, room);
    }

    async fn recall_room(&self, session: &Session, is_reconnect: bool) -> Option<ConversationId> {
        tokio::task::yield_now().await;
        self.shared.0.lock().unwrap().remembered.recall(session, is_reconnect)
    }

    async fn count_in_room(&self, app: &AppId, room: &ConversationId) -> usize {
        self.sample_room(app, room, usize::MAX).await.len()
    }

    async fn sample_room(&self, app: &AppId, room: &ConversationId, limit: usize) -> Vec<ClientId> {
        tokio::task::yield_now().await;
        let state = self.shared.0.lock().unwrap();
        let is_there = |entry: &&Entry| entry.app == *app && entry.room.as_ref() == Some(room);
        let there = state.sessions.iter().filter(is_there).filter(|entry| state.lives(&entry.node));
        let clients: HashSet<ClientId> = there.map(|entry| entry.client.clone()).collect();
        clients.into_iter().take(limit).collect()
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
        let State { sessions, leases, displaced, .. } = &mut *state;
        let now = Instant::now();
        leases.retain(|_, until| *until > now);
        sessions.retain(|entry| leases.contains_key(&entry.node));
        displaced.retain(|displaced| leases.contains_key(&displaced.node));
        Ok(())
    }
}
