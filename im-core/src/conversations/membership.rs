//! Joining, adding, leaving, removing.

use std::collections::HashSet;
use std::slice;

use hook_types::{
    ConversationAdd, ConversationAddParams, ConversationAdded, ConversationAddedParams, ConversationRemove,
    ConversationRemoveParams, ConversationRemoved, ConversationRemovedParams, ConversationReply,
};

use super::{MAX_MEMBERS, announce, check_members, room, subscriptions, texts};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, Place};
use crate::error::{Code, RequestError};
use crate::hooks::aborted_by;
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    AskRules, Committed, Conversation, ConversationKind, FailedMembers, MemberRules, MembersUnchanged,
    MembershipChange, MembershipRequest, Permitted, permitted_to_add, permitted_to_remove,
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
/// 4301 a member id that no client can have, 4303 no such conversation, 4314 not to a conversation of this kind, 4317 adding
/// others without being a member, 4305 refused by `_conversationAdd`, 4300 the hook failed and the policy is to abort. A partial
/// result, not an error: 4304 members beyond the limit, 4548 blocked. 4320 the role of the
/// acting client is too low.
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
    let (found, permitted) = permitted(core, (actor, client), conversation, (&members, permitted_to_add)).await?;
    if found.kind == ConversationKind::ChatRoom {
        return join_room(core, (actor, client), &found, permitted).await;
    }
    if found.kind == ConversationKind::Service {
        return subscribe(core, (actor, client), &found, permitted).await;
    }
    let absent: Vec<ClientId> = permitted.members.into_iter().filter(|member| !found.has_member(member)).collect();
    if absent.is_empty() {
        return Ok(nothing_to_do(members, permitted.failed, &found));
    }
    ask_before_adding(core, (actor, client), conversation, &absent).await?;

    let notifications = core.hooks.notifications();
    let (init_by, conv_id) = (client.as_str().to_owned(), conversation.as_str().to_owned());
    let params =
        |change: &MembershipChange| ConversationAddedParams { init_by, conv_id, members: texts(&change.changed) };
    let call = notifications.call_for::<ConversationAdded, _>(&actor.app, Some(actor.address), params).await;
    let change = {
        let _lock = core.lock_to_change_members(&actor.app.id, conversation).await;
        core.check_app(actor)?;
        // Only those that the hook was asked about: a member from before may have left since.
        let request = request(core, (actor, client), &members, absent).await?;
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
    Ok(result(members, permitted.failed, change))
}

/// Removes members; a client that removes itself alone leaves (S-104).
///
/// # Errors
/// 4301 a member id that no client can have, 4303 no such conversation, 4314 not from a conversation of this kind, 4317 removing others without being a member, 4305 refused by `_conversationRemove`, 4300
/// the hook failed and the policy is to abort, 4320 the role of the acting client is too low. A partial result, not an error: 4320 for
/// some, 4324 the owner.
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
    let (found, permitted) = permitted(core, (actor, client), conversation, (&members, permitted_to_remove)).await?;
    if found.kind == ConversationKind::ChatRoom {
        room::leave(core, (actor, client), &found.id).await?;
        return Ok(nothing_to_do(members, permitted.failed, &found));
    }
    if found.kind == ConversationKind::Service {
        subscriptions::unsubscribe(core, (actor, client), &found.id).await?.map_err(refused)?;
        return Ok(nothing_to_do(members, permitted.failed, &found));
    }
    let present: Vec<ClientId> = permitted.members.into_iter().filter(|member| found.has_member(member)).collect();
    if present.is_empty() {
        return Ok(nothing_to_do(members, permitted.failed, &found));
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
        let _lock = core.lock_to_change_members(&actor.app.id, conversation).await;
        core.check_app(actor)?;
        // Those only that the hook was asked about: others may have joined since.
        let request = request(core, (actor, client), &members, present).await?;
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
    Ok(result(members, permitted.failed, change))
}

/// Joins for the acting session alone. Another session of the client that is there already changes nothing about that.
async fn join_room(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    found: &Conversation,
    permitted: Permitted,
) -> Result<MembershipResult, RequestError> {
    let joining = slice::from_ref(client);
    if permitted.members.is_empty() || room::is_joined(core, (actor, client), &found.id)? {
        return Ok(nothing_to_do(joining.to_vec(), permitted.failed, found));
    }
    ask_before_adding(core, (actor, client), &found.id, joining).await?;
    let failed = {
        // Who is blocked is put out under it.
        let _lock = core.conversation_locks.lock(&actor.app.id, &found.id).await;
        let (_, permitted) = self::permitted(core, (actor, client), &found.id, (joining, permitted_to_add)).await?;
        if !permitted.members.is_empty() {
            room::join(core, (actor, client), &found.id).await?;
        }
        permitted.failed
    };
    Ok(nothing_to_do(joining.to_vec(), failed, found))
}

