//! Receipts, and what is unread.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    ACKNOWLEDGED_AT_ONCE, Acknowledged, Delivered, MarkedRead, ReceiptMarks, ReceiptMessage, Receipts, StoreError,
    UNREAD_SCAN, UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{client as client_of, column, is_storable, to_u64};
use super::pool::Connection;
use super::unread::{Wanted, unread};
use super::views::{self, Looked};
use super::{PostgresStore, READ_LIMIT};
use crate::query::budget::store_error;
use crate::receipts::{mark, new_since, newest_first};

#[async_trait]
impl Receipts for PostgresStore {
    async fn unread(
        &self,
        app: &AppId,
        client: &ClientId,
        changed_after: Option<Timestamp>,
    ) -> Result<Vec<UnreadConversation>, StoreError> {
        let now = (self.database.clock)();
        let find = async |connection: Arc<Connection>, _| {
            let looked = changed_after.map_or(Looked::Unread, |after| Looked::ChangedSince(new_since(after)));
            // Sent one right after the other.
            let (of_members, of_views) = tokio::try_join!(
                unread(&connection, (app, client), Wanted::at_login(changed_after), now),
                views::unread(&connection, (app, client), looked),
            )?;
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
        let now = (self.database.clock)();
        let read = async |connection: Arc<Connection>| {
            if !is_storable(conversation.as_str()) {
                return Ok(None);
            }
            let sql = "SELECT key FROM conversations WHERE app = $1 AND id = $2";
            let Some(row) = connection.row(sql, &[&app.as_str(), &conversation.as_str()]).await? else {
                return Ok(None);
            };
            let mut found = unread(&connection, (app, client), Wanted::One(column(&row, 0)?), now).await?;
            if found.is_empty() {
                found = views::unread(&connection, (app, client), Looked::One(conversation)).await?;
            }
            Ok(found.into_iter().next())
        };
        self.database.pool.read(("unread messages of a conversation", READ_LIMIT), read).await
    }

    async fn mark_read(
        &self,
        app: &AppId,
        client: &ClientId,
        mut read: Vec<(ConversationId, Timestamp)>,
    ) -> Result<Vec<MarkedRead>, StoreError> {
        // In one order: another device of the client may mark the same ones.
        read.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mark = async |connection: Arc<Connection>, now| {
            let mut marked = Vec::new();
            for (conversation, until) in read {
                marked.extend(mark_read(&connection, (app, client), conversation, until, now).await?);
            }
            Ok(marked)
        };
        self.database.write("mark as read", mark).await
    }

    async fn mark_delivered(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
        acknowledged: &Acknowledged,
    ) -> Result<Option<Delivered>, StoreError> {
        let mark = async |connection: Arc<Connection>, now| {
            mark_delivered(&connection, (app, client), conversation, acknowledged, now).await
        };
        self.database.write("mark as delivered", mark).await
    }

    async fn receipt_marks(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<ReceiptMarks>, StoreError> {
        let read = async |connection: Arc<Connection>| marks(&connection, app, conversation).await;
        self.database.pool.read(("receipt marks", READ_LIMIT), read).await
    }
}

/// A member of a conversation, without the others.
struct Member {
    conversation: i64,
    last_message_at: Option<i64>,
    last_sequence: i64,
    /// The conversation has two members at most.
    is_one_of_two: bool,
    read_until: i64,
    read_at: Option<i64>,
    delivered_at: Option<i64>,
}

/// The member under its lock until the transaction ends: marks never go back.
async fn member(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<Member>, StoreError> {
    if !is_storable(conversation.as_str()) {
        return Ok(None);
    }
    let sql = "
        SELECT
            conversations.key,
            last_message_at,
            last_sequence,
            (SELECT count(*) FROM (SELECT 1 FROM members WHERE conversation = conversations.key LIMIT 3) AS first_ones) < 3,
            own.read_until,
            own.read_at,
            own.delivered_at
        FROM conversations
        JOIN members AS own ON own.conversation = conversations.key AND own.client = $3
        WHERE conversations.app = $1 AND conversations.id = $2
        FOR NO KEY UPDATE OF own";
    let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &conversation.as_str(), &client.as_str().as_bytes()];
    let row = connection.row(sql, &values).await?;
    let read = |row: Row| {
        Ok(Member {
            conversation: column(&row, 0)?,
            last_message_at: column(&row, 1)?,
            last_sequence: column(&row, 2)?,
            is_one_of_two: column(&row, 3)?,
            read_until: column(&row, 4)?,
            read_at: column(&row, 5)?,
            delivered_at: column(&row, 6)?,
        })
    };
    row.map(read).transpose()
}

async fn mark_read(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: ConversationId,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<MarkedRead>, StoreError> {
    let Some(member) = member(connection, (app, client), &conversation).await? else {
        return views::mark_read(connection, (app, client), conversation, until, now).await;
    };
    let until = member.last_message_at.unwrap_or(0).min(until.0);
    if until <= member.read_until {
        return Ok(None);
    }
    let range = (member.read_until.saturating_add(1), until);
    // Sent one right after the other.
    let (_, newest, next) = tokio::try_join!(
        acknowledge(connection, &member, client, range, now),
        newest_with_receipt(connection, &member, client, range),
        first_of_others(connection, member.conversation, client, until),
    )?;
    let read_at = mark(now, until, next).max(member.read_at.unwrap_or(0));
    let sql = "
        UPDATE members
        SET read_until = $3, read_at = $4, read_changed_at = $5, delivered_at = greatest($4, delivered_at)
        WHERE conversation = $1 AND client = $2";
    let values: [&(dyn ToSql + Sync); 5] =
        [&member.conversation, &client.as_str().as_bytes(), &until, &read_at, &now.0];
    connection.execute_prepared(sql, &values).await?;
    let last_sequence = to_u64(member.last_sequence);
    Ok(Some(MarkedRead { conversation, newest, mark: Timestamp(read_at), last_sequence }))
}

async fn mark_delivered(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
    acknowledged: &Acknowledged,
    now: Timestamp,
) -> Result<Option<Delivered>, StoreError> {
    let Some(member) = member(connection, (app, client), conversation).await? else { return Ok(None) };
    let Some(last) = member.last_message_at else { return Ok(None) };
    let (from, to) = match acknowledged {
        Acknowledged::Range { from, to } => (from.0, to.0.min(last)),
        Acknowledged::Message(id) => match time_of(connection, member.conversation, id).await? {
            Some(time) => (time, time),
            None => return Ok(None),
        },
    };
    if from > to {
        return Ok(None);
    }
    // Sent one right after the other.
    let (first, next) = tokio::try_join!(
        acknowledge(connection, &member, client, (from, to), now),
        first_of_others(connection, member.conversation, client, to),
    )?;
    let delivered_at = mark(now, to, next).max(member.delivered_at.unwrap_or(0));
    let sql = "UPDATE members SET delivered_at = $3 WHERE conversation = $1 AND client = $2";
    connection.execute_prepared(sql, &[&member.conversation, &client.as_str().as_bytes(), &delivered_at]).await?;
    let last_sequence = to_u64(member.last_sequence);
    Ok(Some(Delivered { first, mark: Timestamp(delivered_at), last_sequence }))
}

/// Notes the first acknowledgement of messages, which are counted from the newest on; answers those with a receipt. A message
/// that another member acknowledges at this moment is left to it.
async fn acknowledge(
    connection: &Connection,
    member: &Member,
    client: &ClientId,
    (from, to): (i64, i64),
    now: Timestamp,
) -> Result<Vec<ReceiptMessage>, StoreError> {
    let sql = "
        WITH newest AS MATERIALIZED (
            SELECT timestamp
            FROM messages
            WHERE conversation = $1 AND timestamp BETWEEN $2 AND $3
            ORDER BY timestamp DESC
            LIMIT $7
        ), free AS MATERIALIZED (
            SELECT messages.timestamp
            FROM newest
            JOIN messages ON messages.conversation = $1 AND messages.timestamp = newest.timestamp
            WHERE sender <> $4 AND acknowledged_at IS NULL AND (receipt OR $5)
            FOR NO KEY UPDATE OF messages SKIP LOCKED
        )
        UPDATE messages
        SET acknowledged_at = $6
        FROM free
        WHERE messages.conversation = $1 AND messages.timestamp = free.timestamp
        RETURNING messages.id, sender, receipt";
    let values: [&(dyn ToSql + Sync); 7] = [
        &member.conversation,
        &from,
        &to,
        &client.as_str().as_bytes(),
        &member.is_one_of_two,
        &now.0,
        &i64::from(ACKNOWLEDGED_AT_ONCE),
    ];
    let rows = connection.rows(sql, &values).await?;
    let mut first = Vec::new();
    for row in &rows {
        if column(row, 2)? {
            first.push(receipt_message(row)?);
        }
    }
    Ok(first)
}

async fn newest_with_receipt(
    connection: &Connection,
    member: &Member,
    client: &ClientId,
    (from, to): (i64, i64),
) -> Result<Option<ReceiptMessage>, StoreError> {
    let sql = "
        SELECT id, sender
        FROM messages
        WHERE conversation = $1 AND timestamp BETWEEN $2 AND $3 AND sender <> $4 AND receipt
        ORDER BY timestamp DESC
        LIMIT 1";
    let row = connection.row(sql, &[&member.conversation, &from, &to, &client.as_str().as_bytes()]).await?;
    row.map(|row| receipt_message(&row)).transpose()
}

fn receipt_message(row: &Row) -> Result<ReceiptMessage, StoreError> {
    let id: String = column(row, 0)?;
    let author = client_of(column(row, 1)?, "messages", &id)?;
    Ok(ReceiptMessage { id: MessageId::new(id), author })
}

/// The time of the first message of another client after a time.
async fn first_of_others(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    after: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = "
        SELECT timestamp
        FROM (
            SELECT timestamp, sender
            FROM messages
            WHERE conversation = $1 AND timestamp > $2
            ORDER BY timestamp
            LIMIT $4
        ) AS next
        WHERE sender <> $3
        ORDER BY timestamp
        LIMIT 1";
    let values: [&(dyn ToSql + Sync); 4] =
        [&conversation, &after, &client.as_str().as_bytes(), &i64::from(UNREAD_SCAN)];
    connection.row(sql, &values).await?.map(|row| column(&row, 0)).transpose()
}

async fn time_of(connection: &Connection, conversation: i64, id: &MessageId) -> Result<Option<i64>, StoreError> {
    if !is_storable(id.as_str()) {
        return Ok(None);
    }
    let sql = "SELECT timestamp FROM messages WHERE id = $2 AND conversation = $1";
    connection.row(sql, &[&conversation, &id.as_str()]).await?.map(|row| column(&row, 0)).transpose()
}

async fn marks(
    connection: &Connection,
    app: &AppId,
    conversation: &ConversationId,
) -> Result<Vec<ReceiptMarks>, StoreError> {
    if !is_storable(conversation.as_str()) {
        return Ok(Vec::new());
    }
    let sql = "
        SELECT client, delivered_at, read_at
        FROM members
        WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2) AND delivered_at IS NOT NULL";
    let rows = connection.rows(sql, &[&app.as_str(), &conversation.as_str()]).await?;
    let read = |row: &Row| {
        Ok(ReceiptMarks {
            client: client_of(column(row, 0)?, "members", &conversation)?,
            delivered_at: column::<Option<i64>>(row, 1)?.map(Timestamp),
            read_at: column::<Option<i64>>(row, 2)?.map(Timestamp),
        })
    };
    rows.iter().map(read).collect()
}
