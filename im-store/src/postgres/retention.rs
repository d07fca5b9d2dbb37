//! Conversations and messages that are too old to be kept.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{AgePage, ConversationAge, Retention, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::columns::{column, is_storable, to_i64, to_u64};
use super::expired::delete_conversation;
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, views};
use crate::retention::{EXPIRED_AT_ONCE, LOOKED_AT_ONCE};

#[async_trait]
impl Retention for PostgresStore {
    async fn conversation_ages(&self, after: u64) -> Result<AgePage, StoreError> {
        let now = self.database.now();
        let read = async |connection: Arc<Connection>| ages(&connection, after, now).await;
        self.database.pool.read(("ages of conversations", READ_LIMIT), read).await
    }

    async fn delete_messages_before(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        if !is_storable(conversation.as_str()) {
            return Ok(false);
        }
        let delete = async |connection: Arc<Connection>, _| {
            let sql = "SELECT key FROM conversations WHERE app = $1 AND id = $2";
            let Some(row) = connection.row(sql, &[&app.as_str(), &conversation.as_str()]).await? else {
                return Ok(false);
            };
            Ok(delete_messages(&connection, column(&row, 0)?, before).await? == EXPIRED_AT_ONCE)
        };
        self.database.write("delete old messages", delete).await
    }

    async fn delete_conversation_idle_since(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        if !is_storable(conversation.as_str()) {
            return Ok(false);
        }
        let delete = async |connection: Arc<Connection>, _| delete_idle(&connection, (app, conversation), since).await;
        self.database.write("delete idle conversation", delete).await
    }
}

async fn ages(connection: &Connection, after: u64, now: Timestamp) -> Result<AgePage, StoreError> {
    let sql = "
        SELECT key, app, id, updated_at, (SELECT min(timestamp) FROM messages WHERE conversation = key)
        FROM conversations
        WHERE key > $1 AND expires_at IS NULL
        ORDER BY key
        LIMIT $2";
    let rows = connection.rows(sql, &[&to_i64(after), &LOOKED_AT_ONCE]).await?;
    let is_full = to_i64(rows.len()) == LOOKED_AT_ONCE;
    let next = match rows.last().filter(|_| is_full) {
        Some(last) => Some(to_u64(column(last, 0)?)),
        None => None,
    };
    let ages = rows.iter().map(|row| {
        Ok(ConversationAge {
            app: AppId::new(column::<String>(row, 1)?),
            id: ConversationId::new(column::<String>(row, 2)?),
            updated_at: Timestamp(column(row, 3)?),
            oldest_message_at: column::<Option<i64>>(row, 4)?.map(Timestamp),
        })
    });
    Ok(AgePage { conversations: ages.collect::<Result<_, StoreError>>()?, next, now })
}

/// Answers how many.
async fn delete_messages(connection: &Connection, conversation: i64, before: Timestamp) -> Result<i64, StoreError> {
    let sql = "
        DELETE FROM messages
        WHERE conversation = $1
            AND timestamp IN (
                SELECT timestamp FROM messages WHERE conversation = $1 AND timestamp < $2 ORDER BY timestamp LIMIT $3
            )";
    let deleted = connection.execute_prepared(sql, &[&conversation, &before.0, &EXPIRED_AT_ONCE]).await?;
    views::forget_deleted(connection, conversation).await?;
    Ok(to_i64(deleted))
}

async fn delete_idle(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    since: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "
        SELECT key
        FROM conversations
        WHERE app = $1 AND id = $2 AND updated_at < $3 AND expires_at IS NULL
        FOR UPDATE";
    let Some(row) = connection.row(sql, &[&app.as_str(), &id.as_str(), &since.0]).await? else { return Ok(false) };
    let conversation: i64 = column(&row, 0)?;
    if delete_messages(connection, conversation, Timestamp(i64::MAX)).await? == EXPIRED_AT_ONCE {
        return Ok(true);
    }
    delete_conversation(connection, conversation).await?;
    Ok(false)
}
