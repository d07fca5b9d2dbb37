//! The end of temporary conversations.

use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;

use super::columns::column;
use super::pool::Connection;
use crate::retention::EXPIRED_AT_ONCE;

/// Deletes some rows of temporary conversations whose life is over; true when there may be more. A conversation goes after its
/// messages. What another node deletes, or writes to, is left to it.
pub(super) async fn delete(connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let mut rows = EXPIRED_AT_ONCE;
    for row in connection.rows(EXPIRED, &[&now.0, &rows]).await? {
        let conversation: i64 = column(&row, 0)?;
        let messages = connection.execute_prepared(DELETE_MESSAGES, &[&conversation, &rows]).await?;
        rows = rows.saturating_sub(i64::try_from(messages).unwrap_or(i64::MAX).saturating_add(1));
        if rows <= 0 {
            return Ok(true);
        }
        delete_conversation(connection, conversation).await?;
    }
    Ok(false)
}

/// Deletes a conversation whose messages are deleted, with all else that is stored of it.
pub(super) async fn delete_conversation(connection: &Connection, conversation: i64) -> Result<(), StoreError> {
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE conversation = $1");
        connection.execute_prepared(&sql, &[&conversation]).await?;
    }
    connection.execute_prepared("DELETE FROM conversations WHERE key = $1", &[&conversation]).await?;
    Ok(())
}

/// Where something is stored of a conversation besides its messages: no foreign key deletes it.
const TABLES: [&str; 10] = [
    "members",
    "member_changes",
    "restrictions",
    "refused_conversations",
    "member_roles",
    "subscriptions",
    "temporary_silences",
    "subscription_periods",
    "views",
    "view_messages",
];

const EXPIRED: &str = "
    SELECT key
    FROM conversations
    WHERE expires_at <= $1
    ORDER BY expires_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED";

const DELETE_MESSAGES: &str = "
    DELETE FROM messages
    WHERE conversation = $1
        AND timestamp IN (SELECT timestamp FROM messages WHERE conversation = $1 ORDER BY timestamp LIMIT $2)";
