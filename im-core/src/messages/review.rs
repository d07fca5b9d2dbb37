//! What `_messageReceived` makes of a message.

use std::collections::HashSet;

use hook_types::{MessageReceived, MessageReceivedParams, MessageReceivedReply};

use super::filtered::filtered;
use super::reviewed::{Receivers, Reviewed, Rewrite};
use super::{MAX_MESSAGE_BYTES, SendMessage, content};
use crate::actor::Actor;
use crate::conversations::texts;
use crate::core::ImCore;
use crate::delivery::PatchReason;
use crate::error::{Code, RequestError};
use crate::hooks::aborted_by;
use crate::ids::ClientId;
use crate::store::{ConversationKind, MessageBody};
use crate::timestamp::Timestamp;

/// Filters a message to the other `members`, asks `_messageReceived` (S-89) about it, and takes over what that changes. The
/// receivers in a chat room are no hook's choice, nor those of a message to a service conversation or to all its subscribers.
///
/// # Errors
/// 4402 with the hook's code and detail when it drops the message; 4200 when it failed and the policy is to abort.
pub(super) async fn review(
    core: &ImCore,
    actor: &Actor,
    message: &SendMessage,
    (members, kind): (Vec<ClientId>, ConversationKind),
) -> Result<Reviewed, RequestError> {
    review_of(core, (actor, actor.client()?), message, (members, kind)).await
}

/// The same for a message that bears the name of this client.
///
/// # Errors
/// As of [`review`].
pub(super) async fn review_of(
    core: &ImCore,
    (actor, from): (&Actor, &ClientId),
    message: &SendMessage,
    (members, kind): (Vec<ClientId>, ConversationKind),
) -> Result<Reviewed, RequestError> {
    let is_service = kind == ConversationKind::Service;
    let filtered = filtered(core, &actor.app.id, &message.body, (members.len(), kind)).await?;
    let body = filtered.as_ref().unwrap_or(&message.body);
    let bin = matches!(body, MessageBody::Binary(_));
    let mut reply = MessageReceivedReply::default();
    // Nothing is copied for a hook that is not there.
    if core.hooks.is_defined::<MessageReceived>(&actor.app) {
        reply = ask(core, (actor, from), (message, body), (&members, kind)).await?;
    }
    if reply.drop {
        return Err(RequestError::by_hook(Code::MessageRejectedByApp, reply.code, reply.detail));
    }
    reply.to_peers.take_if(|_| kind == ConversationKind::ChatRoom || (is_service && members.is_empty()));
    let reviewed = apply(reply, body.clone(), bin, members);
    Ok(if filtered.is_some() { reviewed.after_filter(&message.body) } else { reviewed })
}

async fn ask(
    core: &ImCore,
    (actor, from): (&Actor, &ClientId),
    (message, body): (&SendMessage, &MessageBody),
    (members, kind): (&[ClientId], ConversationKind),
) -> Result<MessageReceivedReply, RequestError> {
    let (content, bin) = content::to_text(body);
    let params = MessageReceivedParams {
        from_peer: from.as_str().to_owned(),
        conv_id: message.conversation.as_str().to_owned(),
        to_peers: texts(members),
        transient: message.transient,
        bin,
        content,
        receipt: message.receipt,
        timestamp: Timestamp::now().0,
        system: (kind == ConversationKind::Service).then_some(true),
        source_ip: actor.address.to_string(),
        ..MessageReceivedParams::default()
    };
    let check = |reply: &MessageReceivedReply| new_body(reply, bin).map(drop);
    let asking = core.hooks.before_checked::<MessageReceived>(&actor.app, &params, Some(actor.address), check);
    asking.await.map_err(aborted_by::<MessageReceived>(Code::InternalError))
}

/// What a reply makes of a body and its receivers.
pub(super) fn apply(
    reply: MessageReceivedReply,
    body: MessageBody,
    bin: bool,
    members_then: Vec<ClientId>,
) -> Reviewed {
    let changed = new_body(&reply, bin).ok().flatten().filter(|changed| *changed != body);
    let receivers = match reply.to_peers {
        Some(peers) => Receivers::Given { peers: known_once(peers), members_then },
        None => Receivers::Members,
    };
    let Some(changed) = changed else { return Reviewed { receivers, ..Reviewed::unchanged(body) } };
    // Negative codes are the server's own (S-50).
    let code = reply.code.filter(|code| *code > 0);
    let detail = reply.detail.unwrap_or_default();
    let reason = code.map(|code| PatchReason { code: code.into(), detail });
    Reviewed { body: changed, receivers, rewrite: Some(Rewrite { reason }), acknowledged: None }
}

/// Each id once, and only valid client ids (S-1).
fn known_once(peers: Vec<String>) -> Vec<ClientId> {
    let mut seen = HashSet::new();
    let peers = peers.into_iter().map(ClientId::new).filter(ClientId::is_valid);
    peers.filter(|peer| seen.insert(peer.clone())).collect()
}

/// The body that a reply asks for; the error says why it cannot be one.
pub(super) fn new_body(reply: &MessageReceivedReply, bin: bool) -> Result<Option<MessageBody>, String> {
    let Some(text) = reply.content.as_deref().filter(|_| !reply.drop) else {
        return Ok(None);
    };
    let body = content::from_text(text, reply.bin.unwrap_or(bin))
        .map_err(|error| format!("`content` is not Base64 although `bin` is true: {error}"))?;
    let size = content::size(&body);
    if size > MAX_MESSAGE_BYTES {
        return Err(format!("`content` has {size} bytes; a message has at most {MAX_MESSAGE_BYTES}"));
    }
    Ok(Some(body))
}
