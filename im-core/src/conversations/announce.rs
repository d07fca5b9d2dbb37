//! Events about members that came or went (S-21, P-66, P-68), and the kept ones among them (P-59 … P-61).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{ChangedMembers, Event, OfChange, Place, Push, Recipient};
use crate::ids::{ClientId, ConversationId};
use crate::store::Conversation;
use crate::timestamp::Timestamp;

/// `joined` to each of `changed`, `members_joined` to every member. Called under the conversation's lock. The sequence number
/// is that of the change.
pub(super) async fn joined(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (now, sequence, place): (&Conversation, u64, &Place),
    changed: &[ClientId],
) {
    let change = described(by, (now, sequence), changed);
    let kept = keep(core, actor, payload("joined", &change), changed).await;
    let pushes = pushes((now, changed), change, &kept, (Event::Joined, Event::MembersJoined));
    core.delivery.deliver_at(&actor.app.id, place, &pushes, actor.origin);
}

/// `left` to each of `changed`, `members_left` to the remaining members. Called under the conversation's lock. The sequence
/// number is that of the change.
pub(super) async fn left(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (now, sequence, place): (&Conversation, u64, &Place),
    changed: &[ClientId],
) {
    let pushes = pushes_of_leaving(core, (actor, by), (now, sequence), changed).await;
    core.delivery.deliver_at(&actor.app.id, place, &pushes, actor.origin);
}

/// What [`left`] sends, for an operation that also leads to something else.
pub(super) async fn pushes_of_leaving<'a>(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (now, sequence): (&'a Conversation, u64),
    changed: &'a [ClientId],
) -> Vec<Push<'a>> {
    let change = described(by, (now, sequence), changed);
    let kept = keep(core, actor, payload("left", &change), changed).await;
    pushes((now, changed), change, &kept, (Event::Left, Event::MembersLeft))
}

fn described(by: &ClientId, (now, sequence): (&Conversation, u64), changed: &[ClientId]) -> ChangedMembers {
    ChangedMembers {
        conversation: now.id.clone(),
        sequence,
        members: Arc::from(changed),
        by: by.clone(),
        updated_at: now.updated_at,
        server_timestamp: None,
    }
}

/// The change for each of those that came or went, with the time of its kept event, and for the members.
fn pushes<'a>(
    (now, changed): (&'a Conversation, &'a [ClientId]),
    change: ChangedMembers,
    kept: &[Timestamp],
    (own, of_others): (OfChange, OfChange),
) -> Vec<Push<'a>> {
    let times = kept.iter().copied().map(Some).chain(std::iter::repeat(None));
    let own = changed.iter().zip(times).map(|(client, server_timestamp)| Push {
        recipients: vec![Recipient::Client(client)],
        event: own(ChangedMembers { server_timestamp, ..change.clone() }),
    });
    let mut pushes: Vec<Push<'a>> = own.collect();
    pushes.push(Push { recipients: now.members.iter().map(Recipient::Client).collect(), event: of_others(change) });
    pushes
}

/// Keeps an event about clients for those that are offline. The change itself is stored already, so a failure here must not look
/// like a failed change: online members still get the event, the others see the change with their next query.
pub(super) async fn keep(
    core: &ImCore,
    actor: &Actor,
    payload: Map<String, Value>,
    clients: &[ClientId],
) -> Vec<Timestamp> {
    let events = clients.iter().map(|client| (client.clone(), payload.clone())).collect();
    core.store.add_missed_events(&actor.app.id, events).await.unwrap_or_else(|error| {
        let text = |key| payload.get(key).and_then(Value::as_str).unwrap_or_default();
        tracing::error!(
            app = %actor.app.id,
            conversation = text("cid"),
            operation = text("op"),
            error = &error as &dyn std::error::Error,
            "an event of members is not kept for those that are offline"
        );
        Vec::new()
    })
}

fn payload(operation: &'static str, change: &ChangedMembers) -> Map<String, Value> {
    let mut payload = item(operation, &change.conversation, &change.by);
    payload.insert("udate".to_owned(), json!(change.updated_at.to_iso()));
    payload
}

/// The flat item of P-64 of an event about the client itself.
pub(super) fn item(operation: &'static str, conversation: &ConversationId, by: &ClientId) -> Map<String, Value> {
    let fields =
        [("cmd", json!("conv")), ("op", json!(operation)), ("cid", json!(conversation)), ("initBy", json!(by))];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
