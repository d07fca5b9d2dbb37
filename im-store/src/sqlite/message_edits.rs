//! Single messages: finding and changing them.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{EditMessage, EditedMessage, MessageChanges, MessageEdit, StoreError, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::conversation_row::load_living;
use super::error::WorkError;
use super::message_row::{COLUMN_COUNT, COLUMNS, MessageRow};
use super::messages::BodyColumn;
use super::{SqliteStore, conversation_row, standing_rows};
use crate::json;
use crate::message_type::message_type;
use crate::query::budget::store_error;

#[async_trait]
impl MessageChanges for SqliteStore {
    async fn message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (id, timestamp): (&MessageId, Timestamp),
    ) -> Result<Option<StoredMessage>, StoreError> {
        let (app, conversation, id) = (app.clone(), conversation.clone(), id.clone());
        let find = move |connection: &Connection| match conversation_row::key(connection, &app, &conversation)? {
            Some(conversation) => find(connection, conversation, (&id, timestamp)),
            None => Ok(None),
        };
        self.readers.read("message", find).await
    }

    async fn edit_message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (id, timestamp): (&MessageId, Timestamp),
        edit: EditMessage,
    ) -> Result<MessageEdit, StoreError> {
        let (of_app, conversation, id) = (app.clone(), conversation.clone(), id.clone());
        let edit = move |connection: &Connection, now| {
            self::edit(connection, (&of_app, &conversation), (&id, timestamp), edit, now)
        };
        let of_app = app.clone();
        let is_done = move |connection: &Connection, edited: &MessageEdit| {
            let Some(Ok((conversation, message))) = edited else { return Ok(true) };
            let Some(key) = conversation_row::key(connection, &of_app, &conversation.id)? else { return Ok(false) };
            let now = find(connection, key, (&message.id, message.timestamp))?;
            Ok(now.is_some_and(|now| now.patched_at == message.patched_at))
        };
        self.write_and_read_back("edit message", edit, is_done).await
    }

    async fn changed_messages(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError> {
        let (of_app, client) = (app.clone(), client.clone());
        let find = move |connection: &Connection, _| changed_after(connection, (&of_app, &client), after, limit);
        self.queries.run(app, "changed messages", find).await.map_err(|error| store_error(error, "changed messages"))
    }
}

fn find(
    connection: &Connection,
    conversation: i64,
    (id, timestamp): (&MessageId, Timestamp),
) -> Result<Option<StoredMessage>, WorkError> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE conversation = ?1 AND timestamp = ?2 AND id = ?3");
    let row = connection
        .prepare_cached(&sql)?
        .query_row(params![conversation, timestamp.0, id.as_str()], MessageRow::read)
        .optional()?;
    row.map(StoredMessage::try_from).transpose()
}

/// Writes what `edit` makes of a message.
fn edit(
    connection: &Connection,
    (app, conversation): (&AppId, &ConversationId),
    message: (&MessageId, Timestamp),
    edit: EditMessage,
    now: Timestamp,
) -> Result<MessageEdit, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, conversation, now)? else { return Ok(None) };
    let Some(message) = find(connection, key, message)? else { return Ok(None) };
    let standing = standing_rows::of(connection, (key, conversation), std::slice::from_ref(&message.from), now)?;
    let EditedMessage { body, mentions, mention_all } = match edit(&standing, &message) {
        Ok(edited) => edited,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let conversation = standing.conversation;
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(patched_at) FROM messages WHERE conversation = ?1 AND patched_at IS NOT NULL")?
        .query_row([key], |row| row.get(0))?;
    let after = newest.unwrap_or(0).max(message.timestamp.0).saturating_add(1);
    let patched_at = Timestamp(now.0.max(after));
    let mentions_column = if mentions.is_empty() { None } else { Some(json::to_column(&mentions)?) };
    connection
        .prepare_cached(
            "UPDATE messages
             SET body = ?3, mentions = ?4, mention_all = ?5, patched_at = ?6, message_type = ?7
             WHERE conversation = ?1 AND timestamp = ?2",
        )?
        .execute(params![
            key,
            message.timestamp.0,
            BodyColumn(&body),
            mentions_column,
            mention_all,
            patched_at.0,
            message_type(&body),
        ])?;
    let message = StoredMessage { body, mentions, mention_all, patched_at: Some(patched_at), ..message };
    Ok(Some(Ok((conversation, message))))
}

/// Messages of the client's conversations that were changed after a time, in the order of the changes.
fn changed_after(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    after: Timestamp,
    limit: u32,
) -> Result<Vec<(ConversationId, StoredMessage)>, WorkError> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT conversations.id FROM conversations WHERE conversations.key = messages.conversation)
         FROM members
         JOIN messages INDEXED BY messages_by_change ON messages.conversation = members.conversation
         WHERE members.app = ?1 AND members.client = ?2 AND patched_at > ?3
         ORDER BY patched_at
         LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(COLUMN_COUNT)?, MessageRow::read(row)?));
    let rows = statement.query_map(params![app.as_str(), client.as_str(), after.0, limit], read)?;
    rows.map(|row| {
        let (conversation, message) = row?;
        Ok((ConversationId::new(conversation), StoredMessage::try_from(message)?))
    })
    .collect()
}
