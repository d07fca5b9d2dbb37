//! Sending a message.

use std::sync::Arc;
use std::time::Instant;

use super::commit::commit_and_deliver;
use super::other_members::{OtherMembers, other_members};
use super::recent_sends::{Outcome, Turn};
use super::review::review;
use super::reviewed::Reviewed;
use super::{MAX_MESSAGE_BYTES, SendMessage, SentMessage, content};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ClientId;
use crate::store::{ConversationKind, MessageBody};

/// Takes a message through the steps of S-100. What it causes on the sender's own socket waits for the reply.
///
/// Run it to the end: when a caller drops the future after the message is stored, online members do not get it.
///
/// # Errors
/// 4109 too large, 4401 not a member or no such conversation, 4303 no such temporary conversation, 4563 silenced, 4548 blocked, 4402 dropped by
/// `_messageReceived`, 4200 the hook failed and the policy is to abort.
#[tracing::instrument(
    skip_all,
    fields(app = %actor.app.id, client = %actor.identity, conversation = %message.conversation)
)]
pub async fn send(core: &ImCore, actor: &Actor, mut message: SendMessage) -> Result<SentMessage, RequestError> {
    let arrived_at = Instant::now();
    check_size(&message.body)?;
    let OtherMembers { members, kind, .. } = other_members(core, actor, &message.conversation, None).await?;
    message.deduplication_token.take_if(|token| token.is_empty());
    let Some(token) = message.deduplication_token.clone() else {
        let reviewed = review(core, actor, &message, (members, kind)).await?;
        return commit_and_deliver(core, actor, &message, (&reviewed, None)).await;
    };
    let turn = core.recent_sends.turn(actor, &message.conversation, (&token, arrived_at)).await?;
    let reviewed = match turn.last_outcome() {
        Some(Outcome::Sent(sent)) => return Ok(sent),
        Some(Outcome::Refused(refusal)) => return Err(refusal.into()),
        Some(Outcome::Unknown(reviewed)) => Some(reviewed),
        None => None,
    };
    let sent = send_in_turn(core, actor, &message, ((members, kind), reviewed), &turn).await;
    turn.remember_answer(&sent);
    sent
}

/// Goes on where an earlier attempt at the same message ended, if there was one.
async fn send_in_turn(
    core: &ImCore,
    actor: &Actor,
    message: &SendMessage,
    (members, reviewed): ((Vec<ClientId>, ConversationKind), Option<Arc<Reviewed>>),
    turn: &Turn<'_>,
) -> Result<SentMessage, RequestError> {
    let reviewed = match reviewed {
        Some(reviewed) => reviewed,
        None => Arc::new(review(core, actor, message, members).await?),
    };
    let sent = commit_and_deliver(core, actor, message, (reviewed.as_ref(), Some(turn))).await;
    if let Err(RequestError::Store(_)) = &sent {
        turn.remember_unknown(reviewed);
    }
    sent
}

pub(super) fn check_size(body: &MessageBody) -> Result<(), RequestError> {
    let size = content::size(body);
    if size > MAX_MESSAGE_BYTES {
        let detail = format!("the message has {size} bytes; at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(RequestError::detailed(Code::FrameTooLong, detail));
    }
    Ok(())
}
