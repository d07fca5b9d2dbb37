//! Kicking a client: its sessions end, and what it was given before opens none any more (S-36, S-37).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::{Ended, Ending, SessionLifecycle};
use crate::app::App;
use crate::core::ImCore;
use crate::delivery::KickedClient;
use crate::error::Code;
use crate::ids::ClientId;
use crate::signature;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// Characters of the reason that the client is told.
pub const MAX_KICK_REASON_CHARACTERS: usize = 20;

/// How long a log-in may be under way whose checks were made before a kick. It waits for the store, and for other log-ins of its
/// client.
pub(super) const UNDER_WAY: Duration = Duration::from_mins(5);

/// Why a client is not kicked.
#[derive(Debug, Error)]
pub enum NotKicked {
    /// Of so many characters.
    #[error("the reason has {0} characters; at most {MAX_KICK_REASON_CHARACTERS} are allowed")]
    ReasonTooLong(usize),
    /// The kick is not kept, and no session has ended.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The cause of 4102 then.
pub(super) const SIGNED_BEFORE: &str = "the client was kicked after the signature was made; it needs another one";

/// True of what a client was given before it was kicked.
pub(super) fn is_void(given_at: Timestamp, kicked_at: Option<Timestamp>) -> bool {
    kicked_at.is_some_and(|kicked_at| given_at <= kicked_at)
}

impl SessionLifecycle {
    /// Kicks a client, online or not: ends its sessions, and keeps that its session tokens and the signatures of its log-ins are void
    /// which were made until now. `reason` may be empty; `by` is the address of the caller.
    ///
    /// # Errors
    /// [`NotKicked`].
    pub async fn kick(
        &self,
        core: &ImCore,
        app: &Arc<App>,
        client: &ClientId,
        (reason, by): (&str, IpAddr),
    ) -> Result<(), NotKicked> {
        let characters = reason.chars().count();
        if characters > MAX_KICK_REASON_CHARACTERS {
            return Err(NotKicked::ReasonTooLong(characters));
        }
        let kicked_at = Timestamp::now();
        let kept_until = kicked_at.plus(self.token_life.max(signature::LIFE));
        core.store.keep_kick(&app.id, client, kicked_at, kept_until).await?;
        // Log-ins that began before this may have looked too early; later ones find the kick.
        let at = Timestamp::now();
        let (app_id, client, reason) = (app.id.clone(), client.clone(), reason.to_owned());
        let kick = KickedClient { app: app_id, client, at, reason, by, is_banned: false };
        let ended = self.end_kicked(core, app, &kick);
        core.delivery.tell_kicked(kick);
        Ok(ended.kept(core, &app.id).await?)
    }

    /// Ends the sessions that a client has on this node, which was kicked or banned here or on another one. Log-ins that are under
    /// way with what it was given before fail.
    pub fn end_kicked(&self, core: &ImCore, app: &Arc<App>, kick: &KickedClient) -> Ended {
        let KickedClient { client, at, reason, by, is_banned, .. } = kick;
        let _in_order = self.changing();
        let (ending, code) = match is_banned {
            true => (Ending::Banned, Code::Blacklisted),
            false => (Ending::Kicked(reason), Code::KickedByApp),
        };
        self.kicked.insert((app.id.clone(), client.clone()), (*at, code));
        let (mut events, mut logins) = (Vec::new(), Vec::new());
        for session in core.online.sessions(&app.id, client) {
            let Some(session) = core.online.remove(&app.id, client, session.id) else { continue };
            // A will is for those that are lost.
            let (event, _) = self.conclude(core, &session, ending, Some(*by));
            events.push(event);
            logins.extend(self.ended_login(&session, ending));
        }
        Ended { written: core.hooks.notifications().notify_sessions(app, events), logins, wills: Vec::new() }
    }
}
