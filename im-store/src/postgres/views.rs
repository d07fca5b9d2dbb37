//! What clients see of service conversations, and how far they have read it.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    ConversationKind, Direction, HistoryQuery, MAX_UNREAD, MarkedRead, SUBSCRIPTIONS_REMEMBERED, StoreError,
    StoredMessage, UNREAD_CANDIDATES, UNREAD_SCAN, UnreadConversation, Views,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::columns::{column, is_storable, to_u64};
use super::history::{first_timestamp, id_of, last_timestamp};
use super::message_row::{COLUMNS, read};
use super::pool::Connection;
use crate::json;
use crate::query::budget::{MESSAGE_LIMIT, store_error};
use crate::views::OPEN;

#[async_trait]
impl Views for PostgresStore {
    async fn view(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let range = async |connection: Arc<Connection>, _| {
            if !is_storable(conversation.as_str()) {
                return Ok(Vec::new());
            }
            let sql = "SELECT key FROM conversations WHERE app = $1 AND id = $2";
            match connection.row(sql, &[&app.as_str(), &conversation.as_str()]).await? {
                Some(row) => Ok(range(&connection, column(&row, 0)?, client, query).await?),
                None => Ok(Vec::new()),
            }
        };
        self.queries.run(app, "view", range).await.map_err(|error| store_error(error, "view"))
    }
}

/// Old messages of a conversation were deleted: they are in no view any more.
pub(super) async fn forget_deleted(connection: &Connection, conversation: i64) -> Result<(), StoreError> {
    let sql = "
        DELETE FROM view_messages
        WHERE conversation = $1
            AND timestamp < coalesce((SELECT min(timestamp) FROM messages WHERE conversation = $1), $2)";
    connection.execute_prepared(sql, &[&conversation, &i64::MAX]).await?;
    Ok(())
}

/// What is sent to all subscribers is in the view of a client from now on. The conversation's lock is held.
pub(super) async fn subscribe(
    connection: &Connection,
    (app, conversation): (&AppId, i64),
    (client, last_message_at): (&ClientId, i64),
) -> Result<(), StoreError> {
    let client = client.as_str().as_bytes();
    let begin = "
        INSERT INTO views (conversation, client, app, read_until)
        VALUES ($1, $2, $3, 0)
        ON CONFLICT DO NOTHING";
    connection.execute_prepared(begin, &[&conversation, &client, &app.as_str()]).await?;
    let insert = "
        INSERT INTO subscription_periods (conversation, client, begins_after, ends_with)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (conversation, client, begins_after) DO UPDATE SET ends_with = excluded.ends_with";
    connection.execute_prepared(insert, &[&conversation, &client, &last_message_at, &OPEN]).await?;
    let forget = "
        DELETE FROM subscription_periods
        WHERE conversation = $1 AND client = $2
            AND begins_after < (
                SELECT begins_after
                FROM subscription_periods
                WHERE conversation = $1 AND client = $2
                ORDER BY begins_after DESC
                LIMIT 1 OFFSET $3
            )";
    let remembered = i64::from(SUBSCRIPTIONS_REMEMBERED) - 1;
    connection.execute_prepared(forget, &[&conversation, &client, &remembered]).await?;
    Ok(())
}

/// From now on it is not. Nothing counts as unread any more (S-104).
pub(super) async fn unsubscribe(
    connection: &Connection,
    conversation: i64,
    (client, last_message_at): (&ClientId, i64),
    now: Timestamp,
) -> Result<(), StoreError> {
    let end = "
        UPDATE subscription_periods
        SET ends_with = greatest($3, begins_after)
        WHERE conversation = $1 AND client = $2 AND ends_with = $4";
    let bytes = client.as_str().as_bytes();
    connection.execute_prepared(end, &[&conversation, &bytes, &last_message_at, &OPEN]).await?;
    set_read(connection, conversation, (client, last_message_at), now).await.map(drop)
}

/// Raises how far a client has read; false where it had read as far.
async fn set_read(
    connection: &Connection,
    conversation: i64,
    (client, until): (&ClientId, i64),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "
        UPDATE views
        SET read_until = $3, read_changed_at = $4
        WHERE conversation = $1 AND client = $2 AND read_until < $3";
    let values: [&(dyn ToSql + Sync); 4] = [&conversation, &client.as_str().as_bytes(), &until, &now.0];
    Ok(connection.execute_prepared(sql, &values).await? > 0)
}

