//! Looking conversations up.

use serde_json::{Map, Value, json};

use super::{existing, row};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{ConversationKind, ConversationQuery, QueryError};

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
    let found = core.store.find_conversations(&actor.app.id, client, &query).await.map_err(|error| match error {
        QueryError::BadFilter(detail) | QueryError::TooCostly(detail) => {
            RequestError::detailed(Code::ConversationQueryFailed, detail)
        }
        QueryError::Store(error) => RequestError::Store(error),
    })?;
    Ok(found.into_iter().map(|found| row::row(found, client, query.compact)).collect())
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

/// The number of members (P-73): in a chat room, of those that are there now.
///
/// # Errors
/// 4303 no such conversation.
pub async fn count(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<u32, RequestError> {
    let found = existing(core, actor, conversation).await?;
    let members = match found.kind {
        ConversationKind::ChatRoom => core.presence.count_in_room(&actor.app.id, &found.id).await,
        _ => found.members.len(),
    };
    Ok(u32::try_from(members).unwrap_or(u32::MAX))
}
