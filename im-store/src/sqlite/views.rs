//! What clients see of service conversations, and how far they have read it.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    ConversationKind, Direction, HistoryQuery, MAX_UNREAD, MarkedRead, NewMessage, SUBSCRIPTIONS_REMEMBERED,
    StoreError, StoredMessage, UNREAD_CANDIDATES, UNREAD_SCAN, UnreadConversation, Views,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::SqliteStore;
use super::conversation_row::key;
use super::error::WorkError;
use super::history::{first_timestamp, last_timestamp};
use super::message_row::{COLUMNS, MessageRow};
use super::unread::names;
use crate::query::budget::{MESSAGE_LIMIT, store_error};
use crate::views::{OPEN, of_message, of_receivers};

#[async_trait]
impl Views for SqliteStore {
    async fn view(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let (of_app, id, client, query) = (app.clone(), conversation.clone(), client.clone(), query.clone());
        let range = move |connection: &Connection, _| match key(connection, &of_app, &id)? {
            Some(key) => range(connection, key, &client, &query),
            None => Ok(Vec::new()),
        };
        self.queries.run(app, "view", range).await.map_err(|error| store_error(error, "view"))
    }
}

/// Writes in whose views a new message is.
pub(super) fn add(
    connection: &Connection,
    (app, conversation): (&AppId, i64),
    new: &NewMessage,
    timestamp: Timestamp,
) -> Result<(), WorkError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO view_messages (conversation, client, timestamp) VALUES (?1, ?2, ?3)")?;
    for client in of_message(new.receivers.as_deref(), &new.from) {
        insert.execute(params![conversation, client, timestamp.0])?;
    }
    for client in of_receivers(new.receivers.as_deref()) {
        begin(connection, (app, conversation), client)?;
    }
    Ok(())
}

/// A client has a view from now on.
fn begin(connection: &Connection, (app, conversation): (&AppId, i64), client: &str) -> Result<(), WorkError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO views (conversation, client, app, read_until) VALUES (?1, ?2, ?3, 0)")?
        .execute(params![conversation, client, app.as_str()])?;
    Ok(())
}

/// Old messages of a conversation were deleted: they are in no view any more.
pub(super) fn forget_deleted(connection: &Connection, conversation: i64) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "DELETE FROM view_messages
             WHERE conversation = ?1
                 AND timestamp < coalesce((SELECT min(timestamp) FROM messages WHERE conversation = ?1), ?2)",
        )?
        .execute([conversation, i64::MAX])?;
    Ok(())
}

/// What is sent to all subscribers is in the view of a client from now on.
pub(super) fn subscribe(
    connection: &Connection,
    (app, conversation): (&AppId, i64),
    (client, last_message_at): (&ClientId, i64),
) -> Result<(), WorkError> {
    begin(connection, (app, conversation), client.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO subscription_periods (conversation, client, begins_after, ends_with)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation, client, begins_after) DO UPDATE SET ends_with = excluded.ends_with",
        )?
        .execute(params![conversation, client.as_str(), last_message_at, OPEN])?;
    connection
        .prepare_cached(
            "DELETE FROM subscription_periods
             WHERE conversation = ?1 AND client = ?2
                 AND begins_after < (
                     SELECT begins_after
                     FROM subscription_periods
                     WHERE conversation = ?1 AND client = ?2
                     ORDER BY begins_after DESC
                     LIMIT 1 OFFSET ?3
                 )",
        )?
        .execute(params![conversation, client.as_str(), SUBSCRIPTIONS_REMEMBERED - 1])?;
    Ok(())
}

/// From now on it is not. Nothing counts as unread any more (S-104).
pub(super) fn unsubscribe(
    connection: &Connection,
    conversation: i64,
    (client, last_message_at): (&ClientId, i64),
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "UPDATE subscription_periods
             SET ends_with = max(?3, begins_after)
             WHERE conversation = ?1 AND client = ?2 AND ends_with = ?4",
        )?
        .execute(params![conversation, client.as_str(), last_message_at, OPEN])?;
    set_read(connection, conversation, (client, last_message_at), now).map(drop)
}

/// Raises how far a client has read; false where it had read as far.
fn set_read(
    connection: &Connection,
    conversation: i64,
    (client, until): (&ClientId, i64),
    now: Timestamp,
) -> Result<bool, WorkError> {
    let raised = connection
        .prepare_cached(
            "UPDATE views
             SET read_until = ?3, read_changed_at = ?4
             WHERE conversation = ?1 AND client = ?2 AND read_until < ?3",
        )?
        .execute(params![conversation, client.as_str(), until, now.0])?;
    Ok(raised > 0)
}

