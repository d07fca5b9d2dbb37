//! A message that may go out.

use std::collections::HashSet;

use super::{SentMessage, content};
use crate::delivery::PatchReason;
use crate::ids::ClientId;
use crate::store::MessageBody;

/// A message that may go out.
#[derive(Debug)]
pub(super) struct Reviewed {
    /// The body to store and deliver.
    pub(super) body: MessageBody,
    /// The receivers.
    pub(super) receivers: Receivers,
    /// Present when the body is not the sender's.
    pub(super) rewrite: Option<Rewrite>,
    /// Present when the sender has got its answer already: a will.
    pub(super) acknowledged: Option<SentMessage>,
}

/// The receivers of a message, also when members come and go before it is stored.
#[derive(Debug)]
pub(super) enum Receivers {
    /// The other members.
    Members,
    /// Those that the hook gave.
    Given {
        /// As given; they need not be members (S-89).
        peers: Vec<ClientId>,
        /// The other members when the hook was asked.
        members_then: Vec<ClientId>,
    },
}

impl Receivers {
    /// True when they are not simply the other members.
    pub(super) fn are_given(&self) -> bool {
        matches!(self, Self::Given { .. })
    }

    /// The receivers when these are the members: a member that has left since gets nothing.
    pub(super) fn now(&self, members: &[ClientId], sender: &ClientId) -> Vec<ClientId> {
        match self {
            Self::Members => members.iter().filter(|member| *member != sender).cloned().collect(),
            Self::Given { peers, members_then } => {
                let members: HashSet<&ClientId> = members.iter().collect();
                let left: HashSet<&ClientId> = members_then.iter().filter(|then| !members.contains(then)).collect();
                peers.iter().filter(|peer| !left.contains(peer)).cloned().collect()
            }
        }
    }
}

impl Reviewed {
    /// The message when no hook changes it.
    pub(super) fn unchanged(body: MessageBody) -> Self {
        Self { body, receivers: Receivers::Members, rewrite: None, acknowledged: None }
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let receivers: usize = match &self.receivers {
            Receivers::Members => 0,
            Receivers::Given { peers, members_then } => {
                peers.iter().chain(members_then).map(|client| size_of::<ClientId>() + client.as_str().len()).sum()
            }
        };
        let reason = self.rewrite.as_ref().and_then(|rewrite| rewrite.reason.as_ref());
        content::size(&self.body) + receivers + reason.map_or(0, |reason| reason.detail.len())
    }
}

/// The word filter or the hook changed the body.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    /// What the sender sees of it (S-50).
    pub(super) reason: Option<PatchReason>,
}
