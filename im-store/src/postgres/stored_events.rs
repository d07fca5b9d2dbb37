//! What happened in a conversation, and the changes of members that are kept for that.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{
    EventRange, MEMBER_CHANGES_AT_ONCE, MemberChange, StoreError, StoredEvent, StoredEventLog, StoredEvents,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{client, column, is_storable, to_i64, to_u64};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, members, message_row};
use crate::conversation_kind::kind;
use crate::json;
use crate::retention::{EXTRA_PRUNED, oldest_member_change};
use crate::stored_events::Read;

#[async_trait]
impl StoredEventLog for PostgresStore {
    async fn stored_events(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        range: EventRange,
    ) -> Result<Option<StoredEvents>, StoreError> {
        if !is_storable(conversation.as_str()) {
            return Ok(None);
        }
        let read = async |connection: Arc<Connection>| read(&connection, (app, conversation), range).await;
        let read = self.database.pool.read(("stored events", READ_LIMIT), read).await?;
        Ok(read.map(|read| read.into_events(range)))
    }
}

/// The first statement fixes the moment: events do not change, and later ones have greater numbers.
async fn read(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    range: EventRange,
) -> Result<Option<Read>, StoreError> {
    let sql =
        format!("SELECT key, last_sequence, kind, {} FROM conversations WHERE app = $1 AND id = $2", members::IN_ORDER);
    let Some(row) = connection.row(&sql, &[&app.as_str(), &id.as_str()]).await? else { return Ok(None) };
    let (key, last): (i64, i64) = (column(&row, 0)?, column(&row, 1)?);
    let (after, since) = (to_i64(range.after), range.since.0);
    let sql = format!("{MESSAGES_BEGIN} {}, messages.receivers {MESSAGES_END}", message_row::COLUMNS);
    let values: [&(dyn ToSql + Sync); 5] = [&key, &after, &last, &since, &to_i64(range.limit)];
    let messages = connection.rows(&sql, &values).await?;
    let values: [&(dyn ToSql + Sync); 5] = [&key, &after, &last, &since, &to_i64(MEMBER_CHANGES_AT_ONCE + 1)];
    let changes = connection.rows(CHANGES, &values).await?;
    Ok(Some(Read {
        kind: kind(column(&row, 2)?, id.as_str())?,
        members: members::read(&row, 3)?,
        last_sequence: to_u64(last),
        messages: messages.iter().map(message).collect::<Result<_, _>>()?,
        changes: changes.iter().map(change).collect::<Result<_, _>>()?,
    }))
}

const MESSAGES_BEGIN: &str = "SELECT";

/// There is no index by number: numbers grow with the times, and so many messages at most have greater ones.
const MESSAGES_END: &str = "
    FROM (
        SELECT *
        FROM messages
        WHERE conversation = $1 AND timestamp >= $4
        ORDER BY timestamp DESC
        LIMIT greatest(0, (SELECT last_sequence - $2 FROM conversations WHERE key = $1))
    ) AS messages
    WHERE sequence > $2 AND sequence <= $3
    ORDER BY sequence
    LIMIT $5";

const CHANGES: &str = "
    SELECT sequence, is_join, members, by_client, changed_at
    FROM member_changes
    WHERE conversation = $1 AND sequence > $2 AND sequence <= $3 AND changed_at >= $4
    ORDER BY sequence DESC
    LIMIT $5";

fn message(row: &Row) -> Result<StoredEvent, StoreError> {
    let message = message_row::read(row, 0)?;
    let receivers: Option<String> = column(row, message_row::COLUMN_COUNT)?;
    let receivers = receivers.map(|text| json::from_column(&text, "messages", "receivers", &message.id));
    Ok(StoredEvent::Message { receivers: receivers.transpose()?, message })
}

fn change(row: &Row) -> Result<MemberChange, StoreError> {
    let sequence: i64 = column(row, 0)?;
    Ok(MemberChange {
        sequence: to_u64(sequence),
        is_join: column(row, 1)?,
        members: json::from_column(column(row, 2)?, "member_changes", "members", sequence)?,
        by: client(column(row, 3)?, "member_changes", &sequence)?,
        changed_at: Timestamp(column(row, 4)?),
    })
}

/// Keeps a change of members, and takes some old ones away: rows that another transaction takes away are left to it.
pub(super) async fn keep(
    connection: &Connection,
    conversation: i64,
    change: &MemberChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    let by = change.by.as_str().as_bytes();
    let values: [&(dyn ToSql + Sync); 8] = [
        &conversation,
        &to_i64(change.sequence),
        &change.is_join,
        &json::to_column(&change.members)?,
        &by,
        &change.changed_at.0,
        &oldest_member_change(now).0,
        &to_i64(EXTRA_PRUNED),
    ];
    connection.execute_prepared(KEEP, &values).await?;
    Ok(())
}

const KEEP: &str = "
    WITH old AS MATERIALIZED (
        SELECT conversation, sequence
        FROM member_changes
        WHERE changed_at < $7
        ORDER BY changed_at
        LIMIT $8
        FOR UPDATE SKIP LOCKED
    ),
    pruned AS (
        DELETE FROM member_changes
        USING old
        WHERE member_changes.conversation = old.conversation AND member_changes.sequence = old.sequence
    )
    INSERT INTO member_changes (conversation, sequence, is_join, members, by_client, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
