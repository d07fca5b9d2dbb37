//! What a request changes in the members of a conversation. The backends write it.

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{Conversation, MembershipChange};

/// Adds members up to the limit (S-27); those already present are as asked (S-24).
pub(crate) fn with_added(mut conversation: Conversation, members: &[ClientId], limit: usize) -> MembershipChange {
    let (mut changed, mut unchanged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        if conversation.has_member(member) {
            unchanged.push(member.clone());
        } else if conversation.members.len() < limit {
            conversation.members.push(member.clone());
            changed.push(member.clone());
        } else {
            refused.push(member.clone());
        }
    }
    MembershipChange { changed, unchanged, refused, forbidden: Vec::new(), sequence: None, conversation }
}

/// Removes members; those that are absent are as asked (S-24).
pub(crate) fn with_removed(mut conversation: Conversation, members: &[ClientId]) -> MembershipChange {
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for member in members {
        if conversation.has_member(member) {
            conversation.members.retain(|present| present != member);
            changed.push(member.clone());
        } else {
            unchanged.push(member.clone());
        }
    }
    // A member that comes back has not muted the conversation.
    conversation.muted.retain(|client| !changed.contains(client));
    let (refused, forbidden) = (Vec::new(), Vec::new());
    MembershipChange { changed, unchanged, refused, forbidden, sequence: None, conversation }
}
