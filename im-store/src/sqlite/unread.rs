//! What clients have not read.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    ConversationKind, MAX_UNREAD, MAX_UNREAD_CONVERSATIONS, StoredMessage, UNREAD_CANDIDATES, UNREAD_SCAN,
    UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::WorkError;
use super::history::newest;
use super::message_row::{COLUMNS, MessageRow};
use crate::conversation_kind::kind;
use crate::json;
use crate::receipts::new_since;

/// Conversations with unread messages, the newest first.
pub(super) fn all(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    now: Timestamp,
) -> Result<Vec<UnreadConversation>, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT conversations.key, kind, conversations.id, last_message_at, last_sequence, read_until
         FROM members
         JOIN conversations ON conversations.key = members.conversation
         WHERE members.app = ?1 AND members.client = ?2
             AND last_message_at > read_until
             AND (expires_at IS NULL OR expires_at > ?4)
         ORDER BY last_message_at DESC
         LIMIT ?3",
    )?;
    let mut rows = statement.query(params![app.as_str(), client.as_str(), UNREAD_CANDIDATES, now.0])?;
    let mut found = Vec::new();
    while found.len() < MAX_UNREAD_CONVERSATIONS as usize
        && let Some(row) = rows.next()?
    {
        let unread = in_conversation(connection, End::read(row)?, client, row.get(5)?)?;
        if unread.count > 0 {
            found.push(unread);
        }
    }
    Ok(found)
}

/// Conversations that have changed since a time, with the count of each.
pub(super) fn changed(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    after: Timestamp,
    now: Timestamp,
) -> Result<Vec<UnreadConversation>, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT conversations.key, kind, conversations.id, coalesce(last_message_at, 0), last_sequence, read_until
         FROM members
         JOIN conversations ON conversations.key = members.conversation
         WHERE members.app = ?1 AND members.client = ?2
             AND (last_message_at > ?3 OR read_changed_at > ?3)
             AND (expires_at IS NULL OR expires_at > ?5)
         ORDER BY last_message_at DESC
         LIMIT ?4",
    )?;
    let values = params![app.as_str(), client.as_str(), new_since(after), MAX_UNREAD_CONVERSATIONS, now.0];
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(in_conversation(connection, End::read(row)?, client, row.get(5)?)?);
    }
    Ok(found)
}

/// How far a conversation has come.
pub(super) struct End {
    pub(super) key: i64,
    pub(super) kind: ConversationKind,
    pub(super) conversation: ConversationId,
    pub(super) last_message_at: i64,
    pub(super) last_sequence: i64,
}

impl End {
    /// Reads the first five columns.
    fn read(row: &Row<'_>) -> Result<Self, WorkError> {
        let id: String = row.get(2)?;
        Ok(Self {
            key: row.get(0)?,
            kind: kind(row.get(1)?, &id)?,
            conversation: ConversationId::new(id),
            last_message_at: row.get(3)?,
            last_sequence: row.get(4)?,
        })
    }
}

/// What a member has not read of a conversation.
pub(super) fn in_conversation(
    connection: &Connection,
    End { key, kind, conversation, last_message_at, last_sequence }: End,
    client: &ClientId,
    read_until: i64,
) -> Result<UnreadConversation, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT timestamp, mention_all, mentions, receivers
         FROM (
             SELECT timestamp, sender, mention_all, mentions, receivers
             FROM messages
             WHERE conversation = ?1 AND timestamp > ?2
             ORDER BY timestamp DESC
             LIMIT ?4
         )
         WHERE sender <> ?3
         ORDER BY timestamp DESC",
    )?;
    let mut rows = statement.query(params![key, read_until, client.as_str(), UNREAD_SCAN])?;
    let (mut count, mut is_mentioned, mut last) = (0, false, None);
    while count < MAX_UNREAD
        && let Some(row) = rows.next()?
    {
        if !names(row.get(3)?, client, "receivers")?.unwrap_or(true) {
            continue;
        }
        count += 1;
        last = last.or(Some(row.get::<_, i64>(0)?));
        is_mentioned = is_mentioned || row.get(1)? || names(row.get(2)?, client, "mentions")?.unwrap_or(false);
    }
    let last_message = match last {
        Some(at) => Some(message_at(connection, key, at)?),
        None => newest(connection, key)?,
    };
    let (counted_until, last_sequence) = (Timestamp(last_message_at), last_sequence.unsigned_abs());
    Ok(UnreadConversation { conversation, kind, count, is_mentioned, last_message, counted_until, last_sequence })
}

/// True when a list of clients names one; `None` where there is no list.
pub(super) fn names(list: Option<String>, client: &ClientId, column: &'static str) -> Result<Option<bool>, WorkError> {
    let Some(list) = list else { return Ok(None) };
    let clients: Vec<ClientId> = json::from_column(&list, "messages", column, "of a conversation")?;
    Ok(Some(clients.contains(client)))
}

fn message_at(connection: &Connection, conversation: i64, at: i64) -> Result<StoredMessage, WorkError> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE conversation = ?1 AND timestamp = ?2");
    StoredMessage::try_from(connection.prepare_cached(&sql)?.query_row([conversation, at], MessageRow::read)?)
}
