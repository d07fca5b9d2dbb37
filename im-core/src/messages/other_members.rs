//! The members that a message of a client goes to.

use super::member_cache::KnownMembers;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::Before;
use crate::error::{Code, Refusal, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::keyed_locks::ConversationGuard;
use crate::store::{ConversationKind, Standing};

/// The other members of a conversation, as they were when they were read.
pub(super) struct OtherMembers {
    /// Without the sender. None in a chat room and a service conversation, where any client may send.
    pub(super) members: Vec<ClientId>,
    /// Of the conversation.
    pub(super) kind: ConversationKind,
    /// The version of the members.
    pub(super) sequence: u64,
    /// The version of what the conversation holds about clients.
    pub(super) standing_version: u64,
    /// The conversation then.
    pub(super) before: Before,
}

/// The members without the sender, which is a member now and may send. Read before the hook, and again after it under the
/// conversation's lock, where they are kept for the next message. A refusal is never from what is kept.
///
/// # Errors
/// 4401 when the sender is not a member or the conversation does not exist, 4303 when it is a temporary one (P-113), 4563 when
/// the sender is silenced (P-103), 4548 when it is blocked.
pub(super) async fn other_members(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    guard: Option<&ConversationGuard<'_>>,
) -> Result<OtherMembers, RequestError> {
    let (client, app) = (actor.client()?, &actor.app.id);
    if let Some(known) = core.members.get(app, conversation)
        && may_send_here(known.kind, &known.members, client)
    {
        return Ok(others(known, client));
    }
    let found = core.store.standing(app, conversation, std::slice::from_ref(client)).await?;
    match found {
        Some(standing) if may_send_here(standing.conversation.kind, &standing.conversation.members, client) => {
            check_may_speak(&standing, client, core.settings.get(app).await?.blacklist)?;
            if let Some(guard) = guard {
                core.members.keep(app, &standing, guard);
            }
            Ok(others(KnownMembers::from(&standing.conversation), client))
        }
        None if conversation.is_temporary() => Err(RequestError::code(Code::ConversationNotFound)),
        _ => Err(RequestError::code(Code::InvalidMessagingTarget)),
    }
}

/// Only members send, except in a chat room and to a service (S-7).
fn may_send_here(kind: ConversationKind, members: &[ClientId], client: &ClientId) -> bool {
    matches!(kind, ConversationKind::ChatRoom | ConversationKind::Service) || members.contains(client)
}

fn others(known: KnownMembers, client: &ClientId) -> OtherMembers {
    let KnownMembers { members, kind, sequence, standing_version, before } = known;
    let members = members.iter().filter(|member| *member != client).cloned().collect();
    OtherMembers { members, kind, sequence, standing_version, before }
}

/// A client that is silenced or blocked says nothing new, neither in a message nor in an edit (S-125).
///
/// # Errors
/// 4315 silenced for a time (S-126), 4563 silenced, 4548 blocked where the app has blacklists.
pub(super) fn check_may_speak(standing: &Standing, client: &ClientId, has_blacklists: bool) -> Result<(), Refusal> {
    if standing.silenced_for_a_time.named.contains(client) {
        let detail = Some("the client is silenced in this conversation for a time".to_owned());
        return Err(Refusal { code: Code::SilencedForATime, detail });
    }
    if standing.silenced.named.contains(client) {
        let detail = Some("the client is silenced in this conversation".to_owned());
        return Err(Refusal { code: Code::Silenced, detail });
    }
    if has_blacklists && standing.blocked.named.contains(client) {
        let detail = Some("the conversation has blocked the client".to_owned());
        return Err(Refusal { code: Code::BlockedByConversation, detail });
    }
    Ok(())
}
