//! Signing the log-in of a built-in user, in place of a server of the app (S-32, S-99, R-70).

use std::net::IpAddr;
use std::sync::Arc;

use hook_types::{ClientSign, ClientSignParams, ClientSignReply};
use thiserror::Error;

use crate::app::App;
use crate::core::ImCore;
use crate::hooks::HookFailure;
use crate::ids::ClientId;
use crate::signature::{Signature, sign_login};
use crate::timestamp::Timestamp;

/// Why a log-in is not signed.
#[derive(Debug, Error)]
pub enum NotSigned {
    /// The id of the user cannot be a client's.
    #[error("the id of the user must have 1 to 64 characters")]
    InvalidUser,
    /// The app was deleted meanwhile.
    #[error("the app does not exist any more")]
    AppGone,
    /// The hook refuses, with its own text.
    #[error("{0}")]
    Refused(String),
    /// The hook failed, and the policy is to stop.
    #[error("hook call failed: {0}")]
    HookFailed(#[from] HookFailure),
}

/// Signs a log-in for a user whose session token was checked, unless `_rtmClientSign` refuses. The client id is the user's id.
/// Each call makes another signature.
///
/// # Errors
/// [`NotSigned`].
pub async fn sign_login_of_user(
    core: &ImCore,
    app: &Arc<App>,
    user: &ClientSignParams,
    by: IpAddr,
) -> Result<(ClientId, Signature), NotSigned> {
    let client = ClientId::new(user.object_id.as_str());
    if !client.is_valid() {
        return Err(NotSigned::InvalidUser);
    }
    let reply: ClientSignReply = core.hooks.before::<ClientSign>(app, user, Some(by)).await?;
    if !reply.is_allowed() {
        return Err(NotSigned::Refused(reply.error.unwrap_or_else(|| "the app refuses to sign".to_owned())));
    }
    // Its keys may have changed while the hook was asked.
    let app = core.apps.app(&app.id).ok_or(NotSigned::AppGone)?;
    let signature = sign_login((&app, &client), Timestamp::now(), &hex::encode(rand::random::<[u8; 16]>()));
    Ok((client, signature))
}
