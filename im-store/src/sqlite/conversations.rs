//! Rows of conversations: creating and loading.

use hook_types::ConversationStarted;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{CallBeside, Conversation, CreatedConversation, NewConversation};
use hookd_im_core::timestamp::Timestamp;
use md5::{Digest, Md5};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::beside::Beside;
use super::error::WorkError;
use super::{json, members};

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
    conversations.updated_at";

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
        })
    }

    /// Bytes of what can be long.
    pub(super) fn bytes(&self) -> usize {
        self.attributes.len() + self.muted.len()
    }

    pub(super) fn into_conversation(self, members: Vec<ClientId>) -> Result<Conversation, WorkError> {
        Ok(Conversation {
            attributes: json::from_column(&self.attributes, "conversations", "attributes", &self.id)?,
            creator: self.creator.map(ClientId::new),
            members,
            muted: json::from_column(&self.muted, "conversations", "muted", &self.id)?,
            last_message_at: self.last_message_at.map(Timestamp),
            unique_id: self.unique_id,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            id: ConversationId::new(self.id),
        })
    }
}

/// Creates, or finds (S-8). The caller's transaction makes the two one step.
pub(super) fn create(
    connection: &Connection,
    app: &AppId,
    mut new: NewConversation,
    beside: Beside,
) -> Result<CreatedConversation, WorkError> {
    let now = beside.now();
    let started_hook = new.started_hook.take();
    let digest = new.unique.then(|| members::digest(&new.members));
    if let Some(digest) = &digest
        && let Some(conversation) = find_by_member_set(connection, app, &new.members, digest)?
    {
        return Ok(CreatedConversation { conversation, existing: true, hook: CallBeside::Absent });
    }
    let conversation = Conversation {
        id: new.id,
        attributes: new.attributes,
        creator: Some(new.creator),
        unique_id: new.unique.then(|| unique_id(&new.members)),
        members: new.members,
        muted: Vec::new(),
        last_message_at: None,
        created_at: now,
        updated_at: now,
    };
    insert(connection, app, &conversation, digest.as_deref())?;
    let hook = match started_hook {
        Some(mut hook) => {
            hook.params.conv_id = conversation.id.as_str().to_owned();
            beside.store::<ConversationStarted>(connection, app, hook)?
        }
        None => CallBeside::Absent,
    };
    Ok(CreatedConversation { conversation, existing: false, hook })
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

pub(super) fn key(connection: &Connection, app: &AppId, id: &ConversationId) -> Result<Option<i64>, WorkError> {
    let key = connection
        .prepare_cached("SELECT key FROM conversations WHERE app = ?1 AND id = ?2")?
        .query_row([app.as_str(), id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

/// The oldest unique conversation with exactly these current members: membership changes can make two of them equal.
fn find_by_member_set(
    connection: &Connection,
    app: &AppId,
    members: &[ClientId],
    digest: &str,
) -> Result<Option<Conversation>, WorkError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations WHERE app = ?1 AND member_digest = ?2 ORDER BY key"
    ))?;
    let mut rows = statement.query([app.as_str(), digest])?;
    while let Some(row) = rows.next()? {
        let row = ConversationRow::read(row)?;
        let present = members::load(connection, row.key)?;
        if present.len() == members.len() && members.iter().all(|member| present.contains(member)) {
            return row.into_conversation(present).map(Some);
        }
    }
    Ok(None)
}

fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: &Conversation,
    member_digest: Option<&str>,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO conversations (
                 app,
                 id,
                 attributes,
                 creator,
                 muted,
                 unique_id,
                 member_digest,
                 created_at,
                 updated_at
             )
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            app.as_str(),
            conversation.id.as_str(),
            json::to_column(&conversation.attributes)?,
            conversation.creator.as_ref().map(ClientId::as_str),
            json::to_column(&conversation.muted)?,
            conversation.unique_id,
            member_digest,
            conversation.created_at.0,
            conversation.updated_at.0,
        ])?;
    members::insert(connection, app, connection.last_insert_rowid(), &conversation.members, 0)
}

/// Lower-case hex MD5 of the sorted ids without a separator (S-8). Different sets can share it.
fn unique_id(members: &[ClientId]) -> String {
    let mut sorted: Vec<&str> = members.iter().map(ClientId::as_str).collect();
    sorted.sort_unstable();
    hex::encode(Md5::digest(sorted.concat()))
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::{AppId, ClientId, ConversationId};
    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::{load, unique_id};
    use crate::sqlite::schema::migrate;

    #[test]
    fn unique_id_of_the_published_sample() {
        let members = [ClientId::new("bob"), ClientId::new("alice")];
        assert_eq!(unique_id(&members), "ec0048c7d6b5a11cdb261b71a813eff3");
    }

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
