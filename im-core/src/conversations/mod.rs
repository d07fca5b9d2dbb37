//! Conversations: creation, membership, attributes, queries.
//!
//! Rules: S-7, S-9, S-11, S-12, S-20 … S-25, S-102 … S-105, S-123 … S-130, P-65 … P-69, P-71 … P-80, P-97, P-98,
//! P-102 … P-105.
//! What members may do to each other is in `restrictions`.

mod announce;
mod attribute_changes;
mod blacklist;
mod expired;
mod is_member;
mod membership;
mod query;
mod restriction_decision;
mod restrictions;
mod retention;
mod roles;
mod room;
mod row;
mod service;
mod signed;
mod start;
mod subscriptions;
mod temporary_silence;
mod update;

pub use blacklist::{MAX_REFUSED, RefusedPage, accept, refuse, refused, which_refused};
pub use expired::delete_expired;
pub use is_member::{ASKED_CONVERSATIONS, is_member};
pub use membership::{MembershipResult, add, remove};
pub use query::{count, find, find_temporary};
pub use restriction_decision::{MAX_RESTRICTED, RestrictionChange};
pub use restrictions::{RestrictedPage, RestrictionResult, change_restriction, restricted, which_restricted};
pub use retention::delete_old;
pub use roles::{member_infos, set_role};
pub use room::{ROOM_SAMPLE, sample};
pub(crate) use service::existing_service;
pub use service::{SUBSCRIBER_PAGE, create_service, services, subscribe_client, subscribers, unsubscribe_client};
pub use signed::check_signature;
pub use start::{MAX_TEMPORARY_MEMBERS, StartConversation, start};
pub use subscriptions::MAX_SUBSCRIPTIONS;
pub use temporary_silence::{LONGEST_SILENCE, end_silence, silence_for};
pub use update::{UpdatedAttributes, set_muted, update};

use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::{ClientId, ConversationId, MAX_CLIENT_ID_CHARACTERS};
use crate::store::Conversation;

/// Members that a basic conversation may have (S-27).
pub const MAX_MEMBERS: usize = 500;

/// Bytes of a conversation's attributes as JSON.
pub const MAX_ATTRIBUTES_BYTES: usize = 64 * 1024;

/// How deep attributes may nest. Hooks get them inside their params, and must be able to read those.
pub const MAX_ATTRIBUTES_DEPTH: usize = 100;

const _: () =
    assert!(MAX_ATTRIBUTES_DEPTH + 8 < foreign_json::MAX_DEPTH, "params hold attributes, and nest deeper than these");

/// The conversation.
///
/// # Errors
/// 4303 no such conversation.
pub async fn existing(core: &ImCore, actor: &Actor, id: &ConversationId) -> Result<Conversation, RequestError> {
    let found = core.store.conversation(&actor.app.id, id).await?;
    found.ok_or_else(|| RequestError::code(Code::ConversationNotFound))
}

/// Members that a request names must be ids that a client can have (S-1).
///
/// # Errors
/// 4301 with a detail.
fn check_members(members: &[ClientId]) -> Result<(), RequestError> {
    match members.iter().position(|member| !member.is_valid()) {
        None => Ok(()),
        Some(position) => {
            let detail = format!(
                "member {} of {} is empty or too long: a client id has 1 to {MAX_CLIENT_ID_CHARACTERS} characters",
                position.saturating_add(1),
                members.len()
            );
            Err(RequestError::detailed(Code::ConversationApiFailed, detail))
        }
    }
}

/// Client ids as hooks get them.
pub(crate) fn texts(clients: &[ClientId]) -> Vec<String> {
    clients.iter().map(|client| client.as_str().to_owned()).collect()
}
