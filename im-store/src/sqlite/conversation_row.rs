//! Rows of conversations, with their members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::Conversation;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::error::WorkError;
use super::members;
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

/// A row as it is in the table, without the members.
pub(super) struct ConversationRow {
    pub(super) key: i64,
    id: String,
    attributes: String,
    creator: Option<String>,
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
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            id: row.get(1)?,
            attributes: row.get(2)?,
            creator: row.get(3)?,
            muted: row.get(4)?,
            last_message_at: row.get(5)?,
            unique_id: row.get(6)?,
            created_at: row.get(7)?,
            updated_at: row.get(8)?,
            last_sequence: row.get(9)?,
            members_sequence: row.get(10)?,
            kind: row.get(11)?,
            ttl_seconds: row.get(12)?,
            expires_at: row.get(13)?,
            standing_version: row.get(14)?,
        })
    }

    /// Bytes of what can be long.
    pub(super) fn bytes(&self) -> usize {
        self.attributes.len() + self.muted.len()
    }

    pub(super) fn into_conversation(self, members: Vec<ClientId>) -> Result<Conversation, WorkError> {
        Ok(Conversation {
            kind: kind(self.kind, &self.id)?,
            lifetime: lifetime(self.ttl_seconds, self.expires_at),
            attributes: json::from_column(&self.attributes, "conversations", "attributes", &self.id)?,
            creator: self.creator.map(ClientId::new),
            members,
            muted: json::from_column(&self.muted, "conversations", "muted", &self.id)?,
            last_message_at: self.last_message_at.map(Timestamp),
            unique_id: self.unique_id,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            last_sequence: self.last_sequence.unsigned_abs(),
            members_sequence: self.members_sequence.unsigned_abs(),
            standing_version: self.standing_version.unsigned_abs(),
            id: ConversationId::new(self.id),
        })
    }
}

pub(super) fn load(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
) -> Result<Option<Conversation>, WorkError> {
    Ok(load_with_key(connection, app, id)?.map(|(_, conversation)| conversation))
}

pub(super) fn load_with_key(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
) -> Result<Option<(i64, Conversation)>, WorkError> {
    let row = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE app = ?1 AND id = ?2"))?
        .query_row([app.as_str(), id.as_str()], ConversationRow::read)
        .optional()?;
    row.map(|row| {
        let key = row.key;
        Ok((key, row.into_conversation(members::load(connection, key)?)?))
    })
    .transpose()
}

/// As [`load_with_key`], for a change: `None` also for a temporary conversation whose life is over.
pub(super) fn load_living(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    now: Timestamp,
) -> Result<Option<(i64, Conversation)>, WorkError> {
    Ok(load_with_key(connection, app, id)?.filter(|(_, conversation)| !conversation.has_expired(now)))
}

pub(super) fn key(connection: &Connection, app: &AppId, id: &ConversationId) -> Result<Option<i64>, WorkError> {
    let key = connection
        .prepare_cached("SELECT key FROM conversations WHERE app = ?1 AND id = ?2")?
        .query_row([app.as_str(), id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::{AppId, ConversationId};
    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::load;
    use crate::sqlite::schema::migrate;

    #[test]
    fn row_with_unreadable_attributes_is_corrupt() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO conversations (app, id, attributes, muted, created_at, updated_at)
                 VALUES ('demo', 'c1', '[', '[]', 1, 1)",
                [],
            )
            .unwrap();
        let error =
            load(&connection, &AppId::new("demo"), &ConversationId::new("c1")).map_err(StoreError::from).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { table: "conversations", row, .. } if row == "c1"), "{error}");
    }
}
