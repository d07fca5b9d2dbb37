//! Receipts, and what is unread.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    ACKNOWLEDGED_AT_ONCE, Acknowledged, ConversationKind, Delivered, MAX_UNREAD, MAX_UNREAD_CONVERSATIONS, MarkedRead,
    ReceiptMarks, ReceiptMessage, Receipts, StoreError, StoredMessage, UNREAD_CANDIDATES, UNREAD_SCAN,
    UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::conversation_row;
use super::error::WorkError;
use super::history::newest;
use super::message_row::{COLUMNS, MessageRow};
use crate::conversation_kind::kind;
use crate::json;
use crate::query::budget::store_error;
use crate::receipts::{mark, new_since};

#[async_trait]
impl Receipts for SqliteStore {
    async fn unread(
        &self,
        app: &AppId,
        client: &ClientId,
        changed_after: Option<Timestamp>,
    ) -> Result<Vec<UnreadConversation>, StoreError> {
        let (of_app, client) = (app.clone(), client.clone());
        let now = (self.clock)();
        let find = move |connection: &Connection, _| match changed_after {
            None => all_unread(connection, (&of_app, &client), now),
            Some(after) => changed(connection, (&of_app, &client), after, now),
        };
        self.queries.run(app, "unread messages", find).await.map_err(|error| store_error(error, "unread messages"))
    }

    async fn unread_in(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
    ) -> Result<Option<UnreadConversation>, StoreError> {
        let (app, client, conversation) = (app.clone(), client.clone(), conversation.clone());
        let read = move |connection: &Connection| {
            let Some(member) = member(connection, (&app, &client), &conversation)? else { return Ok(None) };
            let end = End {
                key: member.conversation,
                kind: kind(member.kind, conversation.as_str())?,
                conversation,
                last_message_at: member.last_message_at.unwrap_or(0),
                last_sequence: member.last_sequence,
            };
            unread_of(connection, end, &client, member.read_until).map(Some)
        };
        self.readers.read("unread messages of a conversation", read).await
    }

    async fn mark_read(
        &self,
        app: &AppId,
        client: &ClientId,
        read: Vec<(ConversationId, Timestamp)>,
    ) -> Result<Vec<MarkedRead>, StoreError> {
        let (app, client) = (app.clone(), client.clone());
        let mark = move |connection: &Connection, now| {
            let mut marked = Vec::new();
            for (conversation, until) in read {
                marked.extend(mark_read(connection, (&app, &client), conversation, until, now)?);
            }
            Ok(marked)
        };
        self.write("mark as read", mark).await
    }

    async fn mark_delivered(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
        acknowledged: &Acknowledged,
    ) -> Result<Option<Delivered>, StoreError> {
        let (app, client, conversation) = (app.clone(), client.clone(), conversation.clone());
        let acknowledged = acknowledged.clone();
        let mark = move |connection: &Connection, now| {
            mark_delivered(connection, (&app, &client), &conversation, &acknowledged, now)
        };
        self.write("mark as delivered", mark).await
    }

