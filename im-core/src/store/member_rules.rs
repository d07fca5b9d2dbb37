//! Whom a client may add and remove. Asked before the hooks, and once more in the transaction that changes the members.

use super::{FailedMembers, MemberRules, MembersUnchanged, MembershipRequest, Role, Standing};
use crate::error::Code;
use crate::ids::ClientId;

/// What a request may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// In the order of the request.
    pub members: Vec<ClientId>,
    /// The rest, by reason.
    pub failed: Vec<FailedMembers>,
}

impl Permitted {
    fn fail(&mut self, code: Code, detail: &str, members: Vec<ClientId>) {
        if !members.is_empty() {
            self.failed.push(FailedMembers { code, detail: Some(detail.to_owned()), members });
        }
    }
}

/// Asks the rules about a request.
pub type AskRules = fn(&Standing, &MembershipRequest) -> Result<Permitted, MembersUnchanged>;

/// From the lowest (P-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Member,
    Manager,
    Owner,
}

impl Standing {
    /// True where `by` may act on `client`: its rank is greater (P-98). Without roles each member may act on each (S-124).
    pub fn outranks(&self, rules: MemberRules, by: &ClientId, client: &ClientId) -> bool {
        !rules.roles || self.rank(by) > self.rank(client)
    }

    fn rank(&self, client: &ClientId) -> Rank {
        match self.roles.get(client) {
            _ if self.conversation.creator.as_ref() == Some(client) => Rank::Owner,
            Some(Role::Manager) => Rank::Manager,
            Some(Role::Member) | None => Rank::Member,
        }
    }
}

impl MembershipRequest {
    /// Those whose standing the rules want to know.
    pub fn named(&self) -> Vec<ClientId> {
        let acting = (!self.members.contains(&self.by)).then_some(&self.by);
        self.members.iter().chain(acting).cloned().collect()
    }
}

/// Those that may be added. Present members are as asked (S-24).
///
/// # Errors
/// Nobody may be: the acting client is not a member, or its role does not allow it.
pub fn permitted_to_add(standing: &Standing, request: &MembershipRequest) -> Result<Permitted, MembersUnchanged> {
    let MembershipRequest { by, members, by_member_only, rules } = request;
    check_acting(standing, request)?;
    if *by_member_only && rules.roles && !rules.member_can_add && standing.rank(by) == Rank::Member {
        return Err(MembersUnchanged::Unauthorized);
    }
    let has_member = |client: &ClientId| standing.conversation.has_member(client);
    let is_blocked = |client: &ClientId| standing.blocked.named.contains(client);
    // A client that refuses to be added may still join.
    let is_refusing = |client: &ClientId| client != by && standing.refusing.contains(client);
    let is_kept_out =
        |client: &ClientId| rules.blacklist && !has_member(client) && (is_blocked(client) || is_refusing(client));
    let (kept_out, members): (Vec<_>, Vec<_>) = members.iter().cloned().partition(is_kept_out);
    let mut permitted = Permitted { members, failed: Vec::new() };
    let detail = "the conversation has blocked the client, or the client the conversation";
    permitted.fail(Code::BlockedByConversation, detail, kept_out);
    Ok(permitted)
}

/// Those that may be removed. Absent ones are as asked (S-24), and each client may leave, except an owner where roles are in use
/// (P-69).
///
/// # Errors
/// Nobody may be: the acting client is not a member, or its role does not allow it.
pub fn permitted_to_remove(standing: &Standing, request: &MembershipRequest) -> Result<Permitted, MembersUnchanged> {
    let MembershipRequest { by, members, rules, .. } = request;
    check_acting(standing, request)?;
    let has_member = |client: &ClientId| standing.conversation.has_member(client);
    let is_allowed = |client: &ClientId| !has_member(client) || client == by || standing.outranks(*rules, by, client);
    let is_needed = |client: &ClientId| {
        rules.roles && standing.has_roles && has_member(client) && standing.rank(client) == Rank::Owner
    };
    let (needed, others): (Vec<_>, Vec<_>) = members.iter().cloned().partition(is_needed);
    let (members, forbidden): (Vec<_>, Vec<_>) = others.into_iter().partition(is_allowed);
    if members.is_empty() && !forbidden.is_empty() {
        return Err(MembersUnchanged::Unauthorized);
    }
    let mut permitted = Permitted { members, failed: Vec::new() };
    permitted.fail(Code::OwnerNeeded, "the owner stays while roles are in use", needed);
    permitted.fail(Code::OperationUnauthorized, OUTRANKED, forbidden);
    Ok(permitted)
}

/// Why a role is too low.
pub const OUTRANKED: &str = "only a manager acts on members, and only the owner on managers";

fn check_acting(standing: &Standing, request: &MembershipRequest) -> Result<(), MembersUnchanged> {
    if request.by_member_only && !standing.conversation.has_member(&request.by) {
        return Err(MembersUnchanged::NotAMember);
    }
    Ok(())
}
