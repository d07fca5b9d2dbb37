//! Permanent events of clients (P-59 … P-64).

use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::Notification;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::error::WorkError;
use super::json;

/// How long an event waits for its client (P-59).
const RETENTION: Duration = Duration::from_hours(7 * 24);

/// Expired rows that one write takes away beyond the number it adds: the table shrinks while it is written to, and no
/// single write pays for a long silence.
const EXTRA_PRUNED: usize = 64;

pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    notifications: &[(ClientId, Map<String, Value>)],
    now: Timestamp,
) -> Result<Vec<Timestamp>, WorkError> {
    let mut newest = connection.prepare_cached(
        "SELECT timestamp
         FROM notifications
         WHERE app = ?1 AND client = ?2
         ORDER BY timestamp DESC
         LIMIT 1",
    )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO notifications (app, client, timestamp, payload)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut times = Vec::with_capacity(notifications.len());
    for (client, payload) in notifications {
        let newest: Option<i64> = newest.query_row([app.as_str(), client.as_str()], |row| row.get(0)).optional()?;
        let timestamp = newest.map_or(now.0, |newest| now.0.max(newest.saturating_add(1)));
        insert.execute(params![app.as_str(), client.as_str(), timestamp, json::to_column(payload)?])?;
        times.push(Timestamp(timestamp));
    }
    prune(connection, oldest_kept(now), notifications.len().saturating_add(EXTRA_PRUNED))?;
    Ok(times)
}

pub(super) fn after(
    connection: &Connection,
    app: &AppId,
    client: &ClientId,
    after: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Notification>, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT timestamp, payload
         FROM notifications
         WHERE app = ?1 AND client = ?2 AND timestamp > ?3 AND timestamp >= ?4
         ORDER BY timestamp
         LIMIT ?5",
    )?;
    let rows = statement
        .query_map(params![app.as_str(), client.as_str(), after.0, oldest_kept(now).0, limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
    rows.map(|row| {
        let (timestamp, payload) = row?;
        let payload = json::from_column(&payload, "notifications", "payload", format!("{app}/{client}/{timestamp}"))?;
        Ok(Notification { server_timestamp: Timestamp(timestamp), payload })
    })
    .collect()
}

fn oldest_kept(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(RETENTION.as_millis()).unwrap_or(i64::MAX)))
}

fn prune(connection: &Connection, oldest_kept: Timestamp, limit: usize) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "DELETE FROM notifications
             WHERE (app, client, timestamp) IN (
                 SELECT app, client, timestamp
                 FROM notifications
                 WHERE timestamp < ?1
                 ORDER BY timestamp
                 LIMIT ?2
             )",
        )?
        .execute(params![oldest_kept.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    Ok(())
}