    async fn receipt_marks(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<ReceiptMarks>, StoreError> {
        let (app, conversation) = (app.clone(), conversation.clone());
        self.readers.read("receipt marks", move |connection| marks(connection, &app, &conversation)).await
    }
}

/// A member of a conversation, without the others.
struct Member {
    conversation: i64,
    kind: i32,
    last_message_at: Option<i64>,
    last_sequence: i64,
    /// The conversation has two members at most.
    is_one_of_two: bool,
    read_until: i64,
    read_at: Option<i64>,
    delivered_at: Option<i64>,
}

fn member(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<Member>, WorkError> {
    let member = connection
        .prepare_cached(
            "SELECT
                 conversations.key,
                 kind,
                 last_message_at,
                 last_sequence,
                 (SELECT count(*) FROM (SELECT 1 FROM members WHERE conversation = conversations.key LIMIT 3)) < 3,
                 read_until,
                 read_at,
                 delivered_at
             FROM conversations
             JOIN members ON members.conversation = conversations.key AND members.client = ?3
             WHERE conversations.app = ?1 AND conversations.id = ?2",
        )?
        .query_row([app.as_str(), conversation.as_str(), client.as_str()], |row| {
            Ok(Member {
                conversation: row.get(0)?,
                kind: row.get(1)?,
                last_message_at: row.get(2)?,
                last_sequence: row.get(3)?,
                is_one_of_two: row.get(4)?,
                read_until: row.get(5)?,
                read_at: row.get(6)?,
                delivered_at: row.get(7)?,
            })
        })
        .optional()?;
    Ok(member)
}

fn mark_read(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: ConversationId,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<MarkedRead>, WorkError> {
    let Some(member) = member(connection, (app, client), &conversation)? else { return Ok(None) };
    let until = member.last_message_at.unwrap_or(0).min(until.0);
    if until <= member.read_until {
        return Ok(None);
    }
    let range = (member.read_until.saturating_add(1), until);
    acknowledge(connection, &member, client, range, now)?;
    let newest = newest_with_receipt(connection, &member, client, range)?;
    let next = first_of_others(connection, member.conversation, client, until)?;
    let read_at = mark(now, until, next).max(member.read_at.unwrap_or(0));
    connection
        .prepare_cached(
            "UPDATE members
             SET read_until = ?3, read_at = ?4, read_changed_at = ?5, delivered_at = max(?4, coalesce(delivered_at, 0))
             WHERE conversation = ?1 AND client = ?2",
        )?
        .execute(params![member.conversation, client.as_str(), until, read_at, now.0])?;
    let last_sequence = member.last_sequence.unsigned_abs();
    Ok(Some(MarkedRead { conversation, newest, mark: Timestamp(read_at), last_sequence }))
}

fn mark_delivered(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
    acknowledged: &Acknowledged,
    now: Timestamp,
) -> Result<Option<Delivered>, WorkError> {
    let Some(member) = member(connection, (app, client), conversation)? else { return Ok(None) };
    let Some(last) = member.last_message_at else { return Ok(None) };
    let (from, to) = match acknowledged {
        Acknowledged::Range { from, to } => (from.0, to.0.min(last)),
        Acknowledged::Message(id) => match time_of(connection, member.conversation, id)? {
            Some(time) => (time, time),
            None => return Ok(None),
        },
    };
    if from > to {
        return Ok(None);
    }
    let first = acknowledge(connection, &member, client, (from, to), now)?;
    let next = first_of_others(connection, member.conversation, client, to)?;
    let delivered_at = mark(now, to, next).max(member.delivered_at.unwrap_or(0));
    connection
        .prepare_cached("UPDATE members SET delivered_at = ?3 WHERE conversation = ?1 AND client = ?2")?
        .execute(params![member.conversation, client.as_str(), delivered_at])?;
    let last_sequence = member.last_sequence.unsigned_abs();
    Ok(Some(Delivered { first, mark: Timestamp(delivered_at), last_sequence }))
}

/// Notes the first acknowledgement of messages, which are counted from the newest on; answers those with a receipt.
fn acknowledge(
    connection: &Connection,
    member: &Member,
    client: &ClientId,
    (from, to): (i64, i64),
    now: Timestamp,
) -> Result<Vec<ReceiptMessage>, WorkError> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages
         SET acknowledged_at = ?6
         WHERE conversation = ?1
             AND timestamp IN (
                 SELECT timestamp
                 FROM messages
                 WHERE conversation = ?1 AND timestamp BETWEEN ?2 AND ?3
                 ORDER BY timestamp DESC
                 LIMIT ?7
             )
             AND sender <> ?4
             AND acknowledged_at IS NULL
             AND (receipt OR ?5)
         RETURNING id, sender, receipt",
    )?;
    let values =
        params![member.conversation, from, to, client.as_str(), member.is_one_of_two, now.0, ACKNOWLEDGED_AT_ONCE];
    let rows = statement.query_map(values, |row| {
        let message = ReceiptMessage {
            id: MessageId::new(row.get::<_, String>(0)?),
            author: ClientId::new(row.get::<_, String>(1)?),
        };
        Ok(row.get::<_, bool>(2)?.then_some(message))
    })?;
    let first = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(first.into_iter().flatten().collect())
}

fn newest_with_receipt(
    connection: &Connection,
    member: &Member,
    client: &ClientId,
    (from, to): (i64, i64),
) -> Result<Option<ReceiptMessage>, WorkError> {
    let found = connection
        .prepare_cached(
            "SELECT id, sender
             FROM messages INDEXED BY messages_by_receipt
             WHERE conversation = ?1 AND timestamp BETWEEN ?2 AND ?3 AND sender <> ?4 AND receipt
             ORDER BY timestamp DESC
             LIMIT 1",
        )?
        .query_row(params![member.conversation, from, to, client.as_str()], |row| {
            let (id, author) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
            Ok(ReceiptMessage { id: MessageId::new(id), author: ClientId::new(author) })
        })
        .optional()?;
    Ok(found)
}

/// The time of the first message of another client after a time.
fn first_of_others(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    after: i64,
) -> Result<Option<i64>, WorkError> {
    let first = connection
        .prepare_cached(
            "SELECT timestamp
             FROM (
                 SELECT timestamp, sender
                 FROM messages
                 WHERE conversation = ?1 AND timestamp > ?2
                 ORDER BY timestamp
                 LIMIT ?4
             )
             WHERE sender <> ?3
             LIMIT 1",
        )?
        .query_row(params![conversation, after, client.as_str(), UNREAD_SCAN], |row| row.get(0))
        .optional()?;
    Ok(first)
}

fn time_of(connection: &Connection, conversation: i64, id: &MessageId) -> Result<Option<i64>, WorkError> {
    let time = connection
        .prepare_cached("SELECT timestamp FROM messages WHERE id = ?2 AND conversation = ?1")?
        .query_row(params![conversation, id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(time)
}

fn all_unread(
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
        let unread = unread_of(connection, End::read(row)?, client, row.get(5)?)?;
        if unread.count > 0 {
            found.push(unread);
        }
    }
    Ok(found)
}

fn changed(
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
        found.push(unread_of(connection, End::read(row)?, client, row.get(5)?)?);
    }
    Ok(found)
}

/// How far a conversation has come.
struct End {
    key: i64,
    kind: ConversationKind,
    conversation: ConversationId,
    last_message_at: i64,
    last_sequence: i64,
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
fn unread_of(
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
fn names(list: Option<String>, client: &ClientId, column: &'static str) -> Result<Option<bool>, WorkError> {
    let Some(list) = list else { return Ok(None) };
    let clients: Vec<ClientId> = json::from_column(&list, "messages", column, "of a conversation")?;
    Ok(Some(clients.contains(client)))
}

fn message_at(connection: &Connection, conversation: i64, at: i64) -> Result<StoredMessage, WorkError> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE conversation = ?1 AND timestamp = ?2");
    StoredMessage::try_from(connection.prepare_cached(&sql)?.query_row([conversation, at], MessageRow::read)?)
}

fn marks(connection: &Connection, app: &AppId, conversation: &ConversationId) -> Result<Vec<ReceiptMarks>, WorkError> {
    let Some(key) = conversation_row::key(connection, app, conversation)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT client, delivered_at, read_at
         FROM members
         WHERE conversation = ?1 AND delivered_at IS NOT NULL",
    )?;
    let rows = statement.query_map([key], |row| {
        Ok(ReceiptMarks {
            client: ClientId::new(row.get::<_, String>(0)?),
            delivered_at: row.get::<_, Option<i64>>(1)?.map(Timestamp),
            read_at: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
