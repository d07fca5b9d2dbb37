//! Looking conversations up.

use serde_json::{Map, Value};

use super::{existing, row};
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::request::RequestContext;
use crate::store::{ConversationQuery, QueryError};

/// Rows that one query may answer (P-75).
const MAX_ROWS: u32 = 1000;

/// Conversations that match a query, as the rows of P-80.
///
/// # Errors
/// 4310 with a detail when the query cannot be understood, or costs too much.
pub async fn find(
    core: &ImCore,
    request: &RequestContext,
    query: ConversationQuery,
) -> Result<Vec<Map<String, Value>>, RequestError> {
    let query = ConversationQuery { limit: query.limit.min(MAX_ROWS), ..query };
    let found =
        core.store.find_conversations(&request.app.id, &request.client, &query).await.map_err(|error| match error {
            QueryError::BadFilter(detail) | QueryError::TooCostly(detail) => {
                RequestError::detailed(Code::ConversationQueryFailed, detail)
            }
            QueryError::Store(error) => RequestError::Store(error),
        })?;
    Ok(found.into_iter().map(|found| row::row(found, &request.client, query.compact)).collect())
}

/// The number of members (P-73).
///
/// # Errors
/// 4303 no such conversation.
pub async fn count(
    core: &ImCore,
    request: &RequestContext,
    conversation: &ConversationId,
) -> Result<u32, RequestError> {
    let found = existing(core, request, conversation).await?;
    Ok(u32::try_from(found.members.len()).unwrap_or(u32::MAX))
}
