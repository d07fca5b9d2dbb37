//! What both backends share of subscriptions.

use hookd_im_core::error::Code;
use hookd_im_core::ids::ClientId;
use hookd_im_core::store::FailedMembers;

/// A client has as many subscriptions as it may have.
pub(crate) fn beyond_limit(client: &ClientId, limit: usize) -> FailedMembers {
    let detail = Some(format!("a client subscribes to at most {limit} service conversations"));
    FailedMembers { code: Code::ConversationFull, detail, members: vec![client.clone()] }
}
