//! Conversations and messages that are too old to be kept.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{AgePage, ConversationAge, Retention, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::conversation_row::key;
use super::error::WorkError;
use super::{SqliteStore, views};
use crate::retention::{EXPIRED_AT_ONCE, LOOKED_AT_ONCE};

#[async_trait]
impl Retention for SqliteStore {
    async fn conversation_ages(&self, after: u64) -> Result<AgePage, StoreError> {
        let now = (self.clock)();
        self.readers.read("ages of conversations", move |connection| ages(connection, after, now)).await
    }

    async fn delete_messages_before(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        let (app, id) = (app.clone(), conversation.clone());
        let delete = move |connection: &Connection, _| match key(connection, &app, &id)? {
            Some(conversation) => Ok(delete_messages(connection, conversation, before)? == EXPIRED_AT_ONCE),
            None => Ok(false),
        };
        self.write("delete old messages", delete).await
    }

    async fn delete_conversation_idle_since(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let (app, id) = (app.clone(), conversation.clone());
        let delete = move |connection: &Connection, _| delete_idle(connection, (&app, &id), since);
        self.write("delete idle conversation", delete).await
    }
}

fn ages(connection: &Connection, after: u64, now: Timestamp) -> Result<AgePage, WorkError> {
    let rows: Vec<(i64, ConversationAge)> = connection
        .prepare_cached(
            "SELECT key, app, id, updated_at, (SELECT min(timestamp) FROM messages WHERE conversation = key)
             FROM conversations
             WHERE key > ?1 AND expires_at IS NULL
             ORDER BY key
             LIMIT ?2",
        )?
        .query_map(params![i64::try_from(after).unwrap_or(i64::MAX), LOOKED_AT_ONCE], |row| {
            let age = ConversationAge {
                app: AppId::new(row.get::<_, String>(1)?),
                id: ConversationId::new(row.get::<_, String>(2)?),
                updated_at: Timestamp(row.get(3)?),
                oldest_message_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            };
            Ok((row.get(0)?, age))
        })?
        .collect::<Result<_, _>>()?;
    let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) == LOOKED_AT_ONCE;
    let next = rows.last().filter(|_| is_full).map(|(key, _)| key.unsigned_abs());
    Ok(AgePage { conversations: rows.into_iter().map(|(_, age)| age).collect(), next, now })
}

/// Answers how many.
fn delete_messages(connection: &Connection, conversation: i64, before: Timestamp) -> Result<i64, WorkError> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM messages
             WHERE (conversation, timestamp) IN (
                 SELECT conversation, timestamp
                 FROM messages
                 WHERE conversation = ?1 AND timestamp < ?2
                 ORDER BY timestamp
                 LIMIT ?3
             )",
        )?
        .execute(params![conversation, before.0, EXPIRED_AT_ONCE])?;
    views::forget_deleted(connection, conversation)?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

fn delete_idle(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    since: Timestamp,
) -> Result<bool, WorkError> {
    let idle: Option<i64> = connection
        .prepare_cached(
            "SELECT key FROM conversations WHERE app = ?1 AND id = ?2 AND updated_at < ?3 AND expires_at IS NULL",
        )?
        .query_row(params![app.as_str(), id.as_str(), since.0], |row| row.get(0))
        .optional()?;
    let Some(conversation) = idle else { return Ok(false) };
    if delete_messages(connection, conversation, Timestamp(i64::MAX))? == EXPIRED_AT_ONCE {
        return Ok(true);
    }
    connection.prepare_cached("DELETE FROM conversations WHERE key = ?1")?.execute([conversation])?;
    Ok(false)
}
