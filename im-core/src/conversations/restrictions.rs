//! Silencing and blocking.

use std::sync::Arc;

use hook_types::{ConversationRemoved, ConversationRemovedParams};

use super::announce::{item, keep, pushes_of_leaving};
use super::blacklist::check_switch;
use super::membership::{member_rules, others, without_duplicates};
use super::restriction_decision::{RestrictionChange, check_acting_member, decide};
use super::{check_members, existing, room, texts};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, ChangedRestriction, Event, Place, Push, Recipient};
use crate::error::{Code, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    ChangedStanding, ClientPage, Conversation, ConversationKind, FailedMembers, MembershipChange, Removal, Restriction,
    Standing, StandingChange,
};

/// Clients that one page of a list may have (S-125).
const MAX_PAGE: u32 = 100;

/// The answer to a change (P-102).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestrictionResult {
    /// As requested now, also those that were before, in the order of the request.
    pub allowed: Vec<ClientId>,
    /// The rest, by reason.
    pub failed: Vec<FailedMembers>,
}

/// A part of a list of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestrictedPage {
    /// The clients.
    pub clients: Vec<ClientId>,
    /// Where the next part begins; `None` at the end of the list.
    pub next: Option<String>,
}

/// Restricts clients in a conversation, or lifts that (P-102, P-104). Those that change learn of it, and all members (P-103,
/// P-105). Members that are blocked are removed, without a question to `_conversationRemove`.
///
/// # Errors
/// 4301 a client id that no client can have, 4303 no such conversation, 4314 it is of another kind, 4317 the acting client is not
/// a member, 4320 its role is too low, 4544 the app has no blacklists. Clients that it is not possible for are a partial result: 4317 not a member, 4320
/// oneself, or of a role that is too high, 4543 and 4561 the list is full.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn change_restriction(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    change: RestrictionChange,
    clients: Vec<ClientId>,
) -> Result<RestrictionResult, RequestError> {
    let client = actor.client()?;
    check_members(&clients)?;
    check_feature(core, actor, change.restriction).await?;
    let clients = without_duplicates(clients);
    let call = match change {
        RestrictionChange { restriction: Restriction::Blocked, is_lifted: false } => {
            let (init_by, conv_id) = (client.as_str().to_owned(), conversation.as_str().to_owned());
            let params = |removed: &MembershipChange| ConversationRemovedParams {
                init_by,
                conv_id,
                members: texts(&removed.changed),
            };
            let notifications = core.hooks.notifications();
            notifications.call_for::<ConversationRemoved, _>(&actor.app, Some(actor.address), params).await
        }
        _ => None,
    };
    let found = existing(core, actor, conversation).await?;
    let _lock = core.lock_to_change_members(&actor.app.id, conversation).await;
    core.check_app(actor)?;
    check_in_room(core, (actor, client), &found)?;
    let (by, asked, rules) = (client.clone(), clients.clone(), member_rules(core, actor).await?);
    let decide = Box::new(move |standing: &Standing| decide(standing, (&by, rules), change, asked));
    let named: Vec<ClientId> = clients.iter().chain([client]).cloned().collect();
    let changing = core.store.change_standing(&actor.app.id, conversation, (client, &named), decide, call);
    let changed = changing.await?.ok_or_else(|| RequestError::code(Code::ConversationNotFound))??;
    if let Some(removal) = &changed.removal {
        core.hooks.notifications().stored::<ConversationRemoved>(&actor.app, removal.call);
    }
    if let StandingChange::Restrict(Restriction::Blocked, blocked) = &changed.decision.change
        && found.kind == ConversationKind::ChatRoom
    {
        blocked.iter().for_each(|client| room::put_out(core, &actor.app.id, client, conversation));
    }
    if !changed.decision.change.clients().is_empty() {
        announce(core, (actor, client), (change, &changed), &Before::from(&found)).await;
    }
    let failed = changed.decision.failed;
    Ok(RestrictionResult { allowed: others(clients, &failed), failed })
}

