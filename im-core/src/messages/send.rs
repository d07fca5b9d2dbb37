//! Sending a message.

use std::collections::HashSet;
use std::sync::Arc;

use hook_types::{MessageSent, MessageSentParams};

use super::review::{Reviewed, Rewrite, review};
use super::{MAX_MESSAGE_BYTES, content};
use crate::core::ImCore;
use crate::delivery::{DeliveredMessage, Event, PatchedMessage};
use crate::error::{Code, RequestError};
use crate::hooks::Receipt;
use crate::ids::{ClientId, ConversationId, MessageId};
use crate::request::RequestContext;
use crate::store::{AppendedMessage, CallBeside, MessageBody, NewMessage};
use crate::timestamp::Timestamp;

/// A request to send a message.
#[derive(Clone, Debug)]
pub struct SendMessage {
    /// Where.
    pub conversation: ConversationId,
    /// The body as the client gave it.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// Everybody is mentioned.
    pub mention_all: bool,
    /// Not to be stored; only for who is online (S-43).
    pub transient: bool,
    /// The sender asks for a receipt.
    pub receipt: bool,
    /// The client's own name for the message: the same one again is the same message (P-84).
    pub deduplication_token: Option<String>,
}

/// An accepted message: what the sender's `ack` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Made by the server.
    pub id: MessageId,
    /// Strictly increasing within the conversation, except for transient messages.
    pub timestamp: Timestamp,
    /// Where.
    pub conversation: ConversationId,
}

/// Takes a message through the steps of S-100. What it causes on the sender's own socket waits for the reply.
///
/// Run it to the end: a caller that drops the future after the message is stored keeps it from who is online.
///
/// # Errors
/// 4109 too large, 4401 not a member or no such conversation, 4402 dropped by `_messageReceived`, 4200 the hook failed
/// and the policy is to abort.
#[tracing::instrument(
    skip_all,
    fields(app = %request.app.id, client = %request.client, conversation = %message.conversation)
)]
pub async fn send(
    core: &ImCore,
    request: &RequestContext,
    mut message: SendMessage,
) -> Result<SentMessage, RequestError> {
    check_size(&message.body)?;
    let receivers = authorized_receivers(core, request, &message.conversation).await?;
    message.deduplication_token.take_if(|token| token.is_empty());
    let token = message.deduplication_token.clone();
    if let Some(first) = core.recent_sends.find(request, &message.conversation, token.as_deref()).await {
        return Ok(first);
    }
    let received_at = Timestamp::now();
    let reviewed = review(core, request, &message, receivers, received_at).await?;
    let (sent, told) = commit_and_deliver(core, request, message, reviewed).await?;
    told.written().await;
    core.recent_sends.remember(request, token.as_deref(), &sent).await;
    Ok(sent)
}

