//! Messages: appending, and their rows.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    AppendedMessage, CallFor, Committed, ConversationKind, DEDUPLICATION_WINDOW, HistoryQuery, MessageBody, Messages,
    NewMessage, NotAppended, StoreError, StoredCall, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::error::WorkError;
use super::message_row::{COLUMNS, MessageRow};
use super::{SqliteStore, calls, history, views};
use crate::json;
use crate::message_type::message_type;
use crate::query::budget::store_error;

#[async_trait]
impl Messages for SqliteStore {
    async fn append_message(
        &self,
        app: &AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Appended, StoreError> {
        let app = app.clone();
        let append = move |connection: &Connection, now| append(connection, &app, (new, call), now);
        let is_there = |connection: &Connection, appended: &Appended| {
            appended.as_ref().map_or(Ok(true), |appended| exists(connection, &appended.row.id))
        };
        self.write_and_read_back("append message", append, is_there).await
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let (of_app, conversation, query) = (app.clone(), conversation.clone(), query.clone());
        let range = move |connection: &Connection, _| history::range(connection, &of_app, &conversation, &query);
        self.queries.run(app, "history", range).await.map_err(|error| store_error(error, "history"))
    }
}

/// What became of a message.
type Appended = Result<Committed<AppendedMessage>, NotAppended>;

fn append(
    connection: &Connection,
    app: &AppId,
    (new, call): (NewMessage, Option<CallFor<AppendedMessage>>),
    now: Timestamp,
) -> Result<Appended, WorkError> {
    let Some(version) = version(connection, app, &new.conversation, now)? else {
        return Ok(Err(NotAppended::NoConversation));
    };
    let Version { key: conversation, members, standing, is_service } = version;
    if (members, standing) != (new.members_sequence, new.standing_version) {
        return Ok(Err(NotAppended::MembersChanged));
    }
    if let Some(token) = &new.deduplication_token
        && let Some(earlier) = find_by_token(connection, conversation, &new.from, token, now)?
    {
        let (id, timestamp, sequence) = (earlier.id.clone(), earlier.timestamp, earlier.sequence);
        let row = AppendedMessage { id, timestamp, sequence, earlier: Some(Box::new(earlier)) };
        return Ok(Ok(Committed { row, call: StoredCall::None }));
    }
    let (timestamp, sequence) = next_place(connection, conversation, now)?;
    insert(connection, conversation, (timestamp, sequence), &new)?;
    if is_service {
        views::add(connection, (app, conversation), &new, timestamp)?;
    }
    let row = AppendedMessage { id: new.id, timestamp, sequence, earlier: None };
    let call = calls::add_for(connection, app, (call, &row), now)?;
    Ok(Ok(Committed { row, call }))
}

/// What a message is checked against.
struct Version {
    key: i64,
    members: u64,
    standing: u64,
    is_service: bool,
}

/// The conversation's key, and the versions of its members and of what it holds about clients.
fn version(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    now: Timestamp,
) -> Result<Option<Version>, WorkError> {
    let version = connection
        .prepare_cached(
            "SELECT key, members_sequence, standing_version, kind
             FROM conversations
             WHERE app = ?1 AND id = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
        )?
        .query_row(params![app.as_str(), id.as_str(), now.0], |row| {
            let (members, standing): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(Version {
                key: row.get(0)?,
                members: members.unsigned_abs(),
                standing: standing.unsigned_abs(),
                is_service: row.get::<_, i32>(3)? == ConversationKind::Service.number(),
            })
        })
        .optional()?;
    Ok(version)
}

/// True when a message with this id is stored.
fn exists(connection: &Connection, id: &MessageId) -> Result<bool, WorkError> {
    Ok(connection.prepare_cached("SELECT 1 FROM messages WHERE id = ?1")?.exists([id.as_str()])?)
}

/// Timestamp and sequence number, strictly increasing within the conversation (S-5): `lm` is the time of its newest message
/// and never moves back.
fn next_place(connection: &Connection, conversation: i64, now: Timestamp) -> Result<(Timestamp, u64), WorkError> {
    let place = connection
        .prepare_cached(
            "UPDATE conversations
             SET last_message_at = max(?2, coalesce(last_message_at + 1, 0)),
                 updated_at = max(?2, updated_at),
                 last_sequence = last_sequence + 1
             WHERE key = ?1
             RETURNING last_message_at, last_sequence",
        )?
        .query_row(params![conversation, now.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    Ok((Timestamp(place.0), place.1.unsigned_abs()))
}

fn find_by_token(
    connection: &Connection,
    conversation: i64,
    sender: &ClientId,
    token: &str,
    now: Timestamp,
) -> Result<Option<StoredMessage>, WorkError> {
    let oldest = now.0.saturating_sub(i64::try_from(DEDUPLICATION_WINDOW.as_millis()).unwrap_or(i64::MAX));
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}
             FROM messages
             WHERE conversation = ?1 AND sender = ?2 AND deduplication_token = ?3 AND timestamp >= ?4
             ORDER BY timestamp
             LIMIT 1"
        ))?
        .query_row(params![conversation, sender.as_str(), token, oldest], MessageRow::read)
        .optional()?
        .map(StoredMessage::try_from)
        .transpose()
}

fn insert(
    connection: &Connection,
    conversation: i64,
    (timestamp, sequence): (Timestamp, u64),
    new: &NewMessage,
) -> Result<(), WorkError> {
    let mentions = if new.mentions.is_empty() { None } else { Some(json::to_column(&new.mentions)?) };
    let receivers = new.receivers.as_deref().map(json::to_column).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO messages (
                 conversation,
                 timestamp,
                 id,
                 sender,
                 body,
                 mentions,
                 mention_all,
                 patched_at,
                 deduplication_token,
                 message_type,
                 sequence,
                 receivers,
                 receipt
             )
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            conversation,
            timestamp.0,
            new.id.as_str(),
            new.from.as_str(),
            BodyColumn(&new.body),
            mentions,
            new.mention_all,
            new.patched_at.map(|time| time.0.max(timestamp.0.saturating_add(1))),
            new.deduplication_token,
            message_type(&new.body),
            i64::try_from(sequence).unwrap_or(i64::MAX),
            receivers,
            new.receipt,
        ])?;
    Ok(())
}

/// A body as its column has it.
pub(super) struct BodyColumn<'a>(pub(super) &'a MessageBody);

impl ToSql for BodyColumn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            MessageBody::Text(text) => ValueRef::Text(text.as_bytes()),
            MessageBody::Binary(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
