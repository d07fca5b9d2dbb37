//! What a client has not read, when it logs in.

use crate::core::ImCore;
use crate::delivery::UnreadCounts;
use crate::error::RequestError;
use crate::ids::{AppId, ClientId};
use crate::timestamp::Timestamp;

/// What a client has not read: the 50 newest conversations with unread messages, or with `told_until` those that have changed
/// since that time (P-101, S-68). `None` where there is nothing to tell.
///
/// # Errors
/// When the store fails.
pub async fn unread_at_login(
    core: &ImCore,
    (app, client): (&AppId, &ClientId),
    told_until: Option<Timestamp>,
) -> Result<Option<UnreadCounts>, RequestError> {
    // Before the counting: what is stored meanwhile is new to the next one.
    let counted_at = Timestamp::now();
    let conversations = core.store.unread(app, client, told_until).await?;
    Ok((!conversations.is_empty()).then_some(UnreadCounts { conversations, counted_at }))
}
