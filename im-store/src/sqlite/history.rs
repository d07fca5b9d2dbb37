//! Ranges of messages.

use hookd_im_core::ids::{AppId, ConversationId, MessageId};
use hookd_im_core::store::{Direction, HistoryBound, HistoryQuery, StoredMessage};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::conversation_row;
use super::error::WorkError;
use super::message_row::{COLUMNS, MessageRow};
use crate::query::budget::MESSAGE_LIMIT;

/// The newest message of a conversation.
pub(super) fn newest(connection: &Connection, conversation: i64) -> Result<Option<StoredMessage>, WorkError> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM messages WHERE conversation = ?1 ORDER BY timestamp DESC LIMIT 1"
        ))?
        .query_row([conversation], MessageRow::read)
        .optional()?
        .map(StoredMessage::try_from)
        .transpose()
}

/// Messages of a range, oldest first (P-92).
pub(super) fn range(
    connection: &Connection,
    app: &AppId,
    conversation: &ConversationId,
    query: &HistoryQuery,
) -> Result<Vec<StoredMessage>, WorkError> {
    let Some(conversation) = conversation_row::key(connection, app, conversation)? else {
        return Ok(Vec::new());
    };
    let (lower, upper, order) = match query.direction {
        Direction::Old => (query.end.as_ref(), query.start.as_ref(), "DESC"),
        Direction::New => (query.start.as_ref(), query.end.as_ref(), "ASC"),
    };
    // The planner would walk the primary key and read every message of other types.
    let (index, type_condition) = match query.message_type {
        Some(_) => ("INDEXED BY messages_by_type", "AND message_type = :message_type"),
        None => ("", ""),
    };
    let sql = format!(
        "SELECT {COLUMNS}
         FROM messages {index}
         WHERE conversation = :conversation
             AND timestamp BETWEEN :lower AND :upper
             AND (:lower_id IS NULL OR timestamp > :lower OR id > :lower_id OR (id = :lower_id AND :lower_included))
             AND (:upper_id IS NULL OR timestamp < :upper OR id < :upper_id OR (id = :upper_id AND :upper_included))
             {type_condition}
         ORDER BY timestamp {order}
         LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = named_params! {
        ":conversation": conversation,
        ":lower": lower.map_or(i64::MIN, first_timestamp),
        ":lower_id": lower.and_then(|bound| bound.id.as_ref()).map(MessageId::as_str),
        ":lower_included": lower.is_some_and(|bound| bound.included),
        ":upper": upper.map_or(i64::MAX, last_timestamp),
        ":upper_id": upper.and_then(|bound| bound.id.as_ref()).map(MessageId::as_str),
        ":upper_included": upper.is_some_and(|bound| bound.included),
        ":limit": query.limit.min(MESSAGE_LIMIT),
    };
    let mut values = values.to_vec();
    if let Some(message_type) = &query.message_type {
        values.push((":message_type", message_type));
    }
    let rows = statement.query_map(values.as_slice(), MessageRow::read)?;
    let mut messages = rows.map(|row| StoredMessage::try_from(row?)).collect::<Result<Vec<_>, WorkError>>()?;
    if query.direction == Direction::Old {
        messages.reverse();
    }
    Ok(messages)
}

/// The lowest time that can belong to a range above `bound`; with an id, messages of the bound's own time can.
pub(super) fn first_timestamp(bound: &HistoryBound) -> i64 {
    bound.timestamp.0.saturating_add(i64::from(bound.id.is_none() && !bound.included))
}

/// The highest time that can belong to a range below `bound`.
pub(super) fn last_timestamp(bound: &HistoryBound) -> i64 {
    bound.timestamp.0.saturating_sub(i64::from(bound.id.is_none() && !bound.included))
}
