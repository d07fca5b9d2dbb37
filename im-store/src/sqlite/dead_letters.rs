//! Rows of hook calls that were given up.

use hookd_im_core::hooks::queue::{Channel, DeadLetter, Letters, QueuedCall, hook_named};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::error::WorkError;
use super::hook_calls::{self, key, text};

pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    call: &QueuedCall,
    (cause, reason): (&str, &str),
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO dead_letters (
                 id,
                 app,
                 hook,
                 params,
                 lane,
                 remote_address,
                 queued_at,
                 died_at,
                 attempts,
                 cause,
                 reason
             )
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE
             SET died_at = excluded.died_at,
                 attempts = excluded.attempts,
                 cause = excluded.cause,
                 reason = excluded.reason",
        )?
        .execute(params![
            key(call.sequence),
            app.as_str(),
            call.hook,
            text(&call.params)?,
            call.lane.as_ref().map(ClientId::as_str),
            call.remote_address.map(|address| address.to_string()),
            call.queued_at.0,
            now.0,
            call.attempts.saturating_add(1),
            cause,
            reason,
        ])?;
    Ok(())
}

/// Letters beyond the bound that go with one that comes: after the bound was lowered no single write pays for all.
const PRUNED_AT_ONCE: i64 = 64;

/// Keeps the newest `bound`, after a while; answers how many went.
pub(super) fn prune(connection: &Connection, app: &AppId, bound: usize) -> Result<usize, WorkError> {
    let letters: Option<i64> = connection
        .prepare_cached("SELECT letters FROM dead_letter_counts WHERE app = ?1")?
        .query_row([app.as_str()], |row| row.get(0))
        .optional()?;
    let beyond = letters.unwrap_or(0).saturating_sub(i64::try_from(bound).unwrap_or(i64::MAX));
    if beyond <= 0 {
        return Ok(0);
    }
    let pruned = connection
        .prepare_cached(
            "DELETE FROM dead_letters
             WHERE id IN (
                 SELECT id
                 FROM dead_letters
                 WHERE app = ?1
                 ORDER BY died_at, id
                 LIMIT ?2
             )",
        )?
        .execute(params![app.as_str(), beyond.min(PRUNED_AT_ONCE)])?;
    Ok(pruned)
}

pub(super) fn list(
    connection: &Connection,
    app: &AppId,
    letters: &Letters,
    limit: usize,
    with_params: bool,
) -> Result<Vec<DeadLetter>, WorkError> {
    let (condition, mut values) = selected(app, letters);
    values.push(SqlValue::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let shown = if with_params { "params" } else { "NULL" };
    let sql = format!(
        "SELECT id, hook, cause, reason, attempts, queued_at, died_at, {shown}
         FROM dead_letters
         WHERE {condition}
         ORDER BY died_at DESC, id DESC
         LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok(DeadLetter {
            id: row.get::<_, i64>(0)?.unsigned_abs(),
            hook: row.get(1)?,
            cause: row.get(2)?,
            reason: row.get(3)?,
            attempts: row.get(4)?,
            queued_at: Timestamp(row.get(5)?),
            died_at: Timestamp(row.get(6)?),
            params: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Some letters that were moved back.
pub(super) struct Revived {
    /// Their number.
    pub(super) revived: usize,
    /// The last one looked at, by time of death and id; `None` when there are no more, or no place for them.
    pub(super) last: Option<(i64, i64)>,
}

/// Moves at most `limit` letters, the oldest of those that died after `after`, back into the queue.
pub(super) fn revive(
    connection: &Connection,
    app: &AppId,
    letters: &Letters,
    (after, limit): (Option<(i64, i64)>, usize),
    now: Timestamp,
) -> Result<Revived, WorkError> {
    let (condition, mut values) = selected(app, letters);
    let (died_at, id) = after.unwrap_or((i64::MIN, i64::MIN));
    values.extend([died_at, id, i64::try_from(limit).unwrap_or(i64::MAX)].map(SqlValue::from));
    let mut chosen = connection.prepare_cached(&format!(
        "SELECT id, hook, lane, died_at
         FROM dead_letters
         WHERE {condition} AND (died_at, id) > (?, ?)
         ORDER BY died_at, id
         LIMIT ?"
    ))?;
    let chosen = chosen
        .query_map(params_from_iter(values), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?, row.get(3)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let last = chosen.last().map(|(id, _, _, died_at)| (*died_at, *id));
    let mut insert = connection.prepare_cached(
        "INSERT INTO hook_calls
             (id, app, channel, hook, params, lane, remote_address, queued_at, due_at, attempts, first)
         SELECT id, app, ?2, hook, params, lane, remote_address, ?3, ?3, 0, lane IS NULL
         FROM dead_letters
         WHERE id = ?1",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM dead_letters WHERE id = ?1")?;
    let mut revived = 0;
    for (id, hook, lane, _) in chosen {
        let Some(hook) = hook_named(&hook) else { continue };
        insert.execute(params![id, Channel::of(hook).name(), now.0])?;
        if let Some(lane) = lane {
            hook_calls::put_in_order(connection, app, &lane)?;
        }
        revived += delete.execute([id])?;
    }
    Ok(Revived { revived, last })
}

/// Throws at most `limit` letters away.
pub(super) fn discard(
    connection: &Connection,
    app: &AppId,
    letters: &Letters,
    limit: usize,
) -> Result<usize, WorkError> {
    let (condition, mut values) = selected(app, letters);
    values.push(SqlValue::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let sql = format!(
        "DELETE FROM dead_letters
         WHERE id IN (SELECT id FROM dead_letters WHERE {condition} LIMIT ?)"
    );
    Ok(connection.prepare_cached(&sql)?.execute(params_from_iter(values))?)
}

/// A condition, and the values of its parameters.
fn selected(app: &AppId, letters: &Letters) -> (String, Vec<SqlValue>) {
    let mut values = vec![SqlValue::from(app.as_str().to_owned())];
    let condition = match letters {
        Letters::All { hook: None } => "app = ?".to_owned(),
        Letters::All { hook: Some(hook) } => {
            values.push(SqlValue::from(hook.clone()));
            "app = ? AND hook = ?".to_owned()
        }
        Letters::Ids(ids) => {
            let json = serde_json::json!(ids).to_string();
            values.push(SqlValue::from(json));
            "app = ? AND id IN (SELECT value FROM json_each(?))".to_owned()
        }
    };
    (condition, values)
}