/// Lets a client subscribe to a service conversation. The first time counts.
async fn subscribe(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    found: &Conversation,
    permitted: Permitted,
) -> Result<MembershipResult, RequestError> {
    let asked = slice::from_ref(client);
    let is_subscriber = subscriptions::subscription(core, (actor, client), &found.id).await?.is_some();
    if permitted.members.is_empty() || is_subscriber {
        return Ok(nothing_to_do(asked.to_vec(), permitted.failed, found));
    }
    ask_before_adding(core, (actor, client), &found.id, asked).await?;
    let request = request(core, (actor, client), asked, asked.to_vec()).await?;
    let failed = subscriptions::subscribe(core, actor, &found.id, &request).await?.map_err(refused)?;
    Ok(nothing_to_do(asked.to_vec(), failed, found))
}

/// What the rules allow, with the conversation then. Asked before the hook; the store asks once more under the conversation's
/// lock: a hook may take seconds, and another node may have changed members and what they may do meanwhile.
async fn permitted(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    (members, ask): (&[ClientId], AskRules),
) -> Result<(Conversation, Permitted), RequestError> {
    core.check_app(actor)?;
    let request = request(core, (actor, client), members, members.to_vec()).await?;
    let standing = core.store.standing(&actor.app.id, conversation, &request.named()).await?;
    let standing = standing.ok_or_else(|| RequestError::code(Code::ConversationNotFound))?;
    check_kind(standing.conversation.kind, is_oneself(client, members))?;
    let permitted = ask(&standing, &request).map_err(refused)?;
    Ok((standing.conversation, permitted))
}

/// Members of basic conversations are added and removed; a chat room is joined and left, and so is a service conversation.
fn check_kind(kind: ConversationKind, by_oneself: bool) -> Result<(), RequestError> {
    let detail = match kind {
        ConversationKind::Basic => return Ok(()),
        ConversationKind::ChatRoom | ConversationKind::Service if by_oneself => return Ok(()),
        ConversationKind::ChatRoom => "a client joins and leaves a chat room itself; nobody else is added or removed",
        ConversationKind::Service => "a client subscribes to a service conversation itself, and ends that itself",
        ConversationKind::Temporary => "the members of a temporary conversation are fixed",
    };
    Err(RequestError::detailed(Code::NormalConversationRequired, detail))
}

/// The change of `members`, of all those that the client asked for. Only members act on others (4317).
async fn request(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    asked: &[ClientId],
    members: Vec<ClientId>,
) -> Result<MembershipRequest, RequestError> {
    let rules = member_rules(core, actor).await?;
    Ok(MembershipRequest { by: client.clone(), members, by_member_only: !is_oneself(client, asked), rules })
}

/// What the app has switched on.
pub(super) async fn member_rules(core: &ImCore, actor: &Actor) -> Result<MemberRules, RequestError> {
    let settings = core.settings.get(&actor.app.id).await?;
    let (blacklist, roles) = (settings.blacklist, settings.roles);
    Ok(MemberRules { blacklist, roles, member_can_add: settings.member_can_add })
}

fn refused(why: MembersUnchanged) -> RequestError {
    RequestError::code(match why {
        MembersUnchanged::NoConversation => Code::ConversationNotFound,
        MembersUnchanged::NotAMember => Code::ConversationMembershipRequired,
        MembersUnchanged::Unauthorized => Code::OperationUnauthorized,
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

fn nothing_to_do(members: Vec<ClientId>, failed: Vec<FailedMembers>, conversation: &Conversation) -> MembershipResult {
    MembershipResult { allowed: others(members, &failed), failed, updated_at: conversation.updated_at }
}

fn result(asked: Vec<ClientId>, failed_before: Vec<FailedMembers>, change: MembershipChange) -> MembershipResult {
    let MembershipChange { refused, forbidden, conversation, .. } = change;
    let mut failed = failed_before;
    for FailedMembers { code, detail, members } in forbidden {
        match failed.iter_mut().find(|earlier| earlier.code == code) {
            Some(earlier) => earlier.members.extend(members),
            None => failed.push(FailedMembers { code, detail, members }),
        }
    }
    if !refused.is_empty() {
        let detail = Some(format!("a conversation has at most {MAX_MEMBERS} members"));
        failed.push(FailedMembers { code: Code::ConversationFull, detail, members: refused });
    }
    MembershipResult { allowed: others(asked, &failed), failed, updated_at: conversation.updated_at }
}

/// Those that did not fail.
pub(super) fn others(asked: Vec<ClientId>, failed: &[FailedMembers]) -> Vec<ClientId> {
    let failed: HashSet<&ClientId> = failed.iter().flat_map(|failed| &failed.members).collect();
    asked.into_iter().filter(|client| !failed.contains(client)).collect()
}
