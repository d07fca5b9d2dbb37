//! What happened in a conversation, and the changes of members that are kept for that.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    EventRange, MEMBER_CHANGES_AT_ONCE, MemberChange, StoreError, StoredEvent, StoredEventLog, StoredEvents,
    StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::WorkError;
use super::message_row::{COLUMN_COUNT, COLUMNS, MessageRow};
use super::{SqliteStore, members};
use crate::conversation_kind::kind;
use crate::json;
use crate::retention::{EXTRA_PRUNED, oldest_member_change};
use crate::stored_events::Read;

#[async_trait]
impl StoredEventLog for SqliteStore {
    async fn stored_events(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        range: EventRange,
    ) -> Result<Option<StoredEvents>, StoreError> {
        let (app, id) = (app.clone(), conversation.clone());
        let read = self.readers.read("stored events", move |connection| read(connection, &app, &id, range)).await?;
        Ok(read.map(|read| read.into_events(range)))
    }
}

fn read(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    range: EventRange,
) -> Result<Option<Read>, WorkError> {
    let place = connection
        .prepare_cached("SELECT key, last_sequence, kind FROM conversations WHERE app = ?1 AND id = ?2")?
        .query_row([app.as_str(), id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((key, last, number)): Option<(i64, i64, i32)> = place else { return Ok(None) };
    let last_sequence = last.unsigned_abs();
    let newest = to_i64(last_sequence.saturating_sub(range.after));
    Ok(Some(Read {
        kind: kind(number, id.as_str())?,
        members: members::load(connection, key)?,
        last_sequence,
        messages: messages(connection, key, newest, range)?,
        changes: changes(connection, key, range)?,
    }))
}

/// There is no index by number: numbers grow with the times, and only the `newest` can have greater ones.
fn messages(
    connection: &Connection,
    conversation: i64,
    newest: i64,
    range: EventRange,
) -> Result<Vec<StoredEvent>, WorkError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, receivers
         FROM (
             SELECT * FROM messages WHERE conversation = ?1 AND timestamp >= ?2 ORDER BY timestamp DESC LIMIT ?3
         )
         WHERE sequence > ?4
         ORDER BY sequence
         LIMIT ?5"
    ))?;
    let values = params![conversation, range.since.0, newest, to_i64(range.after), to_i64(range.limit)];
    let rows =
        statement.query_map(values, |row| Ok((MessageRow::read(row)?, row.get::<_, Option<String>>(COLUMN_COUNT)?)))?;
    let events = rows.map(|row| {
        let (row, receivers) = row?;
        let message = StoredMessage::try_from(row)?;
        let receivers = receivers.map(|text| json::from_column(&text, "messages", "receivers", &message.id));
        Ok(StoredEvent::Message { receivers: receivers.transpose()?, message })
    });
    events.collect()
}

fn changes(connection: &Connection, conversation: i64, range: EventRange) -> Result<Vec<MemberChange>, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, is_join, by_client, changed_at, members
         FROM member_changes
         WHERE conversation = ?1 AND sequence > ?2 AND changed_at >= ?3
         ORDER BY sequence DESC
         LIMIT ?4",
    )?;
    let values = params![conversation, to_i64(range.after), range.since.0, to_i64(MEMBER_CHANGES_AT_ONCE + 1)];
    let rows = statement.query_map(values, change)?;
    let changes = rows.map(|row| {
        let (change, members) = row?;
        let members = json::from_column(&members, "member_changes", "members", change.sequence)?;
        Ok(MemberChange { members, ..change })
    });
    changes.collect()
}

/// The row, and its members as they are written.
fn change(row: &Row<'_>) -> rusqlite::Result<(MemberChange, String)> {
    let change = MemberChange {
        sequence: row.get::<_, i64>(0)?.unsigned_abs(),
        is_join: row.get(1)?,
        members: Vec::new(),
        by: ClientId::new(row.get::<_, String>(2)?),
        changed_at: Timestamp(row.get(3)?),
    };
    Ok((change, row.get(4)?))
}

/// Keeps a change of members, and takes some old ones away.
pub(super) fn keep(
    connection: &Connection,
    conversation: i64,
    change: &MemberChange,
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO member_changes (conversation, sequence, is_join, members, by_client, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            conversation,
            to_i64(change.sequence),
            change.is_join,
            json::to_column(&change.members)?,
            change.by.as_str(),
            change.changed_at.0,
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM member_changes
             WHERE (conversation, sequence) IN (
                 SELECT conversation, sequence FROM member_changes WHERE changed_at < ?1 ORDER BY changed_at LIMIT ?2
             )",
        )?
        .execute(params![oldest_member_change(now).0, to_i64(EXTRA_PRUNED)])?;
    Ok(())
}

fn to_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
