//! Events that clients fetch after a reconnect (P-59 … P-64).

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{MissedEvent, MissedEvents, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::SqliteStore;
use super::error::WorkError;
use crate::json;
use crate::retention::{EXTRA_PRUNED, oldest_missed_event};

#[async_trait]
impl MissedEvents for SqliteStore {
    async fn add_missed_events(
        &self,
        app: &AppId,
        events: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let app = app.clone();
        self.write("add missed events", move |connection, now| add(connection, &app, &events, now)).await
    }

    async fn missed_events(
        &self,
        app: &AppId,
        client: &ClientId,
        after_time: Timestamp,
        limit: u32,
    ) -> Result<Vec<MissedEvent>, StoreError> {
        let (app, client) = (app.clone(), client.clone());
        let now = (self.clock)();
        let read = move |connection: &Connection| after(connection, &app, &client, after_time, limit, now);
        self.readers.read("missed events", read).await
    }
}

fn add(
    connection: &Connection,
    app: &AppId,
    events: &[(ClientId, Map<String, Value>)],
    now: Timestamp,
) -> Result<Vec<Timestamp>, WorkError> {
    let mut newest = connection.prepare_cached(
        "SELECT timestamp
         FROM missed_events
         WHERE app = ?1 AND client = ?2
         ORDER BY timestamp DESC
         LIMIT 1",
    )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO missed_events (app, client, timestamp, payload)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut times = Vec::with_capacity(events.len());
    for (client, payload) in events {
        let newest: Option<i64> = newest.query_row([app.as_str(), client.as_str()], |row| row.get(0)).optional()?;
        let timestamp = newest.map_or(now.0, |newest| now.0.max(newest.saturating_add(1)));
        insert.execute(params![app.as_str(), client.as_str(), timestamp, json::to_column(payload)?])?;
        times.push(Timestamp(timestamp));
    }
    prune(connection, oldest_missed_event(now), events.len().saturating_add(EXTRA_PRUNED))?;
    Ok(times)
}

fn after(
    connection: &Connection,
    app: &AppId,
    client: &ClientId,
    after: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<MissedEvent>, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT timestamp, payload
         FROM missed_events
         WHERE app = ?1 AND client = ?2 AND timestamp > ?3 AND timestamp >= ?4
         ORDER BY timestamp
         LIMIT ?5",
    )?;
    let rows = statement
        .query_map(params![app.as_str(), client.as_str(), after.0, oldest_missed_event(now).0, limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
    rows.map(|row| {
        let (timestamp, payload) = row?;
        let payload = json::from_column(&payload, "missed_events", "payload", format!("{app}/{client}/{timestamp}"))?;
        Ok(MissedEvent { server_timestamp: Timestamp(timestamp), payload })
    })
    .collect()
}

fn prune(connection: &Connection, oldest_kept: Timestamp, limit: usize) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "DELETE FROM missed_events
             WHERE (app, client, timestamp) IN (
                 SELECT app, client, timestamp
                 FROM missed_events
                 WHERE timestamp < ?1
                 ORDER BY timestamp
                 LIMIT ?2
             )",
        )?
        .execute(params![oldest_kept.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    Ok(())
}
