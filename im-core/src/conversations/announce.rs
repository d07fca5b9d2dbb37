//! Events about members that came or went (S-21, P-66, P-68), and the kept ones among them (P-59 … P-61).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::core::ImCore;
use crate::delivery::{ChangedMembers, Event};
use crate::ids::ClientId;
use crate::request::RequestContext;
use crate::store::Conversation;
use crate::timestamp::Timestamp;

/// `joined` to each of `changed`, `members_joined` to every member. Called under the conversation's lock.
pub(super) async fn joined(core: &ImCore, request: &RequestContext, now: &Conversation, changed: &[ClientId]) {
    let change = described(request, now, changed);
    tell_changed(core, request, "joined", &change, Event::Joined).await;
    tell_members(core, request, now, Event::MembersJoined(change));
}

/// `left` to each of `changed`, `members_left` to the remaining members. Called under the conversation's lock.
pub(super) async fn left(core: &ImCore, request: &RequestContext, now: &Conversation, changed: &[ClientId]) {
    let change = described(request, now, changed);
    tell_changed(core, request, "left", &change, Event::Left).await;
    tell_members(core, request, now, Event::MembersLeft(change));
}

fn described(request: &RequestContext, now: &Conversation, changed: &[ClientId]) -> ChangedMembers {
    ChangedMembers {
        conversation: now.id.clone(),
        members: Arc::from(changed),
        by: request.client.clone(),
        updated_at: now.updated_at,
        server_timestamp: None,
    }
}

async fn tell_changed(
    core: &ImCore,
    request: &RequestContext,
    operation: &'static str,
    change: &ChangedMembers,
    event: fn(ChangedMembers) -> Event,
) {
    let kept = keep(core, request, operation, change).await;
    for (position, client) in change.members.iter().enumerate() {
        let server_timestamp = kept.get(position).copied();
        let event = event(ChangedMembers { server_timestamp, ..change.clone() });
        core.registry.push(&request.app.id, client, &event, Some(request), None);
    }
}

fn tell_members(core: &ImCore, request: &RequestContext, now: &Conversation, event: Event) {
    for member in &now.members {
        core.registry.push(&request.app.id, member, &event, Some(request), None);
    }
}

/// Keeps the event for clients that are offline. The change itself is stored already, so a failure here must not look
/// like a failed change: online members still get the event, the others see the change with their next query.
async fn keep(
    core: &ImCore,
    request: &RequestContext,
    operation: &'static str,
    change: &ChangedMembers,
) -> Vec<Timestamp> {
    let payload = payload(operation, change);
    let events = change.members.iter().map(|client| (client.clone(), payload.clone())).collect();
    core.store.add_missed_events(&request.app.id, events).await.unwrap_or_else(|error| {
        tracing::error!(
            app = %request.app.id,
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
