//! Single messages: finding and changing them.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    EditMessage, EditedMessage, MessageBody, MessageChanges, MessageEdit, StoreError, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::types::ToSql;

use super::columns::{column, is_storable};
use super::conversation_row::load_locked;
use super::message_row::{self, COLUMN_COUNT, COLUMNS};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, standing_rows};
use crate::json;
use crate::message_type::message_type;
use crate::query::budget::store_error;

#[async_trait]
impl MessageChanges for PostgresStore {
    async fn message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
    ) -> Result<Option<StoredMessage>, StoreError> {
        let find = async |connection: Arc<Connection>| find(&connection, (app, conversation), message).await;
        self.database.pool.read(("message", READ_LIMIT), find).await
    }

    async fn edit_message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
        edit: EditMessage,
    ) -> Result<MessageEdit, StoreError> {
        let edit = async |connection: Arc<Connection>, now| {
            self::edit(&connection, (app, conversation), message, edit, now).await
        };
        let is_done = async |connection: Arc<Connection>, edited: MessageEdit| {
            let Some(Ok((_, edited))) = edited else { return Ok(true) };
            let now = find(&connection, (app, conversation), message).await?;
            Ok(now.is_some_and(|now| now.patched_at == edited.patched_at))
        };
        self.database.write_and_read_back("edit message", edit, is_done).await
    }

    async fn changed_messages(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError> {
        let find =
            async |connection: Arc<Connection>, _| Ok(changed_after(&connection, (app, client), after, limit).await?);
        self.queries.run(app, "changed messages", find).await.map_err(|error| store_error(error, "changed messages"))
    }
}

async fn find(
    connection: &Connection,
    (app, conversation): (&AppId, &ConversationId),
    (id, timestamp): (&MessageId, Timestamp),
) -> Result<Option<StoredMessage>, StoreError> {
    if !is_storable(conversation.as_str()) || !is_storable(id.as_str()) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {COLUMNS}
         FROM messages
         WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2) AND timestamp = $3 AND id = $4"
    );
    let values: [&(dyn ToSql + Sync); 4] = [&app.as_str(), &conversation.as_str(), &timestamp.0, &id.as_str()];
    let row = connection.row(&sql, &values).await?;
    row.map(|row| message_row::read(&row, 0)).transpose()
}

/// Writes what `edit` makes of a message.
async fn edit(
    connection: &Connection,
    (app, conversation): (&AppId, &ConversationId),
    message: (&MessageId, Timestamp),
    edit: EditMessage,
    now: Timestamp,
) -> Result<MessageEdit, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, conversation, now).await? else { return Ok(None) };
    let Some(message) = find(connection, (app, &conversation.id), message).await? else { return Ok(None) };
    let standing = standing_rows::of(connection, (key, conversation), std::slice::from_ref(&message.from), now).await?;
    let EditedMessage { body, mentions, mention_all } = match edit(&standing, &message) {
        Ok(edited) => edited,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let conversation = standing.conversation;
    let sql = "SELECT max(patched_at) FROM messages WHERE conversation = $1 AND patched_at IS NOT NULL";
    let newest = connection.row(sql, &[&key]).await?.map(|row| column::<Option<i64>>(&row, 0)).transpose()?.flatten();
    let after = newest.unwrap_or(0).max(message.timestamp.0).saturating_add(1);
    let patched_at = Timestamp(now.0.max(after));
    let (bytes, is_text) = match &body {
        MessageBody::Text(text) => (text.as_bytes(), true),
        MessageBody::Binary(bytes) => (bytes.as_slice(), false),
    };
    let mentions_column = if mentions.is_empty() { None } else { Some(json::to_column(&mentions)?) };
    let sql = "
        UPDATE messages
        SET body = $3, is_text = $4, mentions = $5, mention_all = $6, patched_at = $7, message_type = $8
        WHERE conversation = $1 AND timestamp = $2";
    let values: [&(dyn ToSql + Sync); 8] = [
        &key,
        &message.timestamp.0,
        &bytes,
        &is_text,
        &mentions_column,
        &mention_all,
        &patched_at.0,
        &message_type(&body),
    ];
    connection.execute_prepared(sql, &values).await?;
    let message = StoredMessage { body, mentions, mention_all, patched_at: Some(patched_at), ..message };
    Ok(Some(Ok((conversation, message))))
}

/// Messages of the client's conversations that were changed after a time, in the order of the changes.
async fn changed_after(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    after: Timestamp,
    limit: u32,
) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT conversations.id FROM conversations WHERE conversations.key = messages.conversation)
         FROM members
         JOIN messages ON messages.conversation = members.conversation
         WHERE members.app = $1 AND members.client = $2 AND messages.patched_at > $3
         ORDER BY messages.patched_at
         LIMIT $4"
    );
    let values: [&(dyn ToSql + Sync); 4] = [&app.as_str(), &client.as_str().as_bytes(), &after.0, &i64::from(limit)];
    let rows = connection.rows(&sql, &values).await?;
    rows.iter()
        .map(|row| Ok((ConversationId::new(column::<String>(row, COLUMN_COUNT)?), message_row::read(row, 0)?)))
        .collect()
}
