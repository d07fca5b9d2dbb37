//! Ranges of messages.

use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{Direction, HistoryBound, HistoryQuery, StoreError, StoredMessage};
use tokio_postgres::types::ToSql;

use super::columns::is_storable;
use super::message_row::{COLUMNS, read};
use super::pool::Connection;
use crate::query::budget::MESSAGE_LIMIT;

/// Messages of a range, oldest first (P-92).
pub(super) async fn range(
    connection: &Connection,
    app: &AppId,
    conversation: &ConversationId,
    query: &HistoryQuery,
) -> Result<Vec<StoredMessage>, StoreError> {
    if !is_storable(conversation.as_str()) {
        return Ok(Vec::new());
    }
    let (lower, upper, order) = match query.direction {
        Direction::Old => (query.end.as_ref(), query.start.as_ref(), "DESC"),
        Direction::New => (query.start.as_ref(), query.end.as_ref(), "ASC"),
    };
    let type_condition = match query.message_type {
        Some(_) => "AND message_type = $10",
        None => "AND $10::integer IS NULL",
    };
    // The id of a bound is any text that a client sends; NUL can stand in bytes only. In UTF-8 both have one order.
    let sql = format!(
        "SELECT {COLUMNS}
         FROM messages
         WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2)
             AND timestamp BETWEEN $3 AND $4
             AND (
                 $5::bytea IS NULL OR timestamp > $3
                 OR convert_to(id, 'UTF8') > $5 OR (convert_to(id, 'UTF8') = $5 AND $6)
             )
             AND (
                 $7::bytea IS NULL OR timestamp < $4
                 OR convert_to(id, 'UTF8') < $7 OR (convert_to(id, 'UTF8') = $7 AND $8)
             )
             {type_condition}
         ORDER BY timestamp {order}
         LIMIT $9"
    );
    let values: [&(dyn ToSql + Sync); 10] = [
        &app.as_str(),
        &conversation.as_str(),
        &lower.map_or(i64::MIN, first_timestamp),
        &upper.map_or(i64::MAX, last_timestamp),
        &lower.and_then(id_of),
        &lower.is_some_and(|bound| bound.included),
        &upper.and_then(id_of),
        &upper.is_some_and(|bound| bound.included),
        &i64::from(query.limit.min(MESSAGE_LIMIT)),
        &query.message_type,
    ];
    let rows = connection.rows(&sql, &values).await?;
    let mut messages = rows.iter().map(|row| read(row, 0)).collect::<Result<Vec<_>, _>>()?;
    if query.direction == Direction::Old {
        messages.reverse();
    }
    Ok(messages)
}

pub(super) fn id_of(bound: &HistoryBound) -> Option<&[u8]> {
    bound.id.as_ref().map(|id| id.as_str().as_bytes())
}

/// The lowest time that can belong to a range above `bound`; with an id, messages of the bound's own time can.
pub(super) fn first_timestamp(bound: &HistoryBound) -> i64 {
    bound.timestamp.0.saturating_add(i64::from(bound.id.is_none() && !bound.included))
}

/// The highest time that can belong to a range below `bound`.
pub(super) fn last_timestamp(bound: &HistoryBound) -> i64 {
    bound.timestamp.0.saturating_sub(i64::from(bound.id.is_none() && !bound.included))
}
