//! Reading the history of a conversation.

use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{HistoryQuery, StoredMessage};

/// Messages that one query may answer (P-92).
const MAX_MESSAGES: u32 = 100;

/// Messages of a conversation, oldest first. A member sees all of them, also those from before it joined (S-25).
///
/// # Errors
/// 4303 no such conversation, 4312 not a member.
pub async fn history(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    query: HistoryQuery,
) -> Result<Vec<StoredMessage>, RequestError> {
    check_reader(core, actor, conversation).await?;
    let query = HistoryQuery { limit: query.limit.min(MAX_MESSAGES), ..query };
    let messages = core.store.history(&actor.app.id, conversation, &query).await?;
    // Again: a client that was removed meanwhile must not see what was said afterwards.
    check_reader(core, actor, conversation).await?;
    Ok(messages)
}

async fn check_reader(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<(), RequestError> {
    let found = core.store.conversation(&actor.app.id, conversation).await?;
    let found = found.ok_or_else(|| RequestError::code(Code::ConversationNotFound))?;
    if !found.has_member(actor.client()?) {
        return Err(RequestError::code(Code::ConversationLogRejected));
    }
    Ok(())
}
