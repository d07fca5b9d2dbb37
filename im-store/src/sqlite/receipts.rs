//! Receipts, and what is unread.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    ACKNOWLEDGED_AT_ONCE, Acknowledged, Delivered, MarkedRead, ReceiptMarks, ReceiptMessage, Receipts, StoreError,
    UNREAD_SCAN, UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::WorkError;
use super::{SqliteStore, conversation_row, unread, views};
use crate::conversation_kind::kind;
use crate::query::budget::store_error;
use crate::receipts::{mark, new_since, newest_first};

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
        let find = move |connection: &Connection, _| {
            let of_members = match changed_after {
                None => unread::all(connection, (&of_app, &client), now)?,
                Some(after) => unread::changed(connection, (&of_app, &client), after, now)?,
            };
            let of_views = views::unread(connection, (&of_app, &client), changed_after.map(new_since))?;
            Ok(newest_first(of_members, of_views))
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
            let Some(member) = member(connection, (&app, &client), &conversation)? else {
                return views::unread_in(connection, (&app, &client), &conversation);
            };
            let end = unread::End {
                key: member.conversation,
                kind: kind(member.kind, conversation.as_str())?,
                conversation,
                last_message_at: member.last_message_at.unwrap_or(0),
                last_sequence: member.last_sequence,
            };
            unread::in_conversation(connection, end, &client, member.read_until).map(Some)
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
    let Some(member) = member(connection, (app, client), &conversation)? else {
        return views::mark_read(connection, (app, client), conversation, until, now);
    };
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
