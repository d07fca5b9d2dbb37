//! What limits a request about members, and what it answers about those that it is refused for.

use crate::error::Code;
use crate::ids::ClientId;

/// What an app has switched on about members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberRules {
    /// Blacklists count (S-127, S-128).
    pub blacklist: bool,
    /// Roles count (S-123).
    pub roles: bool,
    /// Where roles count, a member may add others.
    pub member_can_add: bool,
}

/// Clients for which a request was not carried out, all for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedMembers {
    /// The reason.
    pub code: Code,
    /// Text for people.
    pub detail: Option<String>,
    /// The clients.
    pub members: Vec<ClientId>,
}
