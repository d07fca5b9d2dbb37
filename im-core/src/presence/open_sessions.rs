//! Sessions that began before their app had a `_clientOffline`.

use std::sync::Arc;

use hook_types::ClientOnlineParams;

use super::{Presence, Session};
use crate::core::ImCore;
use crate::hooks::SessionEvent;
use crate::ids::{AppId, ClientId};

/// Clients whose sessions are stored in one step: log-ins wait for one step at most.
const BATCH: usize = 256;

impl Presence {
    /// Stores the open sessions of apps that have the hook now, as if the hook had existed at their log-in. So the hook is
    /// called for their end also when this process is killed.
    pub async fn store_open_sessions(&self, core: &ImCore) {
        let notifications = core.hooks.notifications();
        for app in notifications.apps_with_new_offline_hook() {
            let clients = core.online.clients(&app.id);
            tracing::info!(app = %app.id, clients = clients.len(), "`_clientOffline` is new: open sessions are stored for it");
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
