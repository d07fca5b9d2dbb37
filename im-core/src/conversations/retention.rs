//! The end of old messages and of conversations that are not used any more (S-13, S-69).

use std::time::Duration;

use crate::core::ImCore;
use crate::store::{AgePage, ConversationAge, StoreError};
use crate::timestamp::Timestamp;

/// Walks through all conversations, and deletes what their apps do not keep. To be called from time to time, on any node.
///
/// # Errors
/// When the store fails; the rest is deleted by a later walk.
pub async fn delete_old(core: &ImCore) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let AgePage { conversations, next, now } = core.store.conversation_ages(after).await?;
        for conversation in &conversations {
            delete_from(core, conversation, now).await?;
        }
        let Some(next) = next else { return Ok(()) };
        after = next;
    }
}

/// The data of an app that is not there stay: it may only be missing.
async fn delete_from(core: &ImCore, conversation: &ConversationAge, now: Timestamp) -> Result<(), StoreError> {
    let ConversationAge { app, id, updated_at, oldest_message_at } = conversation;
    if core.apps.app(app).is_none() {
        return Ok(());
    }
    let settings = core.settings.get(app).await?;
    if let Some(since) = days_before(now, settings.inactive_conversation_days)
        && *updated_at < since
    {
        loop {
            let _lock = core.lock_to_change_members(app, id).await;
            // Again: the app may have gone while others held the lock.
            if core.apps.app(app).is_none() || !core.store.delete_conversation_idle_since(app, id, since).await? {
                return Ok(());
            }
        }
    }
    if let Some(before) = days_before(now, settings.message_retention_days)
        && oldest_message_at.is_some_and(|oldest| oldest < before)
    {
        while core.apps.app(app).is_some() && core.store.delete_messages_before(app, id, before).await? {}
    }
    Ok(())
}

/// `None` for 0 days: it is kept for ever.
fn days_before(now: Timestamp, days: u32) -> Option<Timestamp> {
    let time = Duration::from_hours(24).checked_mul(days).filter(|time| !time.is_zero())?;
    let milliseconds = i64::try_from(time.as_millis()).ok()?;
    Some(Timestamp(now.0.saturating_sub(milliseconds)))
}
