//! Events about members that came or went (S-21, P-66, P-68), and the kept ones among them (P-59 … P-61).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{ChangedMembers, Event, Recipient};
use crate::ids::ClientId;
use crate::store::Conversation;
use crate::timestamp::Timestamp;

/// `joined` to each of `changed`, `members_joined` to every member. Called under the conversation's lock. The sequence number
/// is that of the change.
pub(super) async fn joined(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (now, sequence): (&Conversation, u64),
    changed: &[ClientId],
) {
    let change = described(by, (now, sequence), changed);
    deliver_to_changed(core, actor, "joined", &change, Event::Joined).await;
    deliver_to_members(core, actor, now, &Event::MembersJoined(change));
}

/// `left` to each of `changed`, `members_left` to the remaining members. Called under the conversation's lock. The sequence
/// number is that of the change.
pub(super) async fn left(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    (now, sequence): (&Conversation, u64),
    changed: &[ClientId],
) {
    let change = described(by, (now, sequence), changed);
    deliver_to_changed(core, actor, "left", &change, Event::Left).await;
    deliver_to_members(core, actor, now, &Event::MembersLeft(change));
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

async fn deliver_to_changed(
    core: &ImCore,
    actor: &Actor,
    operation: &'static str,
    change: &ChangedMembers,
    event: fn(ChangedMembers) -> Event,
) {
    let kept = keep(core, actor, operation, change).await;
    for (position, client) in change.members.iter().enumerate() {
        let server_timestamp = kept.get(position).copied();
        let event = event(ChangedMembers { server_timestamp, ..change.clone() });
        core.delivery.deliver(&actor.app.id, &[Recipient::Client(client)], &event, actor.origin);
    }
}

fn deliver_to_members(core: &ImCore, actor: &Actor, now: &Conversation, event: &Event) {
    let members: Vec<_> = now.members.iter().map(Recipient::Client).collect();
    core.delivery.deliver(&actor.app.id, &members, event, actor.origin);
}

/// Keeps the event for clients that are offline. The change itself is stored already, so a failure here must not look
/// like a failed change: online members still get the event, the others see the change with their next query.
async fn keep(core: &ImCore, actor: &Actor, operation: &'static str, change: &ChangedMembers) -> Vec<Timestamp> {
    let payload = payload(operation, change);
    let events = change.members.iter().map(|client| (client.clone(), payload.clone())).collect();
    core.store.add_missed_events(&actor.app.id, events).await.unwrap_or_else(|error| {
        tracing::error!(
            app = %actor.app.id,
            conversation = %change.conversation,
            operation,
            error = &error as &dyn std::error::Error,
            "member event not kept for clients that are offline"
        );
        Vec::new()
    })
}

/// The flat item of P-64.
fn payload(operation: &'static str, change: &ChangedMembers) -> Map<String, Value> {
    let fields = [
        ("cmd", json!("conv")),
        ("op", json!(operation)),
        ("cid", json!(change.conversation)),
        ("initBy", json!(change.by)),
        ("udate", json!(change.updated_at.to_iso())),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
