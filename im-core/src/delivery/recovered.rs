//! What the store has of a conversation, as the events that were lost on their way.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Addressee, ChangedMembers, DeliveredMessage, Event, OfChange, OwnedPush, Priority};
use crate::ids::{ClientId, ConversationId, MessageId, SessionId};
use crate::store::{ConversationKind, MemberChange, StoredEvent, StoredEvents, StoredMessage};
use crate::timestamp::Timestamp;

/// What a stored event leads to.
pub(super) struct Recovered {
    pub(super) sequence: u64,
    /// When it happened.
    pub(super) at: Timestamp,
    pub(super) pushes: Vec<OwnedPush>,
}

/// What each stored event leads to, in their order. The receivers are those of its time: the members are taken back change by
/// change. Of a message that a session of this node sent, `sender` tells which.
pub(super) fn pushes(
    conversation: &ConversationId,
    stored: StoredEvents,
    sender: impl Fn(&MessageId) -> Option<SessionId>,
) -> Vec<Recovered> {
    let mut members: HashSet<ClientId> = stored.members.into_iter().collect();
    let mut recovered = Vec::with_capacity(stored.events.len());
    for event in stored.events.into_iter().rev() {
        let (sequence, at) = (event.sequence(), event.at());
        let pushes = match event {
            StoredEvent::Message { message, receivers } => {
                let than = sender(&message.id);
                vec![of_message((conversation, stored.kind), (message, than), receivers, &members)]
            }
            StoredEvent::MembersChanged(change) => {
                let pushes = of_change(conversation, &change, &members);
                if change.is_join {
                    members.retain(|member| !change.members.contains(member));
                } else {
                    members.extend(change.members);
                }
                pushes
            }
        };
        recovered.push(Recovered { sequence, at, pushes });
    }
    recovered.reverse();
    recovered
}

/// The sender's other sessions get it too (S-57); on most nodes that are all of its sessions. A change of the body is not said
/// to sessions that see only the new one.
fn of_message(
    (conversation, kind): (&ConversationId, ConversationKind),
    (message, than): (StoredMessage, Option<SessionId>),
    receivers: Option<Vec<ClientId>>,
    members: &HashSet<ClientId>,
) -> OwnedPush {
    let StoredMessage { id, timestamp, from, body, mentions, mention_all, sequence, .. } = message;
    let (room, except) = (conversation.clone(), from.clone());
    let is_for_subscribers = kind == ConversationKind::Service && receivers.is_none();
    let mut recipients: HashSet<ClientId> =
        receivers.map_or_else(|| members.clone(), |given| given.into_iter().collect());
    recipients.remove(&from);
    let other_sessions = Addressee::OtherSessions { client: from.clone(), than };
    let message = DeliveredMessage {
        conversation: conversation.clone(),
        kind,
        id,
        from,
        timestamp,
        sequence: Some(sequence),
        body,
        mentions,
        mention_all,
        transient: false,
        priority: Priority::default(),
    };
    OwnedPush {
        recipients: match kind {
            ConversationKind::ChatRoom => vec![Addressee::Room { room, except }],
            ConversationKind::Service if is_for_subscribers => {
                vec![Addressee::Subscribers { conversation: room, except }, other_sessions]
            }
            _ => recipients.into_iter().map(Addressee::Client).chain([other_sessions]).collect(),
        },
        event: Event::Message(Arc::new(message)),
    }
}

/// `members` are those after the change. The times of the kept events (P-61) are not known here: the clients get these once
/// more when they ask for missed events.
fn of_change(conversation: &ConversationId, change: &MemberChange, members: &HashSet<ClientId>) -> Vec<OwnedPush> {
    let changed = ChangedMembers {
        conversation: conversation.clone(),
        sequence: change.sequence,
        members: Arc::from(change.members.as_slice()),
        by: change.by.clone(),
        updated_at: change.changed_at,
        server_timestamp: None,
    };
    let (own, of_others): (OfChange, OfChange) = match change.is_join {
        true => (Event::Joined, Event::MembersJoined),
        false => (Event::Left, Event::MembersLeft),
    };
    let clients = |clients: &mut dyn Iterator<Item = &ClientId>| clients.cloned().map(Addressee::Client).collect();
    vec![
        OwnedPush { recipients: clients(&mut change.members.iter()), event: own(changed.clone()) },
        OwnedPush { recipients: clients(&mut members.iter()), event: of_others(changed) },
    ]
}
