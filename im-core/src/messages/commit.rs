//! Storing a message and handing it out.

use std::sync::Arc;

use hook_types::{MessageSent, MessageSentParams};

use super::other_members::{OtherMembers, other_members};
use super::recent_sends::Turn;
use super::reviewed::Reviewed;
use super::{SendMessage, SentMessage, content, offline};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, DeliveredMessage, Event, PatchReason, PatchedMessage, Place, Push, Recipient};
use crate::error::{Code, RequestError};
use crate::hooks::Written;
use crate::ids::{ClientId, MessageId};
use crate::keyed_locks::ConversationGuard;
use crate::store::{
    AppendedMessage, Committed, ConversationKind, MessageBody, NewMessage, NotAppended, StoreError, StoredMessage,
};
use crate::timestamp::Timestamp;

/// How often a message is tried while other nodes change the members, or what they may do, under its hands.
pub(super) const ATTEMPTS: usize = 8;

/// Stores and fans out under one lock, so that every session gets messages in the order they were accepted (S-54).
///
/// Sender and receivers are checked again there, because the hook took time. Answers when `_messageSent` would
/// outlive the process.
///
/// # Errors
/// 4401, 4303 or 4563 when the sender may not send any more, 4100 when the app is gone, 4200 when other nodes change the members
/// all the time, and what the store says.
pub(super) async fn commit_and_deliver(
    core: &ImCore,
    actor: &Actor,
    message: &SendMessage,
    (reviewed, turn): (&Reviewed, Option<&Turn<'_>>),
) -> Result<SentMessage, RequestError> {
    let client = actor.client()?;
    let lock = core.conversation_locks.lock(&actor.app.id, &message.conversation).await;
    let patched_at = reviewed.rewrite.is_some().then(Timestamp::now);
    let Commit { receivers, kind, before, row, written } =
        commit(core, (actor, client), message, (reviewed, patched_at), &lock).await?;
    let AppendedMessage { id, timestamp, sequence, earlier } = row;
    let conversation = message.conversation.clone();
    let sent = SentMessage { id: id.clone(), timestamp, conversation: conversation.clone() };
    let (delivered, patched_at, place, of_patch) = match earlier {
        None => {
            let delivered = DeliveredMessage {
                conversation,
                kind,
                id,
                from: client.clone(),
                timestamp,
                sequence: (!message.transient).then_some(sequence),
                body: reviewed.body.clone(),
                mentions: message.mentions.clone(),
                mention_all: message.mention_all,
                transient: message.transient,
                priority: message.priority,
            };
            let place = match message.transient {
                true => Place::transient(&before),
                false => Place::stored(&before, sequence, timestamp),
            };
            (delivered, patched_at, place, None)
        }
        Some(earlier) if turn.is_some_and(|turn| turn.is_doubtful(timestamp)) => {
            let StoredMessage { id, timestamp, from, body, mentions, mention_all, patched_at, sequence, .. } = *earlier;
            // The message may have come to sessions meanwhile, the patch did not.
            let (place, of_patch) = (Place::late(&before, sequence), Some(Place::transient(&before)));
            let (transient, sequence) = (false, Some(sequence));
            let delivered = DeliveredMessage {
                conversation,
                kind,
                id,
                from,
                timestamp,
                sequence,
                body,
                mentions,
                mention_all,
                transient,
                priority: message.priority,
            };
            (delivered, patched_at, place, of_patch)
        }
        Some(_) => return Ok(sent),
    };
    let delivered = Arc::new(delivered);
    let mut pushes = vec![to_receivers((actor, client), &delivered, &receivers)];
    let patch = patched_at.map(|patched_at| {
        let reason = reviewed.rewrite.as_ref().and_then(|rewrite| rewrite.reason.clone());
        to_sender((actor, client), &delivered, reason, patched_at)
    });
    let mut later = patch;
    if of_patch.is_none() {
        pushes.extend(later.take());
    }
    core.delivery.deliver_at(&actor.app.id, &place, &pushes, actor.origin);
    if let (Some(patch), Some(place)) = (later, of_patch) {
        core.delivery.deliver_at(&actor.app.id, &place, &[patch], actor.origin);
    }
    drop(lock);
    let pushed = offline::tell(core, actor, &delivered, (&receivers, message.push_data.as_ref())).await;
    written.wait().await;
    pushed.wait().await;
    Ok(sent)
}

/// A message that was stored, and what that was decided with.
struct Commit {
    receivers: Vec<ClientId>,
    kind: ConversationKind,
    before: Before,
    row: AppendedMessage,
    written: Written,
}

/// Stores the message for those that are members in the moment of its commit; answers with its receivers. The lock of this
/// process keeps no other node from changing the members: then the store refuses the message, and they are read again.
async fn commit(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    message: &SendMessage,
    (reviewed, patched_at): (&Reviewed, Option<Timestamp>),
    lock: &ConversationGuard<'_>,
) -> Result<Commit, RequestError> {
    let (app, conversation) = (&actor.app.id, &message.conversation);
    for _ in 0..ATTEMPTS {
        core.check_app(actor)?;
        let OtherMembers { members, kind, sequence, standing_version, before } =
            other_members(core, actor, conversation, Some(lock)).await?;
        let receivers = reviewed.receivers.now(&members, client);
        // Without being asked by a sender that knows of more, only in conversations of two (S-43).
        let is_service = kind == ConversationKind::Service;
        let receipt = message.receipt && !is_service && (members.len() <= 1 || message.group_receipts);
        let kept = (reviewed.receivers.are_given() || is_service).then(|| receivers.clone());
        let checked =
            Checked { receivers: &receivers, kept, kind, members_sequence: sequence, standing_version, receipt };
        let committed = try_commit(core, (actor, client), message, (reviewed, patched_at), checked).await;
        match &committed {
            Ok(Ok((row, _))) if message.transient || row.earlier.is_some() => {}
            Ok(Ok((row, _))) => core.members.note_stored(app, conversation, (row.sequence, row.timestamp), lock),
            Ok(Err(_)) | Err(_) => core.members.forget(app, conversation, lock),
        }
        match committed? {
            Ok((row, written)) => return Ok(Commit { receivers, kind, before, row, written }),
            // Its life ended meanwhile (P-113).
            Err(NotAppended::NoConversation) if conversation.is_temporary() => {
                return Err(RequestError::code(Code::ConversationNotFound));
            }
            Err(NotAppended::NoConversation) => return Err(RequestError::code(Code::InvalidMessagingTarget)),
            Err(NotAppended::MembersChanged) => {}
        }
    }
    let detail = "the members of the conversation, or what they may do, change all the time; send the message again";
    Err(RequestError::detailed(Code::InternalError, detail))
}

/// What a message is stored with.
pub(super) struct Checked<'a> {
    pub(super) receivers: &'a [ClientId],
    /// [`NewMessage::receivers`].
    pub(super) kept: Option<Vec<ClientId>>,
    pub(super) kind: ConversationKind,
    /// The version of the members that they come from.
    pub(super) members_sequence: u64,
    /// The version of the sender's standing among them.
    pub(super) standing_version: u64,
    pub(super) receipt: bool,
}

