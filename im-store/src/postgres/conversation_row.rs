//! Rows of conversations, with their members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{Conversation, StoreError};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;

use super::columns::{client, column, is_storable, to_u64};
use super::members;
use super::pool::Connection;
use crate::conversation_kind::{kind, lifetime};
use crate::json;

/// The columns of [`ConversationRow`], in its order; the table is named `conversations`.
pub(super) const COLUMNS: &str = "
    conversations.key,
    conversations.id,
    conversations.attributes,
    conversations.creator,
    conversations.muted,
    conversations.last_message_at,
    conversations.unique_id,
    conversations.created_at,
    conversations.updated_at,
    conversations.last_sequence,
    conversations.members_sequence,
    conversations.kind,
    conversations.ttl_seconds,
    conversations.expires_at,
    conversations.standing_version";

/// The number of those columns.
pub(super) const COLUMN_COUNT: usize = 15;

/// A row as it is in the table, without the members.
pub(super) struct ConversationRow {
    pub(super) key: i64,
    id: String,
    attributes: String,
    creator: Option<Vec<u8>>,
    muted: String,
    last_message_at: Option<i64>,
    unique_id: Option<String>,
    created_at: i64,
    updated_at: i64,
    last_sequence: i64,
    members_sequence: i64,
    kind: i32,
    ttl_seconds: Option<i64>,
    expires_at: Option<i64>,
    standing_version: i64,
}

impl ConversationRow {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: column(row, 0)?,
            id: column(row, 1)?,
            attributes: column(row, 2)?,
            creator: column(row, 3)?,
            muted: column(row, 4)?,
            last_message_at: column(row, 5)?,
            unique_id: column(row, 6)?,
            created_at: column(row, 7)?,
            updated_at: column(row, 8)?,
            last_sequence: column(row, 9)?,
            members_sequence: column(row, 10)?,
            kind: column(row, 11)?,
            ttl_seconds: column(row, 12)?,
            expires_at: column(row, 13)?,
            standing_version: column(row, 14)?,
        })
    }

    /// Bytes of what can be long.
    pub(super) fn bytes(&self) -> usize {
        self.attributes.len() + self.muted.len()
    }

    pub(super) fn into_conversation(self, members: Vec<ClientId>) -> Result<Conversation, StoreError> {
        Ok(Conversation {
            kind: kind(self.kind, &self.id)?,
            lifetime: lifetime(self.ttl_seconds, self.expires_at),
            attributes: json::from_column(&self.attributes, "conversations", "attributes", &self.id)?,
            creator: self.creator.map(|creator| client(creator, "conversations", &self.id)).transpose()?,
            members,
            muted: json::from_column(&self.muted, "conversations", "muted", &self.id)?,
            last_message_at: self.last_message_at.map(Timestamp),
            unique_id: self.unique_id,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            last_sequence: to_u64(self.last_sequence),
            members_sequence: to_u64(self.members_sequence),
            standing_version: to_u64(self.standing_version),
            id: ConversationId::new(self.id),
        })
    }
}

pub(super) async fn load(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    Ok(load_with_key(connection, app, id).await?.map(|(_, conversation)| conversation))
}

pub(super) async fn load_with_key(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
) -> Result<Option<(i64, Conversation)>, StoreError> {
    if !is_storable(id.as_str()) {
        return Ok(None);
    }
    let sql = format!("SELECT {COLUMNS}, {} FROM conversations WHERE app = $1 AND id = $2", members::IN_ORDER);
    let row = connection.row(&sql, &[&app.as_str(), &id.as_str()]).await?;
    row.map(|row| {
        let members = members::read(&row, COLUMN_COUNT)?;
        let row = ConversationRow::read(&row)?;
        Ok((row.key, row.into_conversation(members)?))
    })
    .transpose()
}

/// As it is, under its lock until the transaction ends. `None` also for a temporary conversation whose life is over.
pub(super) async fn load_locked(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    now: Timestamp,
) -> Result<Option<(i64, Conversation)>, StoreError> {
    if !is_storable(id.as_str()) {
        return Ok(None);
    }
    let sql = format!("SELECT {COLUMNS} FROM conversations WHERE app = $1 AND id = $2 FOR NO KEY UPDATE");
    let Some(row) = connection.row(&sql, &[&app.as_str(), &id.as_str()]).await? else { return Ok(None) };
    let row = ConversationRow::read(&row)?;
    // In a statement of its own: the one that waited for the lock has seen the members as they were before.
    let members = members::load(connection, row.key).await?;
    let found = (row.key, row.into_conversation(members)?);
    Ok(Some(found).filter(|(_, conversation)| !conversation.has_expired(now)))
}
