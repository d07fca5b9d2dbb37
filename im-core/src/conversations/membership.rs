//! Joining, adding, leaving, removing.

use std::collections::HashSet;
use std::slice;

use hook_types::{
    ConversationAdd, ConversationAddParams, ConversationAdded, ConversationAddedParams, ConversationRemove,
    ConversationRemoveParams, ConversationRemoved, ConversationRemovedParams, ConversationReply,
};

use super::{MAX_MEMBERS, announce, check_members, existing, room, texts};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, Place};
use crate::error::{Code, RequestError};
use crate::hooks::aborted_by;
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    Committed, Conversation, ConversationKind, FailedMembers, MembersUnchanged, MembershipChange, MembershipRequest,
};
use crate::timestamp::Timestamp;

/// The answer to an add or remove (P-67).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipResult {
    /// As requested now, including present members (S-24), in the order of the request.
    pub allowed: Vec<ClientId>,
    /// The rest, by reason.
    pub failed: Vec<FailedMembers>,
    /// When the conversation last changed.
    pub updated_at: Timestamp,
}

/// Adds members; a client that adds itself alone joins (S-103).
///
/// # Errors
/// 4301 a member id that no client can have, 4303 no such conversation, 4314 not to a conversation of this kind, 4317 adding others without being a member, 4305 refused by `_conversationAdd`, 4300 the
/// hook failed and the policy is to abort. Members beyond the limit are a partial result, not an error.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn add(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    members: Vec<ClientId>,
) -> Result<MembershipResult, RequestError> {
    let client = actor.client()?;
    check_members(&members)?;
    let members = without_duplicates(members);
    let found = authorized(core, (actor, client), conversation, &members).await?;
    if found.kind == ConversationKind::ChatRoom {
        return join_room(core, (actor, client), &found).await;
    }
    let absent: Vec<ClientId> = members.iter().filter(|member| !found.has_member(member)).cloned().collect();
    if absent.is_empty() {
        return Ok(nothing_to_do(members, &found));
    }
    ask_before_adding(core, (actor, client), conversation, &absent).await?;

    let notifications = core.hooks.notifications();
    let (init_by, conv_id) = (client.as_str().to_owned(), conversation.as_str().to_owned());
    let params =
        |change: &MembershipChange| ConversationAddedParams { init_by, conv_id, members: texts(&change.changed) };
    let call = notifications.call_for::<ConversationAdded, _>(&actor.app, Some(actor.address), params).await;
    let change = {
        let _lock = core.conversation_locks.lock(&actor.app.id, conversation).await;
        core.check_app(actor)?;
        // Only those that the hook was asked about: a member from before may have left since.
        let request = request(client, &members, absent);
        let change = core.store.add_members(&actor.app.id, conversation, &request, MAX_MEMBERS, call).await?;
        let Committed { row: change, call } = change.map_err(refused)?;
        notifications.stored::<ConversationAdded>(&actor.app, call);
        if let Some(sequence) = change.sequence {
            let place = Place::stored(&Before::from(&found), sequence, change.conversation.updated_at);
            let now = (&change.conversation, sequence, &place);
            announce::joined(core, (actor, client), now, &change.changed).await;
        }
        change
    };
    Ok(result(members, change))
}

/// Removes members; a client that removes itself alone leaves (S-104).
///
/// # Errors
/// 4301 a member id that no client can have, 4303 no such conversation, 4314 not from a conversation of this kind, 4317 removing others without being a member, 4305 refused by `_conversationRemove`, 4300
/// the hook failed and the policy is to abort.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn remove(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    members: Vec<ClientId>,
) -> Result<MembershipResult, RequestError> {
    let client = actor.client()?;
    check_members(&members)?;
    let members = without_duplicates(members);
    let found = authorized(core, (actor, client), conversation, &members).await?;
    if found.kind == ConversationKind::ChatRoom {
        room::leave(core, (actor, client), &found.id).await?;
        return Ok(nothing_to_do(members, &found));
    }
    let present: Vec<ClientId> = members.iter().filter(|member| found.has_member(member)).cloned().collect();
    if present.is_empty() {
        return Ok(nothing_to_do(members, &found));
    }
    if !is_oneself(client, &members) {
        ask_before_removing(core, (actor, client), conversation, &present).await?;
    }

    let notifications = core.hooks.notifications();
    let (init_by, conv_id) = (client.as_str().to_owned(), conversation.as_str().to_owned());
    let params =
        |change: &MembershipChange| ConversationRemovedParams { init_by, conv_id, members: texts(&change.changed) };
    let call = notifications.call_for::<ConversationRemoved, _>(&actor.app, Some(actor.address), params).await;
    let change = {
        let _lock = core.conversation_locks.lock(&actor.app.id, conversation).await;
        core.check_app(actor)?;
        // Those only that the hook was asked about: others may have joined since.
        let request = request(client, &members, present);
        let change = core.store.remove_members(&actor.app.id, conversation, &request, call).await?;
        let Committed { row: change, call } = change.map_err(refused)?;
        notifications.stored::<ConversationRemoved>(&actor.app, call);
        if let Some(sequence) = change.sequence {
            let place = Place::stored(&Before::from(&found), sequence, change.conversation.updated_at);
            let now = (&change.conversation, sequence, &place);
            announce::left(core, (actor, client), now, &change.changed).await;
        }
        change
    };
    Ok(result(members, change))
}