/// Stores the message, and its call of `_messageSent` with it. Of a transient one there is the call only.
pub(super) async fn try_commit(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    message: &SendMessage,
    (reviewed, patched_at): (&Reviewed, Option<Timestamp>),
    Checked { receivers, kept, kind, members_sequence, standing_version, receipt }: Checked<'_>,
) -> Result<Result<(AppendedMessage, Written), NotAppended>, RequestError> {
    let notifications = core.hooks.notifications();
    let acknowledged = reviewed.acknowledged.as_ref();
    let id = acknowledged.map_or_else(MessageId::generate, |sent| sent.id.clone());
    let is_called = notifications.defines::<MessageSent>(&actor.app);
    let params = match is_called {
        true => {
            let are_online = core.presence.are_online(&actor.app.id, receivers).await;
            let receivers = receivers.iter().zip(are_online).collect();
            let params = sent_params((actor, client), message, &id, &reviewed.body, receivers);
            Some(MessageSentParams { system: (kind == ConversationKind::Service).then_some(true), ..params })
        }
        false => None,
    };
    let by = Some(actor.address);
    if message.transient {
        let timestamp = acknowledged.map_or_else(Timestamp::now, |sent| sent.timestamp);
        let params = params.map(|params| MessageSentParams { timestamp: timestamp.0, ..params });
        let written = params.map(|params| notifications.notify::<MessageSent>(&actor.app, params, by));
        let sent = AppendedMessage { id, timestamp, sequence: 0, earlier: None };
        return Ok(Ok((sent, written.unwrap_or(Written::ALREADY))));
    }
    let call = match params {
        Some(params) => {
            let params = move |sent: &AppendedMessage| MessageSentParams { timestamp: sent.timestamp.0, ..params };
            notifications.call_for::<MessageSent, _>(&actor.app, by, params).await
        }
        None => None,
    };
    let new = NewMessage {
        id: id.clone(),
        conversation: message.conversation.clone(),
        from: client.clone(),
        members_sequence,
        standing_version,
        receivers: kept,
        body: reviewed.body.clone(),
        mentions: message.mentions.clone(),
        mention_all: message.mention_all,
        deduplication_token: message.deduplication_token.clone(),
        receipt,
        patched_at,
    };
    let stored = core.store.append_message(&actor.app.id, new, call).await;
    if let Err(StoreError::OutcomeUnknown { .. }) = &stored {
        core.delivery.note_unanswered(&id, actor.session());
    }
    let stored = stored?;
    Ok(stored.map(|Committed { row, call }| {
        notifications.stored::<MessageSent>(&actor.app, call);
        (row, Written::ALREADY)
    }))
}

