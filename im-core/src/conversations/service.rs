//! What the administrator does with service conversations.

use serde_json::{Map, Value};

use super::{attribute_changes, check_members, existing, row, subscriptions};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::Place;
use crate::error::{Code, Refusal, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{
    Committed, Conversation, ConversationKind, ConversationQuery, FailedMembers, MemberRules, MembersUnchanged,
    MembershipRequest, NewConversation, SubscriberPage, Subscription,
};

/// Subscribers that one page shows at most.
pub const SUBSCRIBER_PAGE: u32 = 50;

/// Makes a service conversation. No hook is called for it (S-111), and no client is told. Reserved keys of `attributes` are
/// ignored (P-65).
///
/// # Errors
/// 4320 by a client, 4301 with a detail for attributes that are too large.
#[tracing::instrument(skip_all, fields(app = %actor.app.id))]
pub async fn create_service(
    core: &ImCore,
    actor: &Actor,
    mut attributes: Map<String, Value>,
) -> Result<Conversation, RequestError> {
    actor.check_administrator()?;
    attributes.retain(|key, _| !row::is_reserved(key));
    let too_large = |detail| RequestError::detailed(Code::ConversationApiFailed, detail);
    attribute_changes::check_size(&Value::Object(attributes.clone()).to_string()).map_err(too_large)?;
    core.check_app(actor)?;
    let new = NewConversation {
        id: ConversationId::generate(),
        kind: ConversationKind::Service,
        ttl_seconds: None,
        attributes,
        creator: None,
        members: Vec::new(),
        unique: false,
    };
    let _lock = core.conversation_locks.lock(&actor.app.id, &new.id).await;
    let Committed { row: created, .. } = core.store.create_conversation(&actor.app.id, new, None).await?;
    // Nobody is told; other nodes count on from its number.
    core.delivery.deliver_at(&actor.app.id, &Place::created(&created.conversation), &[], actor.origin);
    Ok(created.conversation)
}

/// The service conversations of the app, the one that changed last first.
///
/// # Errors
/// 4320 by a client.
pub async fn services(
    core: &ImCore,
    actor: &Actor,
    (skip, limit): (u32, u32),
) -> Result<Vec<Map<String, Value>>, RequestError> {
    actor.check_administrator()?;
    let filter = Map::from_iter([("sys".to_owned(), Value::Bool(true))]);
    let query = ConversationQuery { filter, skip, limit, ..ConversationQuery::default() };
    // No client has this id: the filter does not name the asking one.
    let no_client = ClientId::new("");
    let found = core.store.find_conversations(&actor.app.id, &no_client, &query).await;
    let found = found.map_err(super::query::refused)?;
    Ok(found.into_iter().map(|found| row::row(found, &no_client, false)).collect())
}

/// A part of the subscribers, in the order in which they came.
///
/// # Errors
/// 4320 by a client, 4303 no such conversation, 4313 it is of another kind.
pub async fn subscribers(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    page: SubscriberPage,
) -> Result<Vec<Subscription>, RequestError> {
    actor.check_administrator()?;
    existing_service(core, actor, conversation).await?;
    let page = SubscriberPage { limit: page.limit.min(SUBSCRIBER_PAGE), ..page };
    Ok(core.store.subscribers(&actor.app.id, conversation, &page).await?)
}

/// Subscribes a client. The first time counts.
///
/// # Errors
/// 4320 by a client, 4301 no client can have this id, 4303 no such conversation, 4313 it is of another kind, 4304 the client has as many
/// subscriptions as it may have, 4548 blocked.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, %client, %conversation))]
pub async fn subscribe_client(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    client: &ClientId,
) -> Result<(), RequestError> {
    check_of_client(core, actor, (conversation, client)).await?;
    let rules = MemberRules { blacklist: core.settings.get(&actor.app.id).await?.blacklist, ..MemberRules::default() };
    let (by, members) = (client.clone(), vec![client.clone()]);
    let request = MembershipRequest { by, members, by_member_only: false, rules };
    let failed = subscriptions::subscribe(core, actor, conversation, &request).await?.map_err(gone)?;
    match failed.into_iter().next() {
        None => Ok(()),
        Some(FailedMembers { code, detail, .. }) => Err(Refusal { code, detail }.into()),
    }
}

/// Ends the subscription of a client, if it has one.
///
/// # Errors
/// 4320 by a client, 4301 no client can have this id, 4303 no such conversation, 4313 it is of another kind.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, %client, %conversation))]
pub async fn unsubscribe_client(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    client: &ClientId,
) -> Result<(), RequestError> {
    check_of_client(core, actor, (conversation, client)).await?;
    subscriptions::unsubscribe(core, (actor, client), conversation).await?.map_err(gone)
}

async fn check_of_client(
    core: &ImCore,
    actor: &Actor,
    (conversation, client): (&ConversationId, &ClientId),
) -> Result<(), RequestError> {
    actor.check_administrator()?;
    check_members(std::slice::from_ref(client))?;
    existing_service(core, actor, conversation).await.map(drop)
}

/// Nothing else keeps the administrator from it.
fn gone(_: MembersUnchanged) -> RequestError {
    RequestError::code(Code::ConversationNotFound)
}

/// # Errors
/// 4303 no such conversation, 4313 it is of another kind.
pub(crate) async fn existing_service(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
) -> Result<Conversation, RequestError> {
    let found = existing(core, actor, conversation).await?;
    match found.kind {
        ConversationKind::Service => Ok(found),
        _ => Err(RequestError::detailed(Code::SystemConversationRequired, "it is no service conversation")),
    }
}