/// Joins for the acting session alone. Another session of the client that is there already changes nothing about that.
async fn join_room(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    found: &Conversation,
) -> Result<MembershipResult, RequestError> {
    if !room::is_joined(core, (actor, client), &found.id)? {
        ask_before_adding(core, (actor, client), &found.id, slice::from_ref(client)).await?;
        room::join(core, (actor, client), &found.id).await?;
    }
    Ok(nothing_to_do(vec![client.clone()], found))
}

/// Only members act on others (4317). Asked before the hook; the store asks once more under the conversation's lock: a hook
/// may take seconds, and another node may have removed the client meanwhile.
async fn authorized(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    members: &[ClientId],
) -> Result<Conversation, RequestError> {
    core.check_app(actor)?;
    let found = existing(core, actor, conversation).await?;
    check_kind(found.kind, is_oneself(client, members))?;
    if !is_oneself(client, members) && !found.has_member(client) {
        return Err(RequestError::code(Code::ConversationMembershipRequired));
    }
    Ok(found)
}

/// Members of basic conversations are added and removed; a chat room is joined and left.
fn check_kind(kind: ConversationKind, by_oneself: bool) -> Result<(), RequestError> {
    let detail = match kind {
        ConversationKind::Basic => return Ok(()),
        ConversationKind::ChatRoom if by_oneself => return Ok(()),
        ConversationKind::ChatRoom => "a client joins and leaves a chat room itself; nobody else is added or removed",
        ConversationKind::Service => "members of a service conversation cannot be added or removed",
        ConversationKind::Temporary => "the members of a temporary conversation are fixed",
    };
    Err(RequestError::detailed(Code::NormalConversationRequired, detail))
}

/// The change of `members`, of all those that the client asked for.
fn request(client: &ClientId, asked: &[ClientId], members: Vec<ClientId>) -> MembershipRequest {
    MembershipRequest { by: client.clone(), members, by_member_only: !is_oneself(client, asked) }
}

fn refused(why: MembersUnchanged) -> RequestError {
    RequestError::code(match why {
        MembersUnchanged::NoConversation => Code::ConversationNotFound,
        MembersUnchanged::NotAMember => Code::ConversationMembershipRequired,
    })
}

async fn ask_before_adding(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    members: &[ClientId],
) -> Result<(), RequestError> {
    let params = ConversationAddParams {
        init_by: client.as_str().to_owned(),
        members: texts(members),
        conv_id: conversation.as_str().to_owned(),
    };
    let call = core.hooks.before::<ConversationAdd>(&actor.app, &params, Some(actor.address));
    apply(call.await.map_err(aborted_by::<ConversationAdd>(Code::ConversationInternalError))?)
}

async fn ask_before_removing(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    members: &[ClientId],
) -> Result<(), RequestError> {
    let params = ConversationRemoveParams {
        init_by: client.as_str().to_owned(),
        members: texts(members),
        conv_id: conversation.as_str().to_owned(),
    };
    let call = core.hooks.before::<ConversationRemove>(&actor.app, &params, Some(actor.address));
    apply(call.await.map_err(aborted_by::<ConversationRemove>(Code::ConversationInternalError))?)
}

fn apply(reply: ConversationReply) -> Result<(), RequestError> {
    if reply.reject {
        return Err(RequestError::by_hook(Code::ConversationRejectedByApp, reply.code, reply.detail));
    }
    Ok(())
}

fn is_oneself(client: &ClientId, members: &[ClientId]) -> bool {
    members == std::slice::from_ref(client)
}

pub(super) fn without_duplicates(members: Vec<ClientId>) -> Vec<ClientId> {
    let mut seen = HashSet::new();
    members.into_iter().filter(|member| seen.insert(member.clone())).collect()
}

fn nothing_to_do(members: Vec<ClientId>, conversation: &Conversation) -> MembershipResult {
    MembershipResult { allowed: members, failed: Vec::new(), updated_at: conversation.updated_at }
}

fn result(asked: Vec<ClientId>, change: MembershipChange) -> MembershipResult {
    let MembershipChange { refused, conversation, .. } = change;
    let allowed = asked.into_iter().filter(|member| !refused.contains(member)).collect();
    let mut failed = Vec::new();
    if !refused.is_empty() {
        let detail = Some(format!("a conversation has at most {MAX_MEMBERS} members"));
        failed.push(FailedMembers { code: Code::ConversationFull, detail, members: refused });
    }
    MembershipResult { allowed, failed, updated_at: conversation.updated_at }
}
