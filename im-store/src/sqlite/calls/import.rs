//! Calls and dead letters that come from another table, with their numbers.

use hookd_im_core::ids::{AppId, OrderKey};
use hookd_im_core::store::ImportedCall;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::waiting::{id, put_in_order};
use crate::call_rules::{Death, Imported};
use crate::sqlite::error::WorkError;

pub(super) fn import(connection: &Connection, app: &AppId, rows: &[ImportedCall]) -> Result<(), WorkError> {
    let imported = Imported::of(rows);
    let mut highest = imported.highest;
    for (row, death) in imported.letters {
        if let Some(number) = free_number(connection, app, row)? {
            import_dead_letter(connection, (app, number), row, death)?;
            highest = highest.max(number);
        }
    }
    for (row, due_at) in imported.calls {
        if let Some(number) = free_number(connection, app, row)? {
            import_call(connection, (app, number), row, due_at)?;
            highest = highest.max(number);
        }
    }
    connection
        .prepare_cached("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'calls'")?
        .execute([id(highest)])?;
    Ok(())
}

/// The row's number, or the next one that no other call has: an earlier version numbered its own calls and those in Redis by
/// the same clock. `None` where the call is here already.
fn free_number(connection: &Connection, app: &AppId, row: &ImportedCall) -> Result<Option<u64>, WorkError> {
    let ImportedCall { channel, call, .. } = row;
    let order_key = call.order_key.as_ref().map(OrderKey::as_str);
    let mut is_same = connection.prepare_cached(
        "SELECT target = ?4 AND payload = ?5 AND order_key IS ?6
         FROM calls
         WHERE app = ?1 AND channel = ?2 AND number = ?3
         UNION ALL
         SELECT target = ?4 AND payload = ?5 AND order_key IS ?6
         FROM dead_letters
         WHERE app = ?1 AND channel = ?2 AND number = ?3",
    )?;
    let mut number = call.number;
    loop {
        let values = params![app.as_str(), channel.as_str(), id(number), call.target, call.payload.as_ref(), order_key];
        match is_same.query_row(values, |row| row.get::<_, bool>(0)).optional()? {
            None => return Ok(Some(number)),
            Some(true) => return Ok(None),
            Some(false) if id(number) == i64::MAX => return Ok(None),
            Some(false) => number = number.saturating_add(1),
        }
    }
}

fn import_call(
    connection: &Connection,
    (app, number): (&AppId, u64),
    imported: &ImportedCall,
    due_at: Timestamp,
) -> Result<(), WorkError> {
    let ImportedCall { channel, call, .. } = imported;
    let order_key = call.order_key.as_ref().map(OrderKey::as_str);
    connection
        .prepare_cached(
            "INSERT INTO calls (
                 app,
                 channel,
                 number,
                 target,
                 order_key,
                 payload,
                 remote_address,
                 queued_at,
                 due_at,
                 attempts,
                 is_first
             )
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?5 IS NULL)",
        )?
        .execute(params![
            app.as_str(),
            channel.as_str(),
            id(number),
            call.target,
            order_key,
            call.payload.as_ref(),
            call.remote_address.map(|address| address.to_string()),
            call.queued_at.0,
            due_at.0,
            call.attempts,
        ])?;
    order_key.map_or(Ok(()), |order_key| put_in_order(connection, app, channel.as_str(), order_key))
}

fn import_dead_letter(
    connection: &Connection,
    (app, number): (&AppId, u64),
    imported: &ImportedCall,
    death: Death<'_>,
) -> Result<(), WorkError> {
    let ImportedCall { channel, call, .. } = imported;
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
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            app.as_str(),
            channel.as_str(),
            id(number),
            call.target,
            call.order_key.as_ref().map(OrderKey::as_str),
            call.payload.as_ref(),
            call.remote_address.map(|address| address.to_string()),
            call.queued_at.0,
            death.died_at.0,
            call.attempts,
            death.cause,
            death.reason,
        ])?;
    Ok(())
}

/// Deletes calls that came from the outbox of an earlier version. Their numbers are the keys that their rows had there, and
/// no key is given twice.
pub(super) fn delete_handed_over(connection: &Connection, app: &AppId, rows: &[u64]) -> Result<usize, WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM calls WHERE key = ?1 AND number = ?1 AND app = ?2")?;
    let mut deleted = 0;
    for row in rows {
        deleted += delete.execute(params![id(*row), app.as_str()])?;
    }
    Ok(deleted)
}
