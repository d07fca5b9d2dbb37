//! Rows of waiting hook calls.

use bytes::Bytes;
use hookd_im_core::hooks::queue::{Backlog, Channel, Claimed, Fate, NewCall, QueuedCall, hook_named};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::sqlite::dead_letters;
use crate::sqlite::error::WorkError;
use crate::sqlite::hook_queue::Claims;
use crate::sqlite::outbox::OUTBOX;

/// Queues one call. Its number is the time, or one more than the newest number where that is later: sequence numbers
/// grow even if the file is replaced by an older copy.
pub(super) fn push(connection: &Connection, app: &AppId, call: &NewCall, now: Timestamp) -> Result<(), WorkError> {
    insert(connection, app, Channel::of(call.hook).name(), call, now).map(drop)
}

/// As [`push`], into the channel of this name; answers the number.
pub(super) fn insert(
    connection: &Connection,
    app: &AppId,
    channel: &str,
    call: &NewCall,
    now: Timestamp,
) -> Result<u64, WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO hook_calls (
                 id,
                 app,
                 channel,
                 hook,
                 params,
                 lane,
                 remote_address,
                 queued_at,
                 due_at,
                 attempts,
                 first
             )
             VALUES (
                 max(?1, 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'hook_calls'), 0)),
                 ?2, ?3, ?4, ?5, ?6, ?7, ?1, ?1, 0,
                 NOT EXISTS (SELECT 1 FROM hook_calls WHERE app = ?2 AND lane = ?6 AND first = 1)
             )",
        )?
        .execute(params![
            now.0,
            app.as_str(),
            channel,
            call.hook,
            text(&call.params)?,
            call.lane.as_ref().map(ClientId::as_str),
            call.remote_address.map(|address| address.to_string()),
        ])?;
    Ok(connection.last_insert_rowid().unsigned_abs())
}

/// The literals are those of the index.
const DUE: &str = "
    SELECT id, hook, params, lane, remote_address, queued_at, attempts
    FROM hook_calls
    WHERE app = ?1 AND channel = ?2 AND first = 1 AND due_at <= ?3
    ORDER BY due_at, id
    LIMIT ?4";

const NEXT_DUE: &str =
    "SELECT min(due_at) FROM hook_calls WHERE app = ?1 AND channel = ?2 AND first = 1 AND due_at > ?3";

/// Calls whose turn it is, those in `claimed` and their lanes left out.
pub(super) fn due(
    connection: &Connection,
    app: &AppId,
    channel: Channel,
    now: Timestamp,
    limit: usize,
    claimed: &Claims,
) -> Result<Claimed, WorkError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let rows = i64::try_from(limit.saturating_add(claimed.len())).unwrap_or(i64::MAX);
    let found = statement.query_map(params![app.as_str(), channel.name(), now.0, rows], CallRow::read)?;
    let mut calls = Vec::new();
    for row in found {
        let call = QueuedCall::try_from(row?)?;
        // An older call may have come back into the lane of one that runs.
        let lane_runs = call.lane.is_some() && claimed.values().any(|lane| *lane == call.lane);
        if calls.len() < limit && !lane_runs && !claimed.contains_key(&call.sequence) {
            calls.push(call);
        }
    }
    let next = connection
        .prepare_cached(NEXT_DUE)?
        .query_row(params![app.as_str(), channel.name(), now.0], |row| row.get::<_, Option<i64>>(0))?;
    Ok(Claimed { calls, next: next.map(Timestamp) })
}

/// Writes the outcomes of calls; returns the number of deleted dead letters.
pub(super) fn settle(
    connection: &Connection,
    app: &AppId,
    settled: &[(QueuedCall, Fate)],
    dead_bound: usize,
    now: Timestamp,
) -> Result<usize, WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM hook_calls WHERE id = ?1")?;
    let mut postpone = connection.prepare_cached("UPDATE hook_calls SET attempts = ?2, due_at = ?3 WHERE id = ?1")?;
    let mut thrown_away = 0;
    for (call, fate) in settled {
        let id = key(call.sequence);
        match fate {
            Fate::Done => {
                delete.execute([id])?;
            }
            Fate::Again { at } => {
                postpone.execute(params![id, call.attempts.saturating_add(1), at.0])?;
            }
            Fate::Dead { cause, reason } => {
                // Nothing was deleted: the app is gone, with everything of it.
                if delete.execute([id])? > 0 {
                    dead_letters::add(connection, app, call, (cause.name(), reason), now)?;
                    thrown_away += dead_letters::prune(connection, app, dead_bound)?;
                }
            }
        }
    }
    Ok(thrown_away)
}

