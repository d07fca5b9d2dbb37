//! Whether a client is in conversations (P-74).

use super::room::is_joined;
use super::subscriptions::subscription;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::ConversationKind;

/// Conversations that a client may ask about at once. Each is one read of the store.
pub const ASKED_CONVERSATIONS: usize = 50;

/// Which of these conversations the acting client is in, in their order: as a member or a subscriber, or, in a chat
/// room, with the acting session. It is in none that does not exist.
///
/// # Errors
/// 4301 for more than [`ASKED_CONVERSATIONS`].
pub async fn is_member(core: &ImCore, actor: &Actor, asked: &[ConversationId]) -> Result<Vec<bool>, RequestError> {
    if asked.len() > ASKED_CONVERSATIONS {
        let detail = format!("`cids` names {} conversations; at most {ASKED_CONVERSATIONS} are allowed", asked.len());
        return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    }
    let client = actor.client()?;
    let mut answers = Vec::with_capacity(asked.len());
    for id in asked {
        let found = core.store.conversation(&actor.app.id, id).await?;
        answers.push(match found {
            Some(found) if found.kind == ConversationKind::ChatRoom => is_joined(core, (actor, client), id)?,
            Some(found) if found.kind == ConversationKind::Service => {
                subscription(core, (actor, client), id).await?.is_some()
            }
            Some(found) => found.has_member(client),
            None => false,
        });
    }
    Ok(answers)
}
