//! How far the others have received and read.

use crate::actor::Actor;
use crate::conversations::existing;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{ConversationKind, ReceiptMarks};
use crate::timestamp::Timestamp;

/// How far the other members of a conversation have received and read (P-91).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The highest delivery mark of all.
    pub delivered_at: Option<Timestamp>,
    /// The highest read mark of all.
    pub read_at: Option<Timestamp>,
    /// Of each member that has a mark; those with a read mark first.
    pub members: Vec<ReceiptMarks>,
}

/// The marks of the other members. There are none in chat rooms and service conversations; old clients ask all the same.
///
/// # Errors
/// 4303 no such conversation, 4317 not a member.
pub async fn marks(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<Marks, RequestError> {
    let client = actor.client()?;
    let found = existing(core, actor, conversation).await?;
    if matches!(found.kind, ConversationKind::ChatRoom | ConversationKind::Service) {
        return Ok(Marks::default());
    }
    if !found.has_member(client) {
        return Err(RequestError::code(Code::ConversationMembershipRequired));
    }
    let mut members = core.store.receipt_marks(&actor.app.id, conversation).await?;
    members.retain(|member| member.client != *client);
    // The client takes the first one for "the other side", and cannot take one without a read mark (P-91).
    members.sort_by_key(|member| member.read_at.is_none());
    Ok(Marks {
        delivered_at: members.iter().filter_map(|member| member.delivered_at).max(),
        read_at: members.iter().filter_map(|member| member.read_at).max(),
        members,
    })
}