pub(super) async fn mark_read(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: ConversationId,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<MarkedRead>, StoreError> {
    if !is_storable(conversation.as_str()) {
        return Ok(None);
    }
    let sql = "
        SELECT conversations.key, coalesce(last_message_at, 0), last_sequence
        FROM conversations
        JOIN views ON views.conversation = conversations.key AND views.client = $3
        WHERE conversations.app = $1 AND conversations.id = $2";
    let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &conversation.as_str(), &client.as_str().as_bytes()];
    let Some(row) = connection.row(sql, &values).await? else { return Ok(None) };
    let until = until.0.min(column(&row, 1)?);
    if !set_read(connection, column(&row, 0)?, (client, until), now).await? {
        return Ok(None);
    }
    let last_sequence = to_u64(column(&row, 2)?);
    Ok(Some(MarkedRead { conversation, newest: None, mark: now, last_sequence }))
}

/// Which views of a client are looked at.
#[derive(Clone, Copy)]
pub(super) enum Looked<'a> {
    /// Those with unread messages.
    Unread,
    /// Those that have changed since a time.
    ChangedSince(i64),
    /// That of one conversation.
    One(&'a ConversationId),
}

/// What a client has not read of its views.
pub(super) async fn unread(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    looked: Looked<'_>,
) -> Result<Vec<UnreadConversation>, StoreError> {
    let (condition, since, id) = match looked {
        Looked::Unread => ("last_message_at > read_until AND $3::bigint IS NULL AND $4::text IS NULL", None, None),
        Looked::ChangedSince(since) => {
            ("(last_message_at > $3 OR read_changed_at > $3) AND $4::text IS NULL", Some(since), None)
        }
        Looked::One(id) if !is_storable(id.as_str()) => return Ok(Vec::new()),
        Looked::One(id) => ("$3::bigint IS NULL AND conversations.id = $4", None, Some(id.as_str())),
    };
    let seen = seen(("looked_at.key", "$2"), ("looked_at.read_until + 1", "9223372036854775807"), "DESC", "", "$6");
    // JSON is compared as it was written: a NUL in it can be no text of the database.
    let sql = format!(
        "SELECT
             looked_at.key,
             looked_at.id,
             looked_at.last_message_at,
             looked_at.last_sequence,
             coalesce(looked_at.read_changed_at, 0),
             unread.count,
             unread.is_mentioned
         FROM (
             SELECT
                 key,
                 conversations.id,
                 coalesce(last_message_at, 0) AS last_message_at,
                 last_sequence,
                 read_until,
                 read_changed_at
             FROM views AS own
             JOIN conversations ON conversations.key = own.conversation
             WHERE own.app = $1 AND own.client = $2 AND {condition}
             ORDER BY coalesce(last_message_at, 0) DESC
             LIMIT $8
         ) AS looked_at
         CROSS JOIN LATERAL (
             SELECT
                 count(*) AS count,
                 coalesce(bool_or(
                     mention_all
                     OR EXISTS (SELECT 1 FROM json_array_elements(mentions::json) AS listed WHERE listed::text = $5)
                 ), false) AS is_mentioned
             FROM (
                 SELECT messages.timestamp, mention_all, mentions
                 FROM ({seen}) AS seen
                 JOIN messages ON messages.conversation = looked_at.key AND messages.timestamp = seen.timestamp
                 WHERE sender <> $2
                 ORDER BY messages.timestamp DESC
                 LIMIT $7
             ) AS counted
         ) AS unread
         ORDER BY looked_at.last_message_at DESC"
    );
    let values: [&(dyn ToSql + Sync); 8] = [
        &app.as_str(),
        &client.as_str().as_bytes(),
        &since,
        &id,
        &json::to_column(client)?,
        &i64::from(UNREAD_SCAN),
        &i64::from(MAX_UNREAD),
        &i64::from(UNREAD_CANDIDATES),
    ];
    let mut found = Vec::new();
    for row in connection.rows(&sql, &values).await? {
        let count = u32::try_from(column::<i64>(&row, 5)?).unwrap_or(MAX_UNREAD);
        if count == 0 && matches!(looked, Looked::Unread) {
            continue;
        }
        let last_message = newest(connection, column(&row, 0)?, client, count > 0).await?;
        let at = last_message.as_ref().map_or(0, |message| message.timestamp.0);
        if since.is_some_and(|since| at <= since) && since >= Some(column::<i64>(&row, 4)?) {
            continue;
        }
        found.push(UnreadConversation {
            conversation: ConversationId::new(column::<String>(&row, 1)?),
            kind: ConversationKind::Service,
            count,
            is_mentioned: column(&row, 6)?,
            last_message,
            counted_until: Timestamp(column(&row, 2)?),
            last_sequence: to_u64(column(&row, 3)?),
        });
    }
    Ok(found)
}

