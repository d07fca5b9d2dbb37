//! Rows of hook calls that were given up.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params, params_from_iter};

use super::hook_calls::{key, text};
use crate::hooks::queue::{Channel, DeadLetter, Letters, QueuedCall, hook_named};
use crate::ids::{AppId, ClientId};
use crate::store::StoreError;
use crate::timestamp::Timestamp;

pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    call: &QueuedCall,
    (cause, reason): (&str, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO dead_letters (
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
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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

/// Keeps the newest `bound`; answers how many went.
pub(super) fn prune(connection: &Connection, app: &AppId, bound: usize) -> Result<usize, StoreError> {
    let pruned = connection
        .prepare_cached(
            "DELETE FROM dead_letters
             WHERE id IN (
                 SELECT id
                 FROM dead_letters
                 WHERE app = ?1
                 ORDER BY died_at DESC, id DESC
                 LIMIT -1 OFFSET ?2
             )",
        )?
        .execute(params![app.as_str(), i64::try_from(bound).unwrap_or(i64::MAX)])?;
    Ok(pruned)
}

pub(super) fn list(
    connection: &Connection,
    app: &AppId,
    letters: &Letters,
    limit: usize,
    with_params: bool,
) -> Result<Vec<DeadLetter>, StoreError> {
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

/// Moves at most `limit` letters, the oldest, back into the queue; answers their number.
pub(super) fn revive(
    connection: &Connection,
    app: &AppId,
    letters: &Letters,
    limit: usize,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let (condition, mut values) = selected(app, letters);
    values.push(SqlValue::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut chosen = connection
        .prepare_cached(&format!("SELECT id, hook FROM dead_letters WHERE {condition} ORDER BY id LIMIT ?"))?;
    let chosen = chosen
        .query_map(params_from_iter(values), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO hook_calls (id, app, channel, hook, params, lane, remote_address, queued_at, due_at, attempts)
         SELECT id, app, ?2, hook, params, lane, remote_address, ?3, ?3, 0
         FROM dead_letters
         WHERE id = ?1",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM dead_letters WHERE id = ?1")?;
    let mut revived = 0;
    for (id, hook) in chosen {
        let Some(hook) = hook_named(&hook) else { continue };
        insert.execute(params![id, Channel::of(hook).name(), now.0])?;
        revived += delete.execute([id])?;
    }
    Ok(revived)
}

pub(super) fn discard(connection: &Connection, app: &AppId, letters: &Letters) -> Result<usize, StoreError> {
    let (condition, values) = selected(app, letters);
    let sql = format!("DELETE FROM dead_letters WHERE {condition}");
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
