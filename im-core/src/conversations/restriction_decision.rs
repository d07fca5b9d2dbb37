//! What becomes of a request to restrict clients, from what holds under the conversation's lock.

use crate::error::{Code, Refusal};
use crate::ids::ClientId;
use crate::store::{
    Conversation, ConversationKind, FailedMembers, MemberRules, OUTRANKED, Restriction, Standing, StandingChange,
    StandingDecision,
};

/// Clients of one list in a basic conversation (S-27).
pub const MAX_RESTRICTED: usize = 500;

/// In one that has no members in the store.
const MAX_RESTRICTED_OF_MANY: usize = 10_000;

/// A change of what clients may do in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestrictionChange {
    /// What it is about.
    pub restriction: Restriction,
    /// It is taken back.
    pub is_lifted: bool,
}

/// The request, without those that it changes nothing for and those that it is not possible for.
///
/// # Errors
/// 4314 a kind of conversation without such a list, 4317 the acting client is not a member, 4320 its role is too low for all
/// (P-98).
pub(super) fn decide(
    standing: &Standing,
    (by, rules): (&ClientId, MemberRules),
    RestrictionChange { restriction, is_lifted }: RestrictionChange,
    asked: Vec<ClientId>,
) -> Result<StandingDecision, Refusal> {
    check_acting_member(&standing.conversation, by, restriction)?;
    let (asked, outranking): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|client| standing.outranks(rules, by, client));
    if asked.is_empty() && !outranking.is_empty() {
        return Err(Refusal { code: Code::OperationUnauthorized, detail: Some(OUTRANKED.to_owned()) });
    }
    let mut failed = Vec::new();
    let mut fail = |code, detail: &str, members: Vec<ClientId>| {
        if !members.is_empty() {
            failed.push(FailedMembers { code, detail: Some(detail.to_owned()), members });
        }
    };
    fail(Code::OperationUnauthorized, OUTRANKED, outranking);
    let (listed, kind) = (standing.restricted(restriction), standing.conversation.kind);
    if is_lifted {
        let clients = asked.into_iter().filter(|client| listed.named.contains(client)).collect();
        return Ok(StandingDecision { change: StandingChange::Lift(restriction, clients), failed });
    }
    let new = asked.into_iter().filter(|client| !listed.named.contains(client));
    let (mut clients, unfit): (Vec<_>, Vec<_>) = new.partition(|client| match restriction {
        // Who is in a chat room changes all the time.
        Restriction::Silenced => kind == ConversationKind::ChatRoom || standing.conversation.has_member(client),
        Restriction::Blocked => client != by,
    });
    let most = match kind {
        ConversationKind::Basic | ConversationKind::Temporary => MAX_RESTRICTED,
        ConversationKind::ChatRoom | ConversationKind::Service => MAX_RESTRICTED_OF_MANY,
    };
    let room = most.saturating_sub(listed.in_all);
    let beyond = clients.split_off(room.min(clients.len()));
    let (why_unfit, why_beyond) = match restriction {
        Restriction::Silenced => (
            (Code::ConversationMembershipRequired, "only members can be silenced"),
            (Code::SilencedMemberListFull, format!("at most {most} clients can be silenced in a conversation")),
        ),
        Restriction::Blocked => (
            (Code::OperationUnauthorized, "a client cannot block itself"),
            (Code::BlacklistFull, format!("the blacklist of a conversation has at most {most} clients")),
        ),
    };
    fail(why_unfit.0, why_unfit.1, unfit);
    fail(why_beyond.0, &why_beyond.1, beyond);
    Ok(StandingDecision { change: StandingChange::Restrict(restriction, clients), failed })
}

/// Only members act on others; who is in a chat room the store does not know. Temporary conversations have no such lists, and nobody is silenced in a service conversation
/// (S-125, S-128).
///
/// # Errors
/// 4314, 4317.
pub(super) fn check_acting_member(
    conversation: &Conversation,
    client: &ClientId,
    restriction: Restriction,
) -> Result<(), Refusal> {
    let refused = |code| Err(Refusal { code, detail: None });
    match (conversation.kind, restriction) {
        (ConversationKind::Temporary, _) | (ConversationKind::Service, Restriction::Silenced) => {
            refused(Code::NormalConversationRequired)
        }
        (ConversationKind::ChatRoom, _) => Ok(()),
        _ if !conversation.has_member(client) => refused(Code::ConversationMembershipRequired),
        _ => Ok(()),
    }
}