pub(super) fn mark_read(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: ConversationId,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<MarkedRead>, WorkError> {
    let Some(view) = one(connection, (app, client), &conversation)? else { return Ok(None) };
    let until = until.0.min(view.last_message_at);
    if !set_read(connection, view.key, (client, until), now)? {
        return Ok(None);
    }
    let last_sequence = view.last_sequence.unsigned_abs();
    Ok(Some(MarkedRead { conversation, newest: None, mark: now, last_sequence }))
}

/// A client's view of a conversation.
struct View {
    key: i64,
    conversation: ConversationId,
    last_message_at: i64,
    last_sequence: i64,
    read_until: i64,
    read_changed_at: i64,
}

const VIEW_COLUMNS: &str = "
    conversations.key,
    conversations.id,
    coalesce(last_message_at, 0),
    last_sequence,
    read_until,
    coalesce(read_changed_at, 0)";

impl View {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            conversation: ConversationId::new(row.get::<_, String>(1)?),
            last_message_at: row.get(2)?,
            last_sequence: row.get(3)?,
            read_until: row.get(4)?,
            read_changed_at: row.get(5)?,
        })
    }
}

fn one(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<View>, WorkError> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {VIEW_COLUMNS}
             FROM conversations
             JOIN views ON views.conversation = conversations.key AND views.client = ?3
             WHERE conversations.app = ?1 AND conversations.id = ?2"
        ))?
        .query_row([app.as_str(), conversation.as_str(), client.as_str()], View::read)
        .optional()?;
    Ok(found)
}

/// What a client has not read of its views; with `since` of those that have changed after it.
pub(super) fn unread(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    since: Option<i64>,
) -> Result<Vec<UnreadConversation>, WorkError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {VIEW_COLUMNS}
         FROM views
         JOIN conversations ON conversations.key = views.conversation
         WHERE views.app = ?1 AND views.client = ?2 AND (last_message_at > read_until OR read_changed_at > ?3)
         ORDER BY coalesce(last_message_at, 0) DESC
         LIMIT ?4"
    ))?;
    let values = params![app.as_str(), client.as_str(), since.unwrap_or(i64::MAX), UNREAD_CANDIDATES];
    let views = statement.query_map(values, View::read)?.collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for view in views {
        let is_read_since = since.is_some_and(|since| view.read_changed_at > since);
        let unread = unread_of(connection, view, client)?;
        let newest = unread.last_message.as_ref().map_or(0, |message| message.timestamp.0);
        if since.map_or(unread.count > 0, |since| is_read_since || newest > since) {
            found.push(unread);
        }
    }
    Ok(found)
}

/// What a client has not read of one view.
pub(super) fn unread_in(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<UnreadConversation>, WorkError> {
    one(connection, (app, client), conversation)?.map(|view| unread_of(connection, view, client)).transpose()
}

fn unread_of(connection: &Connection, view: View, client: &ClientId) -> Result<UnreadConversation, WorkError> {
    let View { key, conversation, last_message_at, last_sequence, read_until, .. } = view;
    let seen = seen("DESC", "");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT mention_all, mentions
         FROM messages
         WHERE conversation = :conversation AND timestamp IN ({seen}) AND sender <> :client
         ORDER BY timestamp DESC
         LIMIT :limit"
    ))?;
    let mut rows = statement.query(named_params! {
        ":conversation": key,
        ":client": client.as_str(),
        ":lower": read_until.saturating_add(1),
        ":upper": i64::MAX,
        ":scan": UNREAD_SCAN,
        ":limit": MAX_UNREAD,
    })?;
    let (mut count, mut is_mentioned) = (0, false);
    while let Some(row) = rows.next()? {
        count += 1;
        is_mentioned = is_mentioned || row.get(0)? || names(row.get(1)?, client, "mentions")?.unwrap_or(false);
    }
    let of_others = count > 0;
    Ok(UnreadConversation {
        conversation,
        kind: ConversationKind::Service,
        count,
        is_mentioned,
        last_message: newest(connection, key, client, of_others)?,
        counted_until: Timestamp(last_message_at),
        last_sequence: last_sequence.unsigned_abs(),
    })
}

