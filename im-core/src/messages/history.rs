//! Reading the history of a conversation.

use crate::actor::Actor;
use crate::conversations::existing;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{ConversationKind, HistoryQuery, StoredMessage};

/// Messages that one query may answer (P-92).
const MAX_MESSAGES: u32 = 100;

/// What a query answers.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Of the conversation.
    pub kind: ConversationKind,
    /// Oldest first.
    pub messages: Vec<StoredMessage>,
}

/// Messages of a conversation. A member sees all of them, also those from before it joined (S-25); of a chat room any client
/// does, and of a service conversation its own view (S-71).
///
/// # Errors
/// 4303 no such conversation, 4312 not a member.
pub async fn history(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    query: HistoryQuery,
) -> Result<History, RequestError> {
    let kind = check_reader(core, actor, conversation).await?;
    let query = HistoryQuery { limit: query.limit.min(MAX_MESSAGES), ..query };
    if kind == ConversationKind::Service {
        let messages = core.store.view(&actor.app.id, conversation, actor.client()?, &query).await?;
        return Ok(History { kind, messages });
    }
    let messages = core.store.history(&actor.app.id, conversation, &query).await?;
    // Again: a client that was removed meanwhile must not see what was said afterwards.
    let kind = check_reader(core, actor, conversation).await?;
    Ok(History { kind, messages })
}

/// Answers the kind of the conversation.
async fn check_reader(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
) -> Result<ConversationKind, RequestError> {
    let found = existing(core, actor, conversation).await?;
    let is_open = matches!(found.kind, ConversationKind::ChatRoom | ConversationKind::Service);
    if !is_open && !found.has_member(actor.client()?) {
        return Err(RequestError::code(Code::ConversationLogRejected));
    }
    Ok(found.kind)
}
