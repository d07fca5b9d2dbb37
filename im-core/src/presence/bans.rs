//! Clients that the operator keeps out of an app (S-33, S-106).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::SessionLifecycle;
use crate::app::App;
use crate::core::ImCore;
use crate::delivery::KickedClient;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId};
use crate::store::{Ban, StoreError};
use crate::timestamp::Timestamp;

/// Clients of an app that may be banned at a time.
pub const MAX_BANS: usize = 100_000;

/// Why a client is not banned.
#[derive(Debug, Error)]
pub enum NotBanned {
    /// No client has such an id.
    #[error("a client id has 1 to 64 characters")]
    InvalidClient,
    /// The app has too many bans.
    #[error("{MAX_BANS} clients of the app are banned, which is the most; take some bans back")]
    TooMany,
    /// The store failed.
    #[error("the ban cannot be saved")]
    Store(#[from] StoreError),
}

impl SessionLifecycle {
    /// Bans a client for a time, or for ever: it cannot log in, and its sessions end. `by` is the address of the caller. It must run
    /// to its end.
    ///
    /// # Errors
    /// [`NotBanned`]. When only the ends of its log-ins are not kept, the ban is.
    pub async fn ban(
        &self,
        core: &ImCore,
        app: &Arc<App>,
        client: &ClientId,
        (time, by): (Option<Duration>, IpAddr),
    ) -> Result<Ban, NotBanned> {
        if !client.is_valid() {
            return Err(NotBanned::InvalidClient);
        }
        let until = time.map(|time| Timestamp::now().plus(time));
        let banned = core.store.ban(&app.id, client, until, MAX_BANS).await?.ok_or(NotBanned::TooMany)?;
        // Log-ins that began before this are refused when they are to be online; later ones find the ban.
        let at = Timestamp::now();
        let (app_id, client) = (app.id.clone(), client.clone());
        let kick = KickedClient { app: app_id, client, at, reason: String::new(), by, is_banned: true };
        let ended = self.end_kicked(core, app, &kick);
        tracing::info!(app = %kick.app, client = %kick.client, "a client is banned");
        core.delivery.tell_kicked(kick);
        ended.kept(core, &app.id).await?;
        Ok(banned)
    }

    /// Ends the ban of a client; true where there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unban(&self, core: &ImCore, app: &AppId, client: &ClientId) -> Result<bool, StoreError> {
        let was_banned = core.store.unban(app, client).await?;
        let key = (app.clone(), client.clone());
        if matches!(self.kicked.get(&key), Some((_, Code::Blacklisted))) {
            self.kicked.invalidate(&key);
        }
        Ok(was_banned)
    }
}

/// # Errors
/// 4106 for a client that is banned.
pub(super) async fn check_not_banned(core: &ImCore, app: &AppId, client: &ClientId) -> Result<(), RequestError> {
    let Some(ban) = core.store.ban_of(app, client).await? else { return Ok(()) };
    let detail = match ban.until {
        Some(until) => format!("the client is banned until {}", until.to_iso()),
        None => "the client is banned".to_owned(),
    };
    Err(RequestError::detailed(Code::Blacklisted, detail))
}
