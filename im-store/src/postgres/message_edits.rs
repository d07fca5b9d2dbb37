//! Single messages: finding and changing them.

use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{Conversation, EditMessage, EditedMessage, MessageBody, StoreError, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::types::ToSql;

use super::columns::{column, is_storable};
use super::conversation_row::load_locked;
use super::message_row::{self, COLUMN_COUNT, COLUMNS};
use super::pool::Connection;
use crate::json;
use crate::message_type::message_type;

pub(super) async fn find(
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
pub(super) async fn edit(
    connection: &Connection,
    (app, conversation): (&AppId, &ConversationId),
    message: (&MessageId, Timestamp),
    edit: EditMessage,
    now: Timestamp,
) -> Result<Option<Result<(Conversation, StoredMessage), Refusal>>, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, conversation).await? else { return Ok(None) };
    let Some(message) = find(connection, (app, &conversation.id), message).await? else { return Ok(None) };
    let EditedMessage { body, mentions, mention_all } = match edit(&conversation, &message) {
        Ok(edited) => edited,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let after = message.patched_at.unwrap_or(message.timestamp).0.saturating_add(1);
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
pub(super) async fn changed_after(
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