/// A part of the clients that have a restriction (P-102): `limit` of them, 1 to 100, after `after`, which is the
/// [`RestrictedPage::next`] of the part before.
///
/// # Errors
/// 4303 no such conversation, 4314 it is of another kind, 4317 the asking client is not a member, 4544 the app has no blacklists.
pub async fn restricted(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    restriction: Restriction,
    page: ClientPage,
) -> Result<RestrictedPage, RequestError> {
    check_feature(core, actor, restriction).await?;
    let (asking, found) = (actor.client()?, existing(core, actor, conversation).await?);
    check_acting_member(&found, asking, restriction)?;
    check_in_room(core, (actor, asking), &found)?;
    let limit = page.limit.clamp(1, MAX_PAGE);
    // One more, which tells whether there is a next part.
    let page = ClientPage { limit: limit.saturating_add(1), ..page };
    let mut clients = core.store.restricted_clients(&actor.app.id, conversation, restriction, &page).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = clients.len() > limit;
    clients.truncate(limit);
    let next = clients.last().filter(|_| has_more).map(|last| last.as_str().to_owned());
    Ok(RestrictedPage { clients, next })
}

/// Those among `clients` that have a restriction, in the order of the request (P-102).
///
/// # Errors
/// 4301 a client id that no client can have, 4303 no such conversation, 4314 it is of another kind, 4317 the asking client is not a member.
pub async fn which_restricted(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    restriction: Restriction,
    clients: Vec<ClientId>,
) -> Result<Vec<ClientId>, RequestError> {
    let asking = actor.client()?;
    check_members(&clients)?;
    check_feature(core, actor, restriction).await?;
    let clients = without_duplicates(clients);
    let standing = core.store.standing(&actor.app.id, conversation, &clients).await?;
    let standing = standing.ok_or_else(|| RequestError::code(Code::ConversationNotFound))?;
    check_acting_member(&standing.conversation, asking, restriction)?;
    check_in_room(core, (actor, asking), &standing.conversation)?;
    let named = &standing.restricted(restriction).named;
    Ok(clients.into_iter().filter(|client| named.contains(client)).collect())
}

fn check_in_room(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &Conversation,
) -> Result<(), RequestError> {
    match conversation.kind {
        ConversationKind::ChatRoom => room::check_is_in(core, (actor, client), &conversation.id),
        _ => Ok(()),
    }
}

async fn check_feature(core: &ImCore, actor: &Actor, restriction: Restriction) -> Result<(), RequestError> {
    match restriction {
        Restriction::Silenced => Ok(()),
        Restriction::Blocked => check_switch(core, actor).await,
    }
}

/// `shutuped`, `blocked` … to each client that has changed, `members_shutuped`, `members_blocked` … to every member, and what the
/// removal of members leads to. Called under the conversation's lock.
async fn announce(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (RestrictionChange { restriction, is_lifted }, changed): (RestrictionChange, &ChangedStanding),
    before: &Before,
) {
    let operation = match (restriction, is_lifted) {
        (Restriction::Silenced, false) => "shutuped",
        (Restriction::Silenced, true) => "unshutuped",
        (Restriction::Blocked, false) => "blocked",
        (Restriction::Blocked, true) => "unblocked",
    };
    let (now, clients) = (&changed.conversation, changed.decision.change.clients());
    let kept = keep(core, actor, item(operation, &now.id, by), clients).await;
    let change = ChangedRestriction {
        conversation: now.id.clone(),
        restriction,
        is_lifted,
        clients: Arc::from(clients),
        by: by.clone(),
        server_timestamp: None,
    };
    let times = kept.into_iter().map(Some).chain(std::iter::repeat(None));
    let own = clients.iter().zip(times).map(|(client, server_timestamp)| Push {
        recipients: vec![Recipient::Client(client)],
        event: Event::Restricted(ChangedRestriction { server_timestamp, ..change.clone() }),
    });
    let mut pushes: Vec<Push<'_>> = own.collect();
    let members = match (now.kind, actor.session()) {
        (ConversationKind::ChatRoom, session) => {
            let acting = session.map(|session| Recipient::Session { client: by, session });
            acting.into_iter().chain([Recipient::Room { room: &now.id, except: by }]).collect()
        }
        _ => now.members.iter().map(Recipient::Client).collect(),
    };
    pushes.push(Push { recipients: members, event: Event::MembersRestricted(change) });
    let place = match &changed.removal {
        Some(Removal { members, sequence, .. }) => {
            pushes.extend(pushes_of_leaving(core, (actor, by), (now, *sequence), members).await);
            Place::stored(before, *sequence, now.updated_at)
        }
        None => Place::transient(&Before::from(now)),
    };
    core.delivery.deliver_at(&actor.app.id, &place, &pushes, actor.origin);
}