/// The message to the receivers' sessions and to the sender's other ones (S-57). In a chat room these get no copy.
fn to_receivers<'a>(
    (actor, sender): (&Actor, &'a ClientId),
    message: &'a Arc<DeliveredMessage>,
    receivers: &'a [ClientId],
) -> Push<'a> {
    let event = Event::Message(message.clone());
    if message.kind == ConversationKind::ChatRoom {
        return Push { recipients: vec![Recipient::Room { room: &message.conversation, except: sender }], event };
    }
    let receivers = receivers.iter().filter(|receiver| *receiver != sender).map(Recipient::Client);
    let other_sessions = Recipient::OtherSessions { client: sender, than: actor.session() };
    Push { recipients: receivers.chain([other_sessions]).collect(), event }
}

/// The sender's sessions, the sending one included, learn that the body is another one (P-96). In a chat room only that one has
/// the message.
fn to_sender<'a>(
    (actor, sender): (&Actor, &'a ClientId),
    message: &DeliveredMessage,
    reason: Option<PatchReason>,
    patched_at: Timestamp,
) -> Push<'a> {
    let recipient = match actor.session() {
        Some(session) if message.kind == ConversationKind::ChatRoom => Recipient::Session { client: sender, session },
        _ => Recipient::Client(sender),
    };
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
        reason,
    }));
    Push { recipients: vec![recipient], event }
}

/// The params of `_messageSent` (S-90), without the timestamp. The online members are those of now (S-56): presence was read
/// before the transaction.
fn sent_params(
    (actor, client): (&Actor, &ClientId),
    message: &SendMessage,
    id: &MessageId,
    body: &MessageBody,
    receivers: Vec<(&ClientId, bool)>,
) -> MessageSentParams {
    let (content, bin) = content::to_text(body);
    let (online, offline): (Vec<_>, Vec<_>) = receivers.into_iter().partition(|(_, is_online)| *is_online);
    let texts =
        |clients: Vec<(&ClientId, bool)>| clients.iter().map(|(client, _)| client.as_str().to_owned()).collect();
    MessageSentParams {
        from_peer: client.as_str().to_owned(),
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
        source_ip: actor.address.to_string(),
    }
}
