//! What clients have not read.

use std::collections::HashMap;

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    MAX_UNREAD, MAX_UNREAD_CONVERSATIONS, StoreError, StoredMessage, UNREAD_CANDIDATES, UNREAD_SCAN, UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{column, to_u64};
use super::message_row::{self, COLUMNS};
use super::pool::Connection;
use crate::conversation_kind::kind;
use crate::json;
use crate::receipts::new_since;

/// Which conversations of a client are looked at.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// Those with unread messages.
    Unread,
    /// Those that have changed since a time.
    ChangedSince(i64),
    /// The one with this key.
    One(i64),
}

impl Wanted {
    /// Those that a login is told of.
    pub(super) fn at_login(changed_after: Option<Timestamp>) -> Self {
        changed_after.map_or(Self::Unread, |after| Self::ChangedSince(new_since(after)))
    }

    /// A condition on `own`, the member, and `conversations`; the number in it; and how many of them are
    /// looked at.
    fn condition(self) -> (&'static str, i64, u32) {
        match self {
            Self::Unread => ("last_message_at > read_until AND read_until >= $3", 0, UNREAD_CANDIDATES),
            Self::ChangedSince(since) => {
                ("(last_message_at > $3 OR read_changed_at > $3)", since, MAX_UNREAD_CONVERSATIONS)
            }
            Self::One(key) => ("own.conversation = $3", key, 1),
        }
    }
}

/// What a member has not read of its conversations, newest message first.
pub(super) async fn unread(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    wanted: Wanted,
    now: Timestamp,
) -> Result<Vec<UnreadConversation>, StoreError> {
    let (condition, number, looked_at) = wanted.condition();
    let least = i64::from(matches!(wanted, Wanted::Unread));
    // JSON is compared as it was written: a NUL in it can be no text of the database.
    let sql = format!(
        "SELECT
             looked_at.key,
             looked_at.id,
             looked_at.last_message_at,
             unread.count,
             unread.is_mentioned,
             coalesce(unread.last, looked_at.last_message_at),
             looked_at.last_sequence,
             looked_at.kind
         FROM (
             SELECT key, kind, id, coalesce(last_message_at, 0) AS last_message_at, last_sequence, read_until
             FROM members AS own
             JOIN conversations ON conversations.key = own.conversation
             WHERE own.app = $1 AND own.client = $2
                 AND {condition}
                 AND (expires_at IS NULL OR expires_at > $10)
             ORDER BY coalesce(last_message_at, 0) DESC
             LIMIT $8
         ) AS looked_at
         CROSS JOIN LATERAL (
             SELECT
                 count(*) AS count,
                 max(timestamp) AS last,
                 coalesce(bool_or(
                     mention_all
                     OR EXISTS (SELECT 1 FROM json_array_elements(mentions::json) AS listed WHERE listed::text = $4)
                 ), false) AS is_mentioned
             FROM (
                 SELECT timestamp, mention_all, mentions
                 FROM (
                     SELECT timestamp, sender, mention_all, mentions, receivers
                     FROM messages
                     WHERE conversation = looked_at.key AND timestamp > looked_at.read_until
                     ORDER BY timestamp DESC
                     LIMIT $5
                 ) AS newest
                 WHERE sender <> $2
                     AND (
                         receivers IS NULL
                         OR EXISTS (SELECT 1 FROM json_array_elements(receivers::json) AS listed WHERE listed::text = $4)
                     )
                 ORDER BY timestamp DESC
                 LIMIT $6
             ) AS counted
         ) AS unread
         WHERE unread.count >= $9
         ORDER BY looked_at.last_message_at DESC
         LIMIT $7"
    );
    let values: [&(dyn ToSql + Sync); 10] = [
        &app.as_str(),
        &client.as_str().as_bytes(),
        &number,
        &json::to_column(client)?,
        &i64::from(UNREAD_SCAN),
        &i64::from(MAX_UNREAD),
        &i64::from(MAX_UNREAD_CONVERSATIONS),
        &i64::from(looked_at),
        &least,
        &now.0,
    ];
    let rows = connection.rows(&sql, &values).await?;
    let places: Vec<(i64, i64)> =
        rows.iter().map(|row| Ok((column(row, 0)?, column(row, 5)?))).collect::<Result<_, StoreError>>()?;
    let mut messages = messages_at(connection, &places).await?;
    let read = |row: &Row| {
        let id: String = column(row, 1)?;
        Ok(UnreadConversation {
            kind: kind(column(row, 7)?, &id)?,
            conversation: ConversationId::new(id),
            count: u32::try_from(column::<i64>(row, 3)?).unwrap_or(MAX_UNREAD),
            is_mentioned: column(row, 4)?,
            last_message: messages.remove(&column::<i64>(row, 0)?),
            counted_until: Timestamp(column(row, 2)?),
            last_sequence: to_u64(column(row, 6)?),
        })
    };
    rows.iter().map(read).collect()
}

/// One message of each conversation, by the key of the conversation.
async fn messages_at(
    connection: &Connection,
    places: &[(i64, i64)],
) -> Result<HashMap<i64, StoredMessage>, StoreError> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let (conversations, times): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
    let sql = format!(
        "SELECT {COLUMNS}, messages.conversation
         FROM unnest($1::bigint[], $2::bigint[]) AS place (conversation, timestamp)
         JOIN messages ON messages.conversation = place.conversation AND messages.timestamp = place.timestamp"
    );
    let rows = connection.rows(&sql, &[&conversations, &times]).await?;
    rows.iter().map(|row| Ok((column(row, message_row::COLUMN_COUNT)?, message_row::read(row, 0)?))).collect()
}