/// The newest message of a view, of others only where asked for.
pub(super) async fn newest(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    of_others: bool,
) -> Result<Option<StoredMessage>, StoreError> {
    let seen = seen(("$1", "$2"), ("0", "9223372036854775807"), "DESC", "", "$3");
    let sql = format!(
        "SELECT {COLUMNS}
         FROM ({seen}) AS seen
         JOIN messages ON messages.conversation = $1 AND messages.timestamp = seen.timestamp
         WHERE sender <> $2 OR NOT $4
         ORDER BY messages.timestamp DESC
         LIMIT 1"
    );
    let values: [&(dyn ToSql + Sync); 4] =
        [&conversation, &client.as_str().as_bytes(), &i64::from(UNREAD_SCAN), &of_others];
    let row = connection.row(&sql, &values).await?;
    row.map(|row| read(&row, 0)).transpose()
}

async fn range(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    query: &HistoryQuery,
) -> Result<Vec<StoredMessage>, StoreError> {
    let (lower, upper, order) = match query.direction {
        Direction::Old => (query.end.as_ref(), query.start.as_ref(), "DESC"),
        Direction::New => (query.start.as_ref(), query.end.as_ref(), "ASC"),
    };
    let of_type = "
        AND (
            $11::integer IS NULL
            OR EXISTS (
                SELECT 1
                FROM messages
                WHERE messages.conversation = $1
                    AND messages.timestamp = listed.timestamp
                    AND message_type = $11
            )
        )";
    let seen = seen(("$1", "$2"), ("$3", "$4"), order, of_type, "$9");
    let sql = format!(
        "SELECT {COLUMNS}
         FROM ({seen}) AS seen
         JOIN messages ON messages.conversation = $1 AND messages.timestamp = seen.timestamp
         WHERE (
                 $5::bytea IS NULL OR messages.timestamp > $3
                 OR convert_to(id, 'UTF8') > $5 OR (convert_to(id, 'UTF8') = $5 AND $6)
             )
             AND (
                 $7::bytea IS NULL OR messages.timestamp < $4
                 OR convert_to(id, 'UTF8') < $7 OR (convert_to(id, 'UTF8') = $7 AND $8)
             )
         ORDER BY messages.timestamp {order}
         LIMIT $10"
    );
    let limit = i64::from(query.limit.min(MESSAGE_LIMIT));
    // At the time of a bound there is one message, which its id may leave out.
    let scan = limit + 2;
    let values: [&(dyn ToSql + Sync); 11] = [
        &conversation,
        &client.as_str().as_bytes(),
        &lower.map_or(i64::MIN, first_timestamp),
        &upper.map_or(i64::MAX, last_timestamp),
        &lower.and_then(id_of),
        &lower.is_some_and(|bound| bound.included),
        &upper.and_then(id_of),
        &upper.is_some_and(|bound| bound.included),
        &scan,
        &limit,
        &query.message_type,
    ];
    let rows = connection.rows(&sql, &values).await?;
    let mut messages = rows.iter().map(|row: &Row| read(row, 0)).collect::<Result<Vec<_>, _>>()?;
    if query.direction == Direction::Old {
        messages.reverse();
    }
    Ok(messages)
}

/// The times of the first messages of a client's view, in this order, between two times: as many of its own as `scan` says, and as
/// many to all subscribers. For a client that never subscribed none of these is read.
fn seen(
    (conversation, client): (&str, &str),
    (lower, upper): (&str, &str),
    order: &str,
    condition: &str,
    scan: &str,
) -> String {
    format!(
        "(
             SELECT listed.timestamp
             FROM view_messages AS listed
             WHERE listed.conversation = {conversation}
                 AND listed.client = {client}
                 AND listed.timestamp BETWEEN {lower} AND {upper}
                 {condition}
             ORDER BY listed.timestamp {order}
             LIMIT {scan}
         )
         UNION ALL
         (
             SELECT listed.timestamp
             FROM view_messages AS listed
             WHERE listed.conversation = {conversation}
                 AND listed.client = ''::bytea
                 AND listed.timestamp BETWEEN {lower} AND {upper}
                 AND listed.timestamp > (
                     SELECT min(begins_after)
                     FROM subscription_periods AS period
                     WHERE period.conversation = {conversation} AND period.client = {client}
                 )
                 AND EXISTS (
                     SELECT 1
                     FROM subscription_periods AS period
                     WHERE period.conversation = {conversation}
                         AND period.client = {client}
                         AND begins_after < listed.timestamp
                         AND ends_with >= listed.timestamp
                 )
                 {condition}
             ORDER BY listed.timestamp {order}
             LIMIT {scan}
         )"
    )
}