/// A queue of a million calls is counted in as many steps as one of ten.
const BACKLOG: &str = "
    SELECT
        app,
        channel,
        calls,
        (SELECT min(id) FROM hook_calls WHERE app = counted.app AND channel = counted.channel)
    FROM hook_call_counts AS counted
    WHERE calls > 0 AND channel <> ?1";

pub(super) fn backlog(connection: &Connection) -> Result<Vec<Backlog>, WorkError> {
    let mut statement = connection.prepare_cached(BACKLOG)?;
    let rows = statement.query_map([OUTBOX], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    })?;
    let mut backlog = Vec::new();
    for row in rows {
        let (app, channel, waiting, oldest) = row?;
        let Some(channel) = Channel::named(&channel) else {
            let problem = format!("channel `{channel}` is unknown: use a newer program");
            return Err(StoreError::Corrupt { table: "hook_calls", row: app, problem }.into());
        };
        let waiting = waiting.unsigned_abs();
        backlog.push(Backlog { app: AppId::new(app), channel, waiting, oldest: Timestamp(oldest) });
    }
    Ok(backlog)
}

/// How many more calls of an app may wait, without those in the outbox, which have no place in the queue.
pub(super) fn free_places(connection: &Connection, app: &AppId, bound: usize) -> Result<usize, WorkError> {
    let waiting: i64 = connection
        .prepare_cached("SELECT coalesce(sum(calls), 0) FROM hook_call_counts WHERE app = ?1 AND channel <> ?2")?
        .query_row([app.as_str(), OUTBOX], |row| row.get(0))?;
    Ok(bound.saturating_sub(usize::try_from(waiting).unwrap_or(0)))
}

/// Finds the first call of a lane again, into which an earlier one has come back.
pub(super) fn put_in_order(connection: &Connection, app: &AppId, lane: &str) -> Result<(), WorkError> {
    connection
        .prepare_cached("UPDATE hook_calls SET first = 0 WHERE app = ?1 AND lane = ?2 AND first = 1")?
        .execute([app.as_str(), lane])?;
    connection
        .prepare_cached(
            "UPDATE hook_calls
             SET first = 1
             WHERE id = (SELECT min(id) FROM hook_calls WHERE app = ?1 AND lane = ?2)",
        )?
        .execute([app.as_str(), lane])?;
    Ok(())
}

/// Deletes at most `limit` calls of an app, and as many dead letters; false when none were left.
pub(super) fn forget(connection: &Connection, app: &AppId, limit: usize) -> Result<bool, WorkError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut forgotten = 0;
    for table in ["hook_calls", "dead_letters"] {
        let sql = format!("DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE app = ?1 LIMIT ?2)");
        forgotten += connection.prepare_cached(&sql)?.execute(params![app.as_str(), limit])?;
    }
    if forgotten == 0 {
        for table in ["hook_call_counts", "dead_letter_counts"] {
            connection.execute(&format!("DELETE FROM {table} WHERE app = ?1"), [app.as_str()])?;
        }
    }
    Ok(forgotten > 0)
}

/// A sequence number as a row id; they are times in milliseconds, far below the limit.
pub(super) fn key(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(super) fn text(params: &Bytes) -> Result<&str, WorkError> {
    std::str::from_utf8(params).map_err(|error| StoreError::Database(Box::new(error)).into())
}

struct CallRow {
    id: i64,
    hook: String,
    params: String,
    lane: Option<String>,
    remote_address: Option<String>,
    queued_at: i64,
    attempts: u32,
}

impl CallRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            hook: row.get(1)?,
            params: row.get(2)?,
            lane: row.get(3)?,
            remote_address: row.get(4)?,
            queued_at: row.get(5)?,
            attempts: row.get(6)?,
        })
    }
}

impl TryFrom<CallRow> for QueuedCall {
    type Error = WorkError;

    fn try_from(row: CallRow) -> Result<Self, WorkError> {
        let hook = hook_named(&row.hook).ok_or_else(|| StoreError::Corrupt {
            table: "hook_calls",
            row: row.id.to_string(),
            problem: format!("hook `{}` is unknown: use a newer program", row.hook),
        })?;
        Ok(QueuedCall {
            sequence: row.id.unsigned_abs(),
            hook,
            params: Bytes::from(row.params),
            lane: row.lane.map(ClientId::new),
            // An address that cannot be read is only left out of a header.
            remote_address: row.remote_address.and_then(|address| address.parse().ok()),
            queued_at: Timestamp(row.queued_at),
            attempts: row.attempts,
        })
    }
}
