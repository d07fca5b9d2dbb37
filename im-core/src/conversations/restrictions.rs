//! Silencing members.

use std::sync::Arc;

use super::announce::{item, keep};
use super::membership::without_duplicates;
use super::{check_members, existing};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, ChangedRestriction, Event, Place, Push, Recipient};
use crate::error::{Code, Refusal, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    ChangedStanding, ClientPage, Conversation, ConversationKind, FailedMembers, Restriction, Standing, StandingChange,
    StandingDecision,
};

/// Members that may be silenced in a basic conversation (S-27).
pub const MAX_SILENCED: usize = 500;

/// Clients that one page of a list may have (S-125).
const MAX_PAGE: u32 = 100;

/// A change of what clients may do in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestrictionChange {
    /// What it is about.
    pub restriction: Restriction,
    /// It is taken back.
    pub is_lifted: bool,
}

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

/// Restricts clients in a conversation, or lifts that (P-102). Those that change learn of it, and all members (P-103).
///
/// # Errors
/// 4301 a client id that no client can have, 4303 no such conversation, 4314 it is of another kind, 4317 the acting client is not a member. Clients that it
/// is not possible for are a partial result: 4317 not a member, 4561 the list is full.
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
    let clients = without_duplicates(clients);
    let _lock = core.conversation_locks.lock(&actor.app.id, conversation).await;
    core.check_app(actor)?;
    let (by, asked) = (client.clone(), clients.clone());
    let decide = Box::new(move |standing: &Standing| decide(standing, &by, change, asked));
    let changed = core.store.change_standing(&actor.app.id, conversation, &clients, decide).await?;
    let changed = changed.ok_or_else(|| RequestError::code(Code::ConversationNotFound))??;
    let ChangedStanding { decision: StandingDecision { change: made, failed }, conversation: now } = changed;
    if !made.clients().is_empty() {
        announce(core, (actor, client), &now, (change, made.clients())).await;
    }
    let has_failed = |client: &ClientId| failed.iter().any(|failed| failed.members.contains(client));
    Ok(RestrictionResult { allowed: clients.into_iter().filter(|client| !has_failed(client)).collect(), failed })
}

/// A part of the clients that have a restriction (P-102): `limit` of them, 1 to 100, after `after`, which is the
/// [`RestrictedPage::next`] of the part before.
///
/// # Errors
/// 4303 no such conversation, 4314 it is of another kind, 4317 the asking client is not a member.
pub async fn restricted(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    restriction: Restriction,
    page: ClientPage,
) -> Result<RestrictedPage, RequestError> {
    check_acting_member(&existing(core, actor, conversation).await?, actor.client()?)?;
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
    let clients = without_duplicates(clients);
    let standing = core.store.standing(&actor.app.id, conversation, &clients).await?;
    let standing = standing.ok_or_else(|| RequestError::code(Code::ConversationNotFound))?;
    check_acting_member(&standing.conversation, asking)?;
    let named = &standing.restricted(restriction).named;
    Ok(clients.into_iter().filter(|client| named.contains(client)).collect())
}

/// Service and temporary conversations know no silence (S-125).
fn check_acting_member(conversation: &Conversation, client: &ClientId) -> Result<(), Refusal> {
    if matches!(conversation.kind, ConversationKind::Service | ConversationKind::Temporary) {
        return Err(Refusal { code: Code::NormalConversationRequired, detail: None });
    }
    if conversation.has_member(client) {
        return Ok(());
    }
    Err(Refusal { code: Code::ConversationMembershipRequired, detail: None })
}

/// What becomes of a request, from what holds under the conversation's lock.
fn decide(
    standing: &Standing,
    by: &ClientId,
    RestrictionChange { restriction, is_lifted }: RestrictionChange,
    asked: Vec<ClientId>,
) -> Result<StandingDecision, Refusal> {
    check_acting_member(&standing.conversation, by)?;
    let listed = standing.restricted(restriction);
    if is_lifted {
        let clients = asked.into_iter().filter(|client| listed.named.contains(client)).collect();
        return Ok(StandingDecision { change: StandingChange::Lift(restriction, clients), failed: Vec::new() });
    }
    let new = asked.into_iter().filter(|client| !listed.named.contains(client));
    let (mut clients, strangers): (Vec<_>, Vec<_>) = new.partition(|client| standing.conversation.has_member(client));
    let room = MAX_SILENCED.saturating_sub(listed.in_all);
    let beyond = clients.split_off(room.min(clients.len()));
    let mut failed = Vec::new();
    let mut fail = |code, detail: String, members: Vec<ClientId>| {
        if !members.is_empty() {
            failed.push(FailedMembers { code, detail: Some(detail), members });
        }
    };
    let not_a_member = "only members can be silenced".to_owned();
    fail(Code::ConversationMembershipRequired, not_a_member, strangers);
    let full = format!("at most {MAX_SILENCED} members of a conversation can be silenced");
    fail(Code::SilencedMemberListFull, full, beyond);
    Ok(StandingDecision { change: StandingChange::Restrict(restriction, clients), failed })
}

/// `shutuped` or `unshutuped` to each of `changed`, `members_shutuped` or `members_unshutuped` to every member (P-103). Called
/// under the conversation's lock.
async fn announce(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    now: &Conversation,
    (RestrictionChange { restriction, is_lifted }, changed): (RestrictionChange, &[ClientId]),
) {
    let operation = match (restriction, is_lifted) {
        (Restriction::Silenced, false) => "shutuped",
        (Restriction::Silenced, true) => "unshutuped",
    };
    let kept = keep(core, actor, item(operation, &now.id, by), changed).await;
    let change = ChangedRestriction {
        conversation: now.id.clone(),
        restriction,
        is_lifted,
        clients: Arc::from(changed),
        by: by.clone(),
        server_timestamp: None,
    };
    let times = kept.into_iter().map(Some).chain(std::iter::repeat(None));
    let own = changed.iter().zip(times).map(|(client, server_timestamp)| Push {
        recipients: vec![Recipient::Client(client)],
        event: Event::Restricted(ChangedRestriction { server_timestamp, ..change.clone() }),
    });
    let mut pushes: Vec<Push<'_>> = own.collect();
    let members = now.members.iter().map(Recipient::Client).collect();
    pushes.push(Push { recipients: members, event: Event::MembersRestricted(change) });
    let place = Place::transient(&Before::from(now));
    core.delivery.deliver_at(&actor.app.id, &place, &pushes, actor.origin);
}
