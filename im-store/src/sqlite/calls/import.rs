//! Calls and dead letters that come from another table, with their numbers.

use hookd_im_core::ids::{AppId, OrderKey};
use hookd_im_core::store::ImportedCall;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::waiting::{id, put_in_order};
use crate::call_rules::{Death, Imported};
use crate::sqlite::error::WorkError;

pub(super) fn import(connection: &Connection, app: &AppId, rows: &[ImportedCall]) -> Result<(), WorkError> {
    let imported = Imported::of(rows);
    for (row, death) in imported.letters {
        if !is_here(connection, app, row)? {
            import_dead_letter(connection, app, row, death)?;
        }
    }
    for (row, due_at) in imported.calls {
        if !is_here(connection, app, row)? {
            import_call(connection, app, row, due_at)?;
        }
    }
    connection
        .prepare_cached("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'calls'")?
        .execute([id(imported.highest)])?;
    Ok(())
}

fn is_here(connection: &Connection, app: &AppId, imported: &ImportedCall) -> Result<bool, WorkError> {
    let is_here = connection
        .prepare_cached(
            "SELECT
                 EXISTS (SELECT 1 FROM calls WHERE app = ?1 AND channel = ?2 AND number = ?3)
                 OR EXISTS (SELECT 1 FROM dead_letters WHERE app = ?1 AND channel = ?2 AND number = ?3)",
        )?
        .query_row(params![app.as_str(), imported.channel.as_str(), id(imported.call.number)], |row| row.get(0))?;
    Ok(is_here)
}

fn import_call(
    connection: &Connection,
    app: &AppId,
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
            id(call.number),
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
    app: &AppId,
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
            id(call.number),
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
