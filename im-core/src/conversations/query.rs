//! Looking conversations up.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{existing, row, subscriptions};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{ConversationKind, ConversationQuery, FoundConversation, QueryError, Subscription};

/// Rows that one query may answer (P-75).
const MAX_ROWS: u32 = 1000;

/// Conversations that match a query, as the rows of P-80.
///
/// # Errors
/// 4310 with a detail when the query cannot be understood, or costs too much.
pub async fn find(
    core: &ImCore,
    actor: &Actor,
    query: ConversationQuery,
) -> Result<Vec<Map<String, Value>>, RequestError> {
    let client = actor.client()?;
    let query = ConversationQuery { limit: query.limit.min(MAX_ROWS), ..query };
    let found = core.store.find_conversations(&actor.app.id, client, &query).await.map_err(refused)?;
    let subscriptions = subscriptions_to(core, actor, &found).await?;
    let row = |found: FoundConversation| {
        let subscription = subscriptions.get(&found.conversation.id);
        let is_service = found.conversation.kind == ConversationKind::Service;
        let mut row = row::row(found, client, query.compact);
        if is_service {
            row::set_subscription(&mut row, subscription);
        }
        row
    };
    Ok(found.into_iter().map(row).collect())
}

/// Why a query is not answered, as clients are told it.
pub(super) fn refused(error: QueryError) -> RequestError {
    match error {
        QueryError::BadFilter(detail) | QueryError::TooCostly(detail) => {
            RequestError::detailed(Code::ConversationQueryFailed, detail)
        }
        QueryError::Store(error) => RequestError::Store(error),
    }
}

/// The asking client's subscriptions to those of the conversations that can have some.
async fn subscriptions_to(
    core: &ImCore,
    actor: &Actor,
    found: &[FoundConversation],
) -> Result<HashMap<ConversationId, Subscription>, RequestError> {
    let services = found.iter().filter(|found| found.conversation.kind == ConversationKind::Service);
    let ids: Vec<ConversationId> = services.map(|found| found.conversation.id.clone()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let subscriptions = core.store.subscriptions(&actor.app.id, actor.client()?, &ids).await?;
    Ok(subscriptions.into_iter().map(|subscription| (subscription.conversation.clone(), subscription)).collect())
}

/// The temporary conversations among these (P-76). Ids that name none are passed over. Of `query` the filter does not count.
///
/// # Errors
/// 4310 with a detail when it costs too much.
pub async fn find_temporary(
    core: &ImCore,
    actor: &Actor,
    ids: &[ConversationId],
    query: ConversationQuery,
) -> Result<Vec<Map<String, Value>>, RequestError> {
    let ids: Vec<&ConversationId> = ids.iter().filter(|id| id.is_temporary()).collect();
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let filter = json!({ "objectId": { "$in": ids } });
    let Value::Object(filter) = filter else { return Ok(Vec::new()) };
    find(core, actor, ConversationQuery { filter, limit, skip: 0, temporary: true, ..query }).await
}

/// The number of members (P-73): in a chat room, of those that are there now; of a service conversation, of its subscribers.
///
/// # Errors
/// 4303 no such conversation.
pub async fn count(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<u32, RequestError> {
    let found = existing(core, actor, conversation).await?;
    let members = match found.kind {
        ConversationKind::ChatRoom => core.presence.count_in_room(&actor.app.id, &found.id).await,
        ConversationKind::Service => return subscriptions::count(core, actor, &found.id).await,
        ConversationKind::Basic | ConversationKind::Temporary => found.members.len(),
    };
    Ok(u32::try_from(members).unwrap_or(u32::MAX))
}
