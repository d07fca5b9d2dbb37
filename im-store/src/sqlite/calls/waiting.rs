//! Rows of calls that wait or run.

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, OrderKey};
use hookd_im_core::store::{Backlog, Call, CallFor, CallLimits, Claimed, NewCall, StoredCall};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::claims::ClaimsOfChannel;
use crate::call_rules::{BROUGHT_FORWARD_AT_ONCE, Waiting, horizon};
use crate::sqlite::error::WorkError;

/// Adds the call of an operation that has just been written, in its transaction.
pub(in crate::sqlite) fn add_for<R>(
    connection: &Connection,
    app: &AppId,
    (call, row): (Option<CallFor<R>>, &R),
    now: Timestamp,
) -> Result<StoredCall, WorkError> {
    let Some(CallFor { make, limits }) = call else { return Ok(StoredCall::None) };
    let Some(call) = make(row) else { return Ok(StoredCall::None) };
    add_within(connection, app, &call, limits, now)
}

/// Adds a call, if its channel has room.
pub(super) fn add_within(
    connection: &Connection,
    app: &AppId,
    call: &NewCall,
    limits: CallLimits,
    now: Timestamp,
) -> Result<StoredCall, WorkError> {
    if !has_room(connection, app, &call.channel, (limits, call.payload.len()))? {
        return Ok(StoredCall::Full);
    }
    add(connection, app, call, now)?;
    Ok(StoredCall::Queued)
}

/// True when the channel has room for one more call with so many bytes.
pub(super) fn has_room(
    connection: &Connection,
    app: &AppId,
    channel: &Channel,
    (limits, bytes): (CallLimits, usize),
) -> Result<bool, WorkError> {
    let waiting: Option<(i64, i64)> = connection
        .prepare_cached("SELECT calls, bytes FROM call_counts WHERE app = ?1 AND channel = ?2")?
        .query_row([app.as_str(), channel.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (calls, waiting_bytes) = waiting.unwrap_or_default();
    let waiting = Waiting { calls: calls.unsigned_abs(), bytes: waiting_bytes.unsigned_abs() };
    Ok(waiting.with_one_more(bytes, limits).is_some())
}

/// Adds a call. Its number is the time, or one more than the newest number where that is later: numbers grow even if the
/// file is replaced by an older copy.
pub(in crate::sqlite) fn add(
    connection: &Connection,
    app: &AppId,
    call: &NewCall,
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO calls (
                 key,
                 number,
                 app,
                 channel,
                 target,
                 order_key,
                 payload,
                 remote_address,
                 queued_at,
                 due_at,
                 attempts,
                 is_first
             )
             VALUES (
                 max(?1, 1 + (SELECT seq FROM sqlite_sequence WHERE name = 'calls')),
                 max(?1, 1 + (SELECT seq FROM sqlite_sequence WHERE name = 'calls')),
                 ?2, ?3, ?4, ?5, ?6, ?7, ?1, ?1, 0,
                 ?5 IS NULL OR NOT EXISTS (
                     SELECT 1 FROM calls WHERE app = ?2 AND channel = ?3 AND order_key = ?5 AND is_first = 1
                 )
             )",
        )?
        .execute(params![
            now.0,
            app.as_str(),
            call.channel.as_str(),
            call.target,
            call.order_key.as_ref().map(OrderKey::as_str),
            call.payload.as_ref(),
            call.remote_address.map(|address| address.to_string()),
        ])?;
    Ok(())
}

/// The literals are those of the index.
const DUE: &str = "
    SELECT number, target, order_key, payload, remote_address, queued_at, attempts
    FROM calls
    WHERE app = ?1 AND channel = ?2 AND is_first = 1 AND due_at <= ?3
    ORDER BY due_at, number
    LIMIT ?4";

const NEXT_DUE: &str = "SELECT min(due_at) FROM calls WHERE app = ?1 AND channel = ?2 AND is_first = 1 AND due_at > ?3";

/// Calls that are due, those in `claimed` and their order keys left out.
pub(super) fn due(
    connection: &Connection,
    app: &AppId,
    channel: &Channel,
    now: Timestamp,
    (limit, claimed): (usize, &ClaimsOfChannel),
) -> Result<Claimed, WorkError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let rows = i64::try_from(limit.saturating_add(claimed.len())).unwrap_or(i64::MAX);
    let found = statement.query_map(params![app.as_str(), channel.as_str(), now.0, rows], read)?;
    let mut calls = Vec::new();
    for call in found {
        let call = call?;
        if calls.len() < limit && !claimed.holds(&call) {
            calls.push(call);
        }
    }
    let next = connection
        .prepare_cached(NEXT_DUE)?
        .query_row(params![app.as_str(), channel.as_str(), now.0], |row| row.get::<_, Option<i64>>(0))?;
    Ok(Claimed { calls, next: next.map(Timestamp) })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        number: row.get::<_, i64>(0)?.unsigned_abs(),
        target: row.get(1)?,
        order_key: row.get::<_, Option<String>>(2)?.map(OrderKey::new),
        payload: Bytes::from(row.get::<_, Vec<u8>>(3)?),
        // An address that cannot be read is only left out of a header.
        remote_address: row.get::<_, Option<String>>(4)?.and_then(|address| address.parse().ok()),
        queued_at: Timestamp(row.get(5)?),
        attempts: row.get(6)?,
    })
}

