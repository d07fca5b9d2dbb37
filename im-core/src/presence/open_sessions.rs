//! Sessions that are open and may have no row in the store.

use std::sync::Arc;

use hook_types::ClientOnlineParams;

use super::{Session, SessionLifecycle};
use crate::core::ImCore;
use crate::hooks::SessionEvent;
use crate::ids::{AppId, ClientId};

/// Clients whose sessions are stored in one step: log-ins wait for one step at most.
const BATCH: usize = 256;

impl SessionLifecycle {
    /// Stores the open sessions of apps that have a `_clientOffline`, where some may not be stored: the hook is newer than they,
    /// or a write failed, or other nodes took this one for dead. So the hook is called for their end also when this process is
    /// killed.
    pub async fn store_open_sessions(&self, core: &ImCore) {
        let notifications = core.hooks.notifications();
        for app in notifications.apps_with_unstored_sessions() {
            let clients = core.online.clients(&app.id);
            tracing::info!(app = %app.id, clients = clients.len(), "open sessions are stored, for their `_clientOffline`");
            for clients in clients.chunks(BATCH) {
                let written = {
                    let _in_order = self.changing();
                    notifications.notify_sessions(&app, still_online(core, &app.id, clients))
                };
                written.wait().await;
            }
        }
    }
}

fn still_online(core: &ImCore, app: &AppId, clients: &[ClientId]) -> Vec<SessionEvent> {
    let sessions = clients.iter().flat_map(|client| core.online.sessions(app, client));
    let event = |session: Arc<Session>| {
        let peer_id = session.client.as_str().to_owned();
        let params = ClientOnlineParams { peer_id, tag: session.tag.clone(), ..ClientOnlineParams::default() };
        SessionEvent::StillOnline(session.id, params)
    };
    sessions.map(event).collect()
}
