//! How many clients an app lets in on a day (S-154, item 20).

use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId};

/// Counts a client as one of today's users of an app that takes `most` of them; 0: any number, and no client is counted. To be called
/// for a client that may log in otherwise: a stranger must not use the places up.
///
/// # Errors
/// 4113 when as many others have logged in today.
pub(super) async fn check_daily_users(
    core: &ImCore,
    (app, client): (&AppId, &ClientId),
    most: u32,
) -> Result<(), RequestError> {
    if most == 0 || core.store.count_daily_user(app, client, most).await? {
        return Ok(());
    }
    let detail = format!("{most} clients have logged in today, which is the most that the app takes");
    Err(RequestError::detailed(Code::AppQuotaExceeded, detail))
}