/// The newest message of a view, of others only where asked for.
pub(super) fn newest(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    of_others: bool,
) -> Result<Option<StoredMessage>, WorkError> {
    let seen = seen("DESC", "");
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}
             FROM messages
             WHERE conversation = :conversation AND timestamp IN ({seen}) AND (sender <> :client OR NOT :of_others)
             ORDER BY timestamp DESC
             LIMIT 1"
        ))?
        .query_row(
            named_params! {
                ":conversation": conversation,
                ":client": client.as_str(),
                ":lower": i64::MIN,
                ":upper": i64::MAX,
                ":scan": UNREAD_SCAN,
                ":of_others": of_others,
            },
            MessageRow::read,
        )
        .optional()?
        .map(StoredMessage::try_from)
        .transpose()
}

fn range(
    connection: &Connection,
    conversation: i64,
    client: &ClientId,
    query: &HistoryQuery,
) -> Result<Vec<StoredMessage>, WorkError> {
    let (lower, upper, order) = match query.direction {
        Direction::Old => (query.end.as_ref(), query.start.as_ref(), "DESC"),
        Direction::New => (query.start.as_ref(), query.end.as_ref(), "ASC"),
    };
    let of_type = match query.message_type {
        Some(_) => {
            "AND EXISTS (
                 SELECT 1
                 FROM messages
                 WHERE conversation = :conversation
                     AND messages.timestamp = seen.timestamp
                     AND message_type = :message_type
             )"
        }
        None => "",
    };
    let seen = seen(order, of_type);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}
         FROM messages
         WHERE conversation = :conversation
             AND timestamp IN ({seen})
             AND (:lower_id IS NULL OR timestamp > :lower OR id > :lower_id OR (id = :lower_id AND :lower_included))
             AND (:upper_id IS NULL OR timestamp < :upper OR id < :upper_id OR (id = :upper_id AND :upper_included))
         ORDER BY timestamp {order}
         LIMIT :limit"
    ))?;
    let limit = query.limit.min(MESSAGE_LIMIT);
    // At the time of a bound there is one message, which its id may leave out.
    let scan = limit.saturating_add(2);
    let (lower_at, upper_at) = (lower.map_or(i64::MIN, first_timestamp), upper.map_or(i64::MAX, last_timestamp));
    let (lower_id, upper_id) = (
        lower.and_then(|bound| bound.id.as_ref()).map(MessageId::as_str),
        upper.and_then(|bound| bound.id.as_ref()).map(MessageId::as_str),
    );
    let (lower_included, upper_included) =
        (lower.is_some_and(|bound| bound.included), upper.is_some_and(|bound| bound.included));
    let client = client.as_str();
    let values = named_params! {
        ":conversation": conversation,
        ":client": client,
        ":lower": lower_at,
        ":lower_id": lower_id,
        ":lower_included": lower_included,
        ":upper": upper_at,
        ":upper_id": upper_id,
        ":upper_included": upper_included,
        ":scan": scan,
        ":limit": limit,
    };
    let mut values = values.to_vec();
    if let Some(message_type) = &query.message_type {
        values.push((":message_type", message_type));
    }
    let rows = statement.query_map(values.as_slice(), MessageRow::read)?;
    let mut messages = rows.map(|row| StoredMessage::try_from(row?)).collect::<Result<Vec<_>, WorkError>>()?;
    if query.direction == Direction::Old {
        messages.reverse();
    }
    Ok(messages)
}

/// The times of the first messages of the view of `:client`, in this order, between `:lower` and `:upper`: `:scan` of its own and
/// as many to all subscribers. For a client that never subscribed none of these is read.
fn seen(order: &str, condition: &str) -> String {
    format!(
        "SELECT timestamp
         FROM (
             SELECT timestamp
             FROM view_messages AS seen
             WHERE conversation = :conversation
                 AND client = :client
                 AND timestamp BETWEEN :lower AND :upper
                 {condition}
             ORDER BY timestamp {order}
             LIMIT :scan
         )
         UNION ALL
         SELECT timestamp
         FROM (
             SELECT timestamp
             FROM view_messages AS seen
             WHERE conversation = :conversation
                 AND client = ''
                 AND timestamp BETWEEN :lower AND :upper
                 AND timestamp > (
                     SELECT min(begins_after)
                     FROM subscription_periods
                     WHERE conversation = :conversation AND client = :client
                 )
                 AND EXISTS (
                     SELECT 1
                     FROM subscription_periods
                     WHERE conversation = :conversation
                         AND client = :client
                         AND begins_after < seen.timestamp
                         AND ends_with >= seen.timestamp
                 )
                 {condition}
             ORDER BY timestamp {order}
             LIMIT :scan
         )"
    )
}
