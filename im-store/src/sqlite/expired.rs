//! The end of temporary conversations.

use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::error::WorkError;
use crate::retention::EXPIRED_AT_ONCE;

/// Deletes some rows of temporary conversations whose life is over; true when there may be more. A conversation goes after its
/// messages, and the rest of it with it.
pub(super) fn delete(connection: &Connection, now: Timestamp) -> Result<bool, WorkError> {
    let mut rows = EXPIRED_AT_ONCE;
    let expired: Vec<i64> = connection
        .prepare_cached("SELECT key FROM conversations WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2")?
        .query_map(params![now.0, rows], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for conversation in expired {
        let messages = connection
            .prepare_cached(
                "DELETE FROM messages
                 WHERE (conversation, timestamp) IN (
                     SELECT conversation, timestamp FROM messages WHERE conversation = ?1 LIMIT ?2
                 )",
            )?
            .execute(params![conversation, rows])?;
        rows = rows.saturating_sub(i64::try_from(messages).unwrap_or(i64::MAX).saturating_add(1));
        if rows <= 0 {
            return Ok(true);
        }
        connection.prepare_cached("DELETE FROM conversations WHERE key = ?1")?.execute([conversation])?;
    }
    Ok(false)
}
