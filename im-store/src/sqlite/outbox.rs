//! Calls on their way to a queue that lies elsewhere: rows among the hook calls that no channel of this store claims.

use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::hooks::queue::{Channel, NewCall, hook_named};
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{OutboxCall, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::error::WorkError;
use super::hook_calls::{self, key};

/// Stands where a channel has its name.
pub(super) const OUTBOX: &str = "outbox";

/// The literal lets the rows be found by their own index.
const LEFT: &str = "
    SELECT id, app, hook, params, remote_address
    FROM hook_calls
    WHERE channel = 'outbox' AND id > ?1 AND (?2 = 0 OR abs(?3 - queued_at) >= ?2)
    ORDER BY id
    LIMIT ?4";

pub(super) fn push(
    connection: &Connection,
    app: &AppId,
    call: NewCall,
    now: Timestamp,
) -> Result<OutboxCall, WorkError> {
    let row = hook_calls::insert(connection, app, OUTBOX, &call, now)?;
    Ok(OutboxCall { row, call })
}

/// The first calls after the row `after`. Those that came within `recent` are left out: their requests still work on
/// them. A time in the future comes from a clock that was set back since.
pub(super) fn left(
    connection: &Connection,
    (after, limit): (u64, usize),
    recent: Duration,
    now: Timestamp,
) -> Result<Vec<(AppId, OutboxCall)>, WorkError> {
    let mut statement = connection.prepare_cached(LEFT)?;
    let recent = i64::try_from(recent.as_millis()).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![key(after), recent, now.0, limit])?;
    let mut left = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, hook): (i64, String) = (row.get(0)?, row.get(2)?);
        let Some(hook) = hook_named(&hook) else {
            let problem = format!("hook `{hook}` is unknown: use a newer program");
            return Err(StoreError::Corrupt { table: "hook_calls", row: id.to_string(), problem }.into());
        };
        let params = Bytes::from(row.get::<_, String>(3)?);
        // An address that cannot be read is only left out of a header.
        let remote_address = row.get::<_, Option<String>>(4)?.and_then(|address| address.parse().ok());
        let call = NewCall { hook, params, lane: None, remote_address };
        left.push((AppId::new(row.get::<_, String>(1)?), OutboxCall { row: id.unsigned_abs(), call }));
    }
    Ok(left)
}

/// Gives a call to the queue of this store; false when it is not in the outbox any more.
pub(super) fn release(connection: &Connection, row: u64, hook: &'static str) -> Result<bool, WorkError> {
    let released = connection
        .prepare_cached("UPDATE hook_calls SET channel = ?3 WHERE id = ?1 AND channel = ?2")?
        .execute(params![key(row), OUTBOX, Channel::of(hook).name()])?;
    Ok(released == 1)
}

/// Takes calls out.
pub(super) fn clear(connection: &Connection, rows: &[u64]) -> Result<(), WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM hook_calls WHERE id = ?1 AND channel = ?2")?;
    rows.iter().try_for_each(|row| delete.execute(params![key(*row), OUTBOX]).map(drop))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::LEFT;
    use crate::sqlite::schema::migrate;

    #[test]
    fn the_outbox_is_looked_through_without_what_waits_beside_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {LEFT}");
        let plan: String = connection.query_row(&explain, [0, 30_000, 1, 10], |row| row.get("detail")).unwrap();
        assert!(plan.contains("hook_calls_in_outbox"), "{plan}");
    }
}