fn check_size(body: &MessageBody) -> Result<(), RequestError> {
    let size = content::size(body);
    if size > MAX_MESSAGE_BYTES {
        let detail = format!("the message has {size} bytes; at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(RequestError::detailed(Code::FrameTooLong, detail));
    }
    Ok(())
}

/// The other members; 4401 when the sender is not one of them.
async fn authorized_receivers(
    core: &ImCore,
    request: &RequestContext,
    conversation: &ConversationId,
) -> Result<Vec<ClientId>, RequestError> {
    let found = core.store.conversation(&request.app.id, conversation).await?;
    match found {
        Some(found) if found.has_member(&request.client) => {
            Ok(found.members.into_iter().filter(|member| *member != request.client).collect())
        }
        _ => Err(RequestError::code(Code::InvalidMessagingTarget)),
    }
}

/// Stores and fans out under one lock, so that every session gets messages in the order they were accepted (S-54).
/// Answers as well when `_messageSent` would outlive the process.
async fn commit_and_deliver(
    core: &ImCore,
    request: &RequestContext,
    message: SendMessage,
    reviewed: Reviewed,
) -> Result<(SentMessage, Receipt), RequestError> {
    let Reviewed { body, receivers, rewrite } = reviewed;
    let receivers = without_duplicates(receivers);
    let _lock = core.conversation_locks.lock(&request.app.id, &message.conversation).await;
    let patched_at = rewrite.is_some().then(Timestamp::now);
    let (stored, told) = commit(core, request, &message, &body, &receivers, patched_at).await?;
    let sent =
        SentMessage { id: stored.id.clone(), timestamp: stored.timestamp, conversation: message.conversation.clone() };
    if stored.duplicate {
        return Ok((sent, told));
    }
    let delivered = Arc::new(DeliveredMessage {
        conversation: message.conversation,
        id: stored.id,
        from: request.client.clone(),
        timestamp: stored.timestamp,
        body,
        mentions: message.mentions,
        mention_all: message.mention_all,
        transient: message.transient,
    });
    fan_out(core, request, &delivered, &receivers);
    if let (Some(rewrite), Some(patched_at)) = (rewrite, patched_at) {
        tell_sender(core, request, &delivered, rewrite, patched_at);
    }
    Ok((sent, told))
}

/// Stores the message, and its call of `_messageSent` with it. Of a transient one there is the call only.
async fn commit(
    core: &ImCore,
    request: &RequestContext,
    message: &SendMessage,
    body: &MessageBody,
    receivers: &[ClientId],
    patched_at: Option<Timestamp>,
) -> Result<(AppendedMessage, Receipt), RequestError> {
    let notifications = core.hooks.notifications();
    let id = MessageId::generate();
    let params = |id: &MessageId| sent_params(core, request, message, id, body, receivers);
    if message.transient {
        let timestamp = Timestamp::now();
        let params = || MessageSentParams { timestamp: timestamp.0, ..params(&id) };
        let told = notifications.notify::<MessageSent>(&request.app, params, Some(request.remote_address));
        return Ok((AppendedMessage { id, timestamp, duplicate: false, hook: CallBeside::Absent }, told));
    }
    let sent_hook =
        notifications.beside::<MessageSent>(&request.app, Some(request.remote_address), || params(&id)).await;
    let new = NewMessage {
        id: id.clone(),
        conversation: message.conversation.clone(),
        from: request.client.clone(),
        body: body.clone(),
        mentions: message.mentions.clone(),
        mention_all: message.mention_all,
        deduplication_token: message.deduplication_token.clone(),
        patched_at,
        sent_hook,
    };
    let stored = core.store.append_message(&request.app.id, new).await?;
    let mut stored = stored.ok_or_else(|| RequestError::code(Code::InvalidMessagingTarget))?;
    let told = notifications.stored::<MessageSent>(&request.app, std::mem::take(&mut stored.hook));
    Ok((stored, told))
}

/// The message to the receivers' sessions and to the sender's other ones (S-57).
fn fan_out(core: &ImCore, request: &RequestContext, message: &Arc<DeliveredMessage>, receivers: &[ClientId]) {
    let app = &request.app.id;
    let event = Event::Message(message.clone());
    for receiver in receivers.iter().filter(|receiver| **receiver != request.client) {
        core.registry.push(app, receiver, &event, Some(request), None);
    }
    core.registry.push(app, &request.client, &event, Some(request), Some(request.session));
}

fn without_duplicates(receivers: Vec<ClientId>) -> Vec<ClientId> {
    let mut seen = HashSet::new();
    receivers.into_iter().filter(|receiver| seen.insert(receiver.clone())).collect()
}

/// The sender's sessions, the sending one included, learn that the body is another one (P-96).
fn tell_sender(
    core: &ImCore,
    request: &RequestContext,
    message: &DeliveredMessage,
    rewrite: Rewrite,
    patched_at: Timestamp,
) {
    let event = Event::MessagePatched(Arc::new(PatchedMessage {
        conversation: message.conversation.clone(),
        id: message.id.clone(),
        from: message.from.clone(),
        timestamp: message.timestamp,
        // Differs from the message's own time (P-94), as the stored one does.
        patched_at: patched_at.max(Timestamp(message.timestamp.0.saturating_add(1))),
        body: message.body.clone(),
        mentions: message.mentions.clone(),
        mention_all: message.mention_all,
        reason: rewrite.reason,
    }));
    core.registry.push(&request.app.id, &request.client, &event, Some(request), None);
}

/// What `_messageSent` is told (S-90), without the timestamp; who is online is asked now (S-56).
fn sent_params(
    core: &ImCore,
    request: &RequestContext,
    message: &SendMessage,
    id: &MessageId,
    body: &MessageBody,
    receivers: &[ClientId],
) -> MessageSentParams {
    let (content, bin) = content::to_text(body);
    let is_online = |receiver: &&ClientId| core.registry.is_online(&request.app.id, receiver);
    let (online, offline): (Vec<_>, Vec<_>) = receivers.iter().partition(is_online);
    let texts = |clients: Vec<&ClientId>| clients.into_iter().map(|client| client.as_str().to_owned()).collect();
    MessageSentParams {
        from_peer: request.client.as_str().to_owned(),
        conv_id: message.conversation.as_str().to_owned(),
        msg_id: id.as_str().to_owned(),
        online_peers: texts(online),
        offline_peers: texts(offline),
        transient: message.transient,
        system: None,
        bin,
        content,
        receipt: message.receipt,
        timestamp: 0,
        source_ip: request.remote_address.to_string(),
    }
}
