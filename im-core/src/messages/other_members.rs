//! The members that a message of a client goes to.

use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::Before;
use crate::error::{Code, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::ConversationKind;

/// The other members of a conversation, as they were when they were read.
pub(super) struct OtherMembers {
    /// Without the sender. None in a chat room, where any client may send.
    pub(super) members: Vec<ClientId>,
    /// Of the conversation.
    pub(super) kind: ConversationKind,
    /// The version of the members.
    pub(super) sequence: u64,
    /// The conversation then.
    pub(super) before: Before,
}

/// The members without the sender, which is a member now. Read before the hook, and again after it.
///
/// # Errors
/// 4401 when the sender is not a member or the conversation does not exist, 4303 when it is a temporary one (P-113).
pub(super) async fn other_members(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
) -> Result<OtherMembers, RequestError> {
    let client = actor.client()?;
    let found = core.store.conversation(&actor.app.id, conversation).await?;
    match found {
        Some(found) if found.kind == ConversationKind::ChatRoom || found.has_member(client) => {
            let (kind, sequence, before) = (found.kind, found.members_sequence, Before::from(&found));
            let members = found.members.into_iter().filter(|member| member != client).collect();
            Ok(OtherMembers { members, kind, sequence, before })
        }
        None if conversation.is_temporary() => Err(RequestError::code(Code::ConversationNotFound)),
        _ => Err(RequestError::code(Code::InvalidMessagingTarget)),
    }
}
