//! What a service conversation says to clients (S-109).

use std::collections::HashSet;
use std::sync::Arc;

use super::commit::{ATTEMPTS, Checked, try_commit};
use super::review::review_of;
use super::reviewed::Receivers;
use super::send::check_size;
use super::{SendMessage, SentMessage, offline};
use crate::actor::Actor;
use crate::conversations::existing_service;
use crate::core::ImCore;
use crate::delivery::{Before, DeliveredMessage, Event, Place, Priority, Push, Recipient};
use crate::error::{Code, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{AppendedMessage, ConversationKind, MessageBody, NotAppended};

/// Clients that a message may name (S-27).
pub const MAX_TARGETS: usize = 20;

/// Receivers that a hook may put in the place of those.
const MAX_GIVEN: usize = 500;

/// A message of a service conversation.
#[derive(Clone, Debug)]
pub struct ServiceMessage {
    /// The service conversation.
    pub conversation: ConversationId,
    /// Whom clients see as its sender: any text that a client id may be (S-138).
    pub from: ClientId,
    /// Whom it is for.
    pub to: ServiceReceivers,
    /// The body as it was given.
    pub body: MessageBody,
    /// Not stored; only for those that are online (S-43).
    pub transient: bool,
    /// The payload of pushes to named clients that are offline (S-113).
    pub push_data: Option<String>,
}

/// Whom a message of a service conversation is for (S-136).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceReceivers {
    /// These clients, subscribed or not.
    Clients(Vec<ClientId>),
    /// All who subscribe now. Nothing is pushed to those that are offline.
    Subscribers,
}

/// Takes a message of a service conversation through the steps of S-109. To all subscribers it is written once, and takes as many
/// steps as there are sessions that get it.
///
/// # Errors
/// 4320 by a client, 4303 no such conversation, 4313 it is of another kind, 4301 with a detail for a sender or receivers that there
/// cannot be, 4109 too large, 4402 dropped by `_messageReceived`, 4200 the hook failed and the policy is to abort.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, conversation = %message.conversation))]
pub async fn send_from_service(
    core: &ImCore,
    actor: &Actor,
    message: ServiceMessage,
) -> Result<SentMessage, RequestError> {
    actor.check_administrator()?;
    check_size(&message.body)?;
    let ServiceMessage { conversation, from, to, body, transient, push_data } = message;
    let targets = checked_targets(&from, &to)?;
    existing_service(core, actor, &conversation).await?;
    let message = SendMessage {
        conversation,
        body,
        mentions: Vec::new(),
        mention_all: false,
        transient,
        priority: Priority::default(),
        receipt: false,
        group_receipts: false,
        push_data,
        deduplication_token: None,
    };
    let kind = ConversationKind::Service;
    let reviewed = review_of(core, (actor, &from), &message, (targets.clone(), kind)).await?;
    let receivers = match &reviewed.receivers {
        Receivers::Given { peers, .. } => peers.iter().take(MAX_GIVEN).cloned().collect(),
        Receivers::Members => targets,
    };
    let is_for_all = to == ServiceReceivers::Subscribers;
    // No client would see it: there is nothing to store.
    let message = SendMessage { transient: transient || (receivers.is_empty() && !is_for_all), ..message };

    let lock = core.conversation_locks.lock(&actor.app.id, &message.conversation).await;
    for _ in 0..ATTEMPTS {
        core.check_app(actor)?;
        let found = existing_service(core, actor, &message.conversation).await?;
        let checked = Checked {
            receivers: &receivers,
            kept: (!is_for_all).then(|| receivers.clone()),
            kind,
            members_sequence: found.members_sequence,
            standing_version: found.standing_version,
            receipt: false,
        };
        let committed = try_commit(core, (actor, &from), &message, (&reviewed, None), checked).await;
        match &committed {
            Ok(Ok(_)) if message.transient => {}
            Ok(Ok((row, _))) => {
                core.members.note_stored(&actor.app.id, &found.id, (row.sequence, row.timestamp), &lock)
            }
            Ok(Err(_)) | Err(_) => core.members.forget(&actor.app.id, &found.id, &lock),
        }
        let (row, written) = match committed? {
            Ok(committed) => committed,
            Err(NotAppended::NoConversation) => return Err(RequestError::code(Code::ConversationNotFound)),
            Err(NotAppended::MembersChanged) => continue,
        };
        let AppendedMessage { id, timestamp, sequence, .. } = row;
        let before = Before::from(&found);
        let delivered = Arc::new(DeliveredMessage {
            conversation: found.id.clone(),
            kind,
            id: id.clone(),
            from: from.clone(),
            timestamp,
            sequence: (!message.transient).then_some(sequence),
            body: reviewed.body.clone(),
            mentions: Vec::new(),
            mention_all: false,
            transient: message.transient,
            priority: message.priority,
        });
        let place = match message.transient {
            true => Place::transient(&before),
            false => Place::stored(&before, sequence, timestamp),
        };
        let push = to_receivers(&delivered, (&receivers, is_for_all));
        core.delivery.deliver_at(&actor.app.id, &place, &[push], actor.origin);
        drop(lock);
        let pushed = offline::tell(core, actor, &delivered, (&receivers, message.push_data.as_ref())).await;
        written.wait().await;
        pushed.wait().await;
        return Ok(SentMessage { id, timestamp, conversation: found.id });
    }
    let detail = "what the conversation holds about clients changes all the time; send the message again";
    Err(RequestError::detailed(Code::InternalError, detail))
}

/// Each receiver once; none for all subscribers.
fn checked_targets(from: &ClientId, to: &ServiceReceivers) -> Result<Vec<ClientId>, RequestError> {
    let refused = |detail: String| Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    if !from.is_valid() {
        return refused("the sender is empty or too long to be a client id".to_owned());
    }
    let ServiceReceivers::Clients(clients) = to else { return Ok(Vec::new()) };
    if clients.is_empty() || clients.len() > MAX_TARGETS {
        return refused(format!("{} clients are named; a message names 1 to {MAX_TARGETS}", clients.len()));
    }
    if !clients.iter().all(ClientId::is_valid) {
        return refused("a receiver is empty or too long to be a client id".to_owned());
    }
    let mut seen = HashSet::new();
    Ok(clients.iter().filter(|client| seen.insert(*client)).cloned().collect())
}

/// The sessions of the client whose name it bears get it too (S-57).
fn to_receivers<'a>(message: &'a Arc<DeliveredMessage>, (receivers, is_for_all): (&'a [ClientId], bool)) -> Push<'a> {
    let from = &message.from;
    let all = Recipient::Subscribers { conversation: &message.conversation, except: from };
    let named = receivers.iter().filter(|receiver| *receiver != from).map(Recipient::Client);
    let own = Recipient::OtherSessions { client: from, than: None };
    let recipients = named.chain(is_for_all.then_some(all)).chain([own]).collect();
    Push { recipients, event: Event::Message(message.clone()) }
}
