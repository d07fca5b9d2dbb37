//! Roles of members (S-123, P-97, P-98).

use super::existing;
use super::membership::member_rules;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, ChangedRole, Event, Place, Push, Recipient};
use crate::error::{Code, Refusal, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    ChangedStanding, Conversation, ConversationKind, MemberInfo, MemberRules, OUTRANKED, Role, Standing,
    StandingChange, StandingDecision,
};

/// The name of a role that every conversation has exactly once: its creator has it.
const OWNER: &str = "Owner";

/// Gives a member a role, by its name. The other members learn of it.
///
/// # Errors
/// 4325 the app has no roles, 4321 no such role, 4320 `Owner`, or the acting client may not do it, 4301 a client id that no client
/// can have, 4303 no such conversation, 4314 not a basic one, 4317 the acting client or the target is not a member.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn set_role(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    (target, role): (ClientId, &str),
) -> Result<MemberInfo, RequestError> {
    let client = actor.client()?;
    // Whether there is such a conversation is said before anything else.
    existing(core, actor, conversation).await?;
    check_switch(core, actor).await?;
    let role = match Role::of_name(role) {
        Some(role) => role,
        None if role == OWNER => {
            let detail = "the owner of a conversation is the client that has created it";
            return Err(RequestError::detailed(Code::OperationUnauthorized, detail));
        }
        None => return Err(RequestError::detailed(Code::UnknownRole, "the roles are `Manager` and `Member`")),
    };
    super::check_members(std::slice::from_ref(&target))?;
    let info = MemberInfo { id: ConversationId::generate().as_str().to_owned(), client: target.clone(), role };
    let _lock = core.lock_to_change_members(&actor.app.id, conversation).await;
    core.check_app(actor)?;
    let (by, rules) = (client.clone(), member_rules(core, actor).await?);
    let decide = Box::new(move |standing: &Standing| decide(standing, (&by, rules), info));
    let named = [target, client.clone()];
    let changing = core.store.change_standing(&actor.app.id, conversation, (client, &named), decide, None);
    let changed = changing.await?.ok_or_else(|| RequestError::code(Code::ConversationNotFound))??;
    let ChangedStanding { decision: StandingDecision { change, .. }, conversation: now, .. } = changed;
    let StandingChange::SetRole(info) = change else {
        return Err(RequestError::code(Code::ConversationInternalError));
    };
    announce(core, (actor, client), &now, &info);
    Ok(info)
}

/// The roles that are stored for a conversation (P-97), for a member. Who has none is a member, or the owner.
///
/// # Errors
/// 4325 the app has no roles, 4303 no such conversation, 4317 the asking client is not a member.
pub async fn member_infos(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
) -> Result<Vec<MemberInfo>, RequestError> {
    check_switch(core, actor).await?;
    if !existing(core, actor, conversation).await?.has_member(actor.client()?) {
        return Err(RequestError::code(Code::ConversationMembershipRequired));
    }
    Ok(core.store.member_infos(&actor.app.id, conversation).await?)
}

async fn check_switch(core: &ImCore, actor: &Actor) -> Result<(), RequestError> {
    if core.settings.get(&actor.app.id).await?.roles {
        return Ok(());
    }
    let detail = "the members of this app have no roles; switch them on with `hookd settings --roles on`";
    Err(RequestError::detailed(Code::RolesDisabled, detail))
}

fn decide(
    standing: &Standing,
    (by, rules): (&ClientId, MemberRules),
    info: MemberInfo,
) -> Result<StandingDecision, Refusal> {
    let refused = |code, detail: &str| Err(Refusal { code, detail: Some(detail.to_owned()) });
    let conversation = &standing.conversation;
    if conversation.kind != ConversationKind::Basic {
        return refused(Code::NormalConversationRequired, "only members of a basic conversation have roles");
    }
    if !conversation.has_member(by) {
        return refused(Code::ConversationMembershipRequired, "the acting client is not a member");
    }
    if !standing.outranks(rules, by, &info.client) {
        return refused(Code::OperationUnauthorized, OUTRANKED);
    }
    if !conversation.has_member(&info.client) {
        return refused(Code::ConversationMembershipRequired, "only a member has a role");
    }
    Ok(StandingDecision { change: StandingChange::SetRole(info), failed: Vec::new() })
}

/// `member_info_changed` to the other members (S-21). Called under the conversation's lock.
fn announce(core: &ImCore, (actor, by): (&Actor, &ClientId), now: &Conversation, info: &MemberInfo) {
    let change =
        ChangedRole { conversation: now.id.clone(), client: info.client.clone(), role: info.role, by: by.clone() };
    let recipients = now.members.iter().filter(|member| *member != by).map(Recipient::Client).collect();
    let place = Place::transient(&Before::from(now));
    let push = Push { recipients, event: Event::RoleChanged(change) };
    core.delivery.deliver_at(&actor.app.id, &place, &[push], actor.origin);
}
