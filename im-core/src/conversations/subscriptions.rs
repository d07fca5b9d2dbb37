//! Subscriptions of clients to service conversations (S-10). No client is told of them (P-68).

use hook_types::{ConversationAdded, ConversationAddedParams, ConversationRemoved, ConversationRemovedParams};

use super::texts;
use crate::actor::{Actor, Identity};
use crate::core::ImCore;
use crate::delivery::ChangedSubscriptions;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId, ConversationId};
use crate::store::{Committed, FailedMembers, MembersUnchanged, MembershipRequest, Subscription, SubscriptionChange};

/// Service conversations that a client may subscribe to.
pub const MAX_SUBSCRIPTIONS: usize = 500;

/// Subscribes the client of the request, if the rules still allow it: the hook took time. Answers why it does not subscribe, if so. Of
/// what the administrator does no hook is called (S-111).
pub(super) async fn subscribe(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    request: &MembershipRequest,
) -> Result<Result<Vec<FailedMembers>, MembersUnchanged>, RequestError> {
    let notifications = core.hooks.notifications();
    let params = ConversationAddedParams {
        init_by: request.by.as_str().to_owned(),
        conv_id: conversation.as_str().to_owned(),
        members: texts(&request.members),
    };
    let params = |_: &SubscriptionChange| params;
    let call = match actor.identity {
        Identity::Client(_) => {
            notifications.call_for::<ConversationAdded, _>(&actor.app, Some(actor.address), params).await
        }
        Identity::Administrator => None,
    };
    let app = &actor.app.id;
    let _turn = core.subscribers.turn(app, &request.by).await;
    // What is sent to all subscribers is sent under it.
    let _lock = core.conversation_locks.lock(app, conversation).await;
    core.check_app(actor)?;
    let changed = core.store.subscribe(app, conversation, request, MAX_SUBSCRIPTIONS, call).await?;
    Ok(changed.map(|Committed { row, call }| {
        if row.failed.is_empty() {
            core.subscribers.add(&core.online.sessions(app, &request.by), conversation);
            tell_others(core, app, &request.by);
        }
        notifications.stored::<ConversationAdded>(&actor.app, call);
        row.failed
    }))
}

/// Ends the subscription of a client, if it has one. No hook is asked before (S-104).
pub(super) async fn unsubscribe(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
) -> Result<Result<(), MembersUnchanged>, RequestError> {
    let notifications = core.hooks.notifications();
    let params = ConversationRemovedParams {
        init_by: client.as_str().to_owned(),
        conv_id: conversation.as_str().to_owned(),
        members: texts(std::slice::from_ref(client)),
    };
    let params = |_: &SubscriptionChange| params;
    let call = match actor.identity {
        Identity::Client(_) => {
            notifications.call_for::<ConversationRemoved, _>(&actor.app, Some(actor.address), params).await
        }
        Identity::Administrator => None,
    };
    let app = &actor.app.id;
    let _turn = core.subscribers.turn(app, client).await;
    let _lock = core.conversation_locks.lock(app, conversation).await;
    core.check_app(actor)?;
    let changed = core.store.unsubscribe(app, conversation, client, call).await?;
    Ok(changed.map(|Committed { call, .. }| {
        core.subscribers.remove(&core.online.sessions(app, client), conversation);
        tell_others(core, app, client);
        notifications.stored::<ConversationRemoved>(&actor.app, call);
    }))
}

/// Sessions of the client on other nodes follow.
fn tell_others(core: &ImCore, app: &AppId, client: &ClientId) {
    core.delivery.tell_subscriptions(ChangedSubscriptions { app: app.clone(), client: client.clone() });
}

/// The client's subscription, if it has one.
pub(super) async fn subscription(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<Subscription>, RequestError> {
    let asked = std::slice::from_ref(conversation);
    Ok(core.store.subscriptions(&actor.app.id, client, asked).await?.into_iter().next())
}

/// Only a subscriber mutes.
///
/// # Errors
/// 4309.
pub(super) async fn check_subscriber(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
) -> Result<(), RequestError> {
    subscription(core, (actor, client), conversation).await?.map(drop).ok_or_else(not_a_subscriber)
}

/// Turns offline push off or on for a subscriber. The row does not list those that did: they may be many.
///
/// # Errors
/// 4309 not a subscriber any more.
pub(super) async fn set_muted(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    mute: bool,
) -> Result<(), RequestError> {
    core.check_app(actor)?;
    match core.store.mute_subscription(&actor.app.id, conversation, client, mute).await? {
        true => Ok(()),
        false => Err(not_a_subscriber()),
    }
}

fn not_a_subscriber() -> RequestError {
    RequestError::detailed(Code::ConversationUpdateRejected, "only a subscriber mutes a service conversation")
}

/// The number of subscribers as clients are told it.
pub(super) async fn count(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<u32, RequestError> {
    let count = core.store.count_subscribers(&actor.app.id, conversation).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
