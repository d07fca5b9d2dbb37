//! Rows of calls that were given up.

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel};
use hookd_im_core::store::{CallLimits, DeadLetter, DeadLetterFilter};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::waiting::{has_room, id, put_in_order};
use crate::call_rules::pruned_now;
use crate::sqlite::error::WorkError;

/// Makes a dead letter of a call, whose row stays.
pub(super) fn add(
    connection: &Connection,
    (app, channel): (&AppId, &Channel),
    number: u64,
    (cause, reason): (&str, &str),
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO dead_letters (
                 app,
                 channel,
                 number,
                 target,
                 order_key,
                 payload,
                 remote_address,
                 queued_at,
                 died_at,
                 attempts,
                 cause,
                 reason
             )
             SELECT app, channel, number, target, order_key, payload, remote_address, queued_at, ?4, attempts + 1, ?5, ?6
             FROM calls
             WHERE app = ?1 AND channel = ?2 AND number = ?3
             ON CONFLICT (app, number, channel) DO UPDATE
             SET died_at = excluded.died_at,
                 attempts = excluded.attempts,
                 cause = excluded.cause,
                 reason = excluded.reason",
        )?
        .execute(params![app.as_str(), channel.as_str(), id(number), now.0, cause, reason])?;
    Ok(())
}

/// Keeps the newest `limit`, after a while; answers how many went.
pub(super) fn prune(connection: &Connection, app: &AppId, limit: usize) -> Result<usize, WorkError> {
    let letters: Option<i64> = connection
        .prepare_cached("SELECT letters FROM dead_letter_counts WHERE app = ?1")?
        .query_row([app.as_str()], |row| row.get(0))
        .optional()?;
    let Some(beyond) = pruned_now(letters.unwrap_or(0), limit) else { return Ok(0) };
    let pruned = connection
        .prepare_cached(
            "DELETE FROM dead_letters
             WHERE key IN (
                 SELECT key
                 FROM dead_letters
                 WHERE app = ?1
                 ORDER BY died_at, number
                 LIMIT ?2
             )",
        )?
        .execute(params![app.as_str(), beyond])?;
    Ok(pruned)
}

pub(super) fn list(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    limit: usize,
    with_payload: bool,
) -> Result<Vec<DeadLetter>, WorkError> {
    let (condition, mut values) = selected(app, filter);
    values.push(SqlValue::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let payload = if with_payload { "payload" } else { "NULL" };
    let sql = format!(
        "SELECT number, channel, target, cause, reason, attempts, queued_at, died_at, {payload}
         FROM dead_letters
         WHERE {condition}
         ORDER BY died_at DESC, number DESC
         LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok(DeadLetter {
            number: row.get::<_, i64>(0)?.unsigned_abs(),
            channel: Channel::new(row.get::<_, String>(1)?),
            target: row.get(2)?,
            cause: row.get(3)?,
            reason: row.get(4)?,
            attempts: row.get(5)?,
            queued_at: Timestamp(row.get(6)?),
            died_at: Timestamp(row.get(7)?),
            payload: row.get::<_, Option<Vec<u8>>>(8)?.map(Bytes::from),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Some letters that were looked at.
pub(super) struct Retried {
    /// The number of those that are calls again.
    pub(super) retried: usize,
    /// The last one looked at, by time of death and number; `None` when there are no more.
    pub(super) last: Option<(i64, i64)>,
}

/// A letter that may be a call again.
struct Chosen {
    key: i64,
    number: i64,
    channel: Channel,
    order_key: Option<String>,
    died_at: i64,
    bytes: usize,
}

/// Makes calls of at most `limit` letters, the oldest of those that died after `after`.
pub(super) fn retry(
    connection: &Connection,
    (app, filter): (&AppId, &DeadLetterFilter),
    (after, limit): (Option<(i64, i64)>, usize),
    limits: CallLimits,
    now: Timestamp,
) -> Result<Retried, WorkError> {
    let chosen = oldest(connection, (app, filter), (after, limit))?;
    let last = chosen.last().map(|letter| (letter.died_at, letter.number));
    let mut insert = connection.prepare_cached(
        "INSERT INTO calls (
             app, channel, number, target, order_key, payload, remote_address, queued_at, due_at, attempts, is_first
         )
         SELECT app, channel, number, target, order_key, payload, remote_address, ?2, ?2, 0, order_key IS NULL
         FROM dead_letters
         WHERE key = ?1",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM dead_letters WHERE key = ?1")?;
    let mut retried = 0;
    for Chosen { key, channel, order_key, bytes, .. } in chosen {
        if !has_room(connection, app, &channel, (limits, bytes))? {
            continue;
        }
        insert.execute(params![key, now.0])?;
        if let Some(order_key) = order_key {
            put_in_order(connection, app, channel.as_str(), &order_key)?;
        }
        retried += delete.execute([key])?;
    }
    Ok(Retried { retried, last })
}

fn oldest(
    connection: &Connection,
    (app, filter): (&AppId, &DeadLetterFilter),
    (after, limit): (Option<(i64, i64)>, usize),
) -> Result<Vec<Chosen>, WorkError> {
    let (condition, mut values) = selected(app, filter);
    let (died_at, number) = after.unwrap_or((i64::MIN, i64::MIN));
    values.extend([died_at, number, i64::try_from(limit).unwrap_or(i64::MAX)].map(SqlValue::from));
    let mut chosen = connection.prepare_cached(&format!(
        "SELECT key, number, channel, order_key, died_at, length(payload)
         FROM dead_letters
         WHERE {condition} AND (died_at, number) > (?, ?)
         ORDER BY died_at, number
         LIMIT ?"
    ))?;
    let chosen = chosen.query_map(params_from_iter(values), |row| {
        Ok(Chosen {
            key: row.get(0)?,
            number: row.get(1)?,
            channel: Channel::new(row.get::<_, String>(2)?),
            order_key: row.get(3)?,
            died_at: row.get(4)?,
            bytes: row.get(5)?,
        })
    })?;
    Ok(chosen.collect::<Result<_, _>>()?)
}

/// Deletes at most `limit` letters.
pub(super) fn discard(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    limit: usize,
) -> Result<usize, WorkError> {
    let (condition, mut values) = selected(app, filter);
    values.push(SqlValue::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let sql = format!(
        "DELETE FROM dead_letters
         WHERE key IN (SELECT key FROM dead_letters WHERE {condition} LIMIT ?)"
    );
    Ok(connection.prepare_cached(&sql)?.execute(params_from_iter(values))?)
}

/// A condition, and the values of its parameters.
fn selected(app: &AppId, filter: &DeadLetterFilter) -> (String, Vec<SqlValue>) {
    let mut values = vec![SqlValue::from(app.as_str().to_owned())];
    let condition = match filter {
        DeadLetterFilter::All { target: None } => "app = ?".to_owned(),
        DeadLetterFilter::All { target: Some(target) } => {
            values.push(SqlValue::from(target.clone()));
            "app = ? AND target = ?".to_owned()
        }
        DeadLetterFilter::Numbers(numbers) => {
            let json = serde_json::json!(numbers).to_string();
            values.push(SqlValue::from(json));
            "app = ? AND number IN (SELECT value FROM json_each(?))".to_owned()
        }
    };
    (condition, values)
}
