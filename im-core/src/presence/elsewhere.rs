//! Sessions of this node that logins on other nodes displace, and the lease of the node.

use std::time::Duration;

use super::{Ending, PresenceError, SessionLifecycle};
use crate::core::ImCore;
use crate::delivery::DisplacedSession;
use crate::messages::Will;

impl SessionLifecycle {
    /// Renews the lease of the node's sessions, and ends those that were displaced meanwhile: the notice of it may have been
    /// lost. Answers the will messages that they leave, for [`crate::messages::deliver_will`].
    ///
    /// # Errors
    /// When presence cannot be reached.
    pub async fn renew_lease(&self, core: &ImCore, lease: Duration) -> Result<Vec<Will>, PresenceError> {
        let displaced = core.presence.renew_lease(lease).await?;
        let wills = self.end_displaced(core, displaced).await;
        core.presence.end_lost_nodes().await?;
        Ok(wills)
    }

    /// Ends sessions of this node that were displaced on another one; those that have ended already are passed over. Answers the
    /// will messages that they leave.
    pub async fn end_displaced(&self, core: &ImCore, displaced: Vec<DisplacedSession>) -> Vec<Will> {
        let mut wills = Vec::new();
        for DisplacedSession { node, app, client, session, is_conflict } in displaced {
            let Some(of_app) = core.apps.app(&app).filter(|_| node == core.node) else { continue };
            let sessions = core.online.sessions(&app, &client);
            let Some(session) = sessions.iter().find(|online| online.id == session) else { continue };
            let ending = if is_conflict { Ending::Conflict } else { Ending::Replaced };
            let mut ended = self.end(core, &of_app, session, ending, None);
            wills.append(&mut ended.take_wills());
            if let Err(error) = ended.kept(core, &app).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%app, %client, error, "the end of a displaced login is not kept");
            }
        }
        wills
    }
}