const LATEST_DUE: &str = "SELECT max(due_at) FROM calls WHERE app = ?1 AND channel = ?2 AND is_first = 1";

/// True when a call waits for longer than any call is made to wait: the clock was set back.
pub(super) fn waits_too_long(
    connection: &Connection,
    app: &AppId,
    channel: &Channel,
    now: Timestamp,
) -> Result<bool, WorkError> {
    let latest = connection
        .prepare_cached(LATEST_DUE)?
        .query_row([app.as_str(), channel.as_str()], |row| row.get::<_, Option<i64>>(0))?;
    Ok(latest.is_some_and(|due| due > horizon(now)))
}

/// Makes such calls due now, some at a time.
pub(super) fn bring_forward(
    connection: &Connection,
    app: &AppId,
    channel: &Channel,
    now: Timestamp,
) -> Result<(), WorkError> {
    let calls = connection.execute(
        "UPDATE calls
         SET due_at = ?3
         WHERE key IN (
             SELECT key
             FROM calls
             WHERE app = ?1 AND channel = ?2 AND is_first = 1 AND due_at > ?4
             ORDER BY due_at, number
             LIMIT ?5
         )",
        params![app.as_str(), channel.as_str(), now.0, horizon(now), BROUGHT_FORWARD_AT_ONCE],
    )?;
    tracing::warn!(%app, calls, "the clock was set back: calls that waited for its return are made now");
    Ok(())
}

/// A table of a million calls is counted in as many steps as one of ten.
const BACKLOG: &str = "
    SELECT
        app,
        channel,
        calls,
        (
            SELECT queued_at
            FROM calls
            WHERE app = counted.app AND channel = counted.channel
            ORDER BY number
            LIMIT 1
        )
    FROM call_counts AS counted
    WHERE calls > 0";

pub(super) fn backlog(connection: &Connection) -> Result<Vec<Backlog>, WorkError> {
    let mut statement = connection.prepare_cached(BACKLOG)?;
    let rows = statement.query_map([], |row| {
        Ok(Backlog {
            app: AppId::new(row.get::<_, String>(0)?),
            channel: Channel::new(row.get::<_, String>(1)?),
            waiting: row.get::<_, i64>(2)?.unsigned_abs(),
            oldest: Timestamp(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Finds the first call of an order key again, into which an earlier one has come back.
pub(super) fn put_in_order(
    connection: &Connection,
    app: &AppId,
    channel: &str,
    order_key: &str,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "UPDATE calls SET is_first = 0 WHERE app = ?1 AND channel = ?2 AND order_key = ?3 AND is_first = 1",
        )?
        .execute([app.as_str(), channel, order_key])?;
    connection
        .prepare_cached(
            "UPDATE calls
             SET is_first = 1
             WHERE key = (
                 SELECT key
                 FROM calls
                 WHERE app = ?1 AND channel = ?2 AND order_key = ?3
                 ORDER BY number
                 LIMIT 1
             )",
        )?
        .execute([app.as_str(), channel, order_key])?;
    Ok(())
}

/// Deletes at most `limit` calls and as many dead letters of an app; true when there may be more.
pub(super) fn forget(connection: &Connection, app: &AppId, limit: usize) -> Result<bool, WorkError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut forgotten = 0;
    for table in ["calls", "dead_letters"] {
        let sql = format!("DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE app = ?1 LIMIT ?2)");
        forgotten += connection.prepare_cached(&sql)?.execute(params![app.as_str(), limit])?;
    }
    if forgotten == 0 {
        for table in ["call_counts", "dead_letter_counts"] {
            connection.execute(&format!("DELETE FROM {table} WHERE app = ?1"), [app.as_str()])?;
        }
    }
    Ok(forgotten > 0)
}

/// A number as it is in a column; they are times in milliseconds, far below the limit.
pub(super) fn id(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
