//! Events that clients fetch after a reconnect (P-59 … P-64).

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{MissedEvent, MissedEvents, StoreError};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Map, Value};

use super::columns::{column, to_i64};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};
use crate::json;
use crate::retention::{EXTRA_PRUNED, oldest_missed_event};

#[async_trait]
impl MissedEvents for PostgresStore {
    async fn add_missed_events(
        &self,
        app: &AppId,
        events: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let add = async |connection: Arc<Connection>, now| add(&connection, app, &events, now).await;
        self.database.write("add missed events", add).await
    }

    async fn missed_events(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<MissedEvent>, StoreError> {
        let now = self.database.now();
        let read = async |connection: Arc<Connection>| after_time(&connection, (app, client), after, limit, now).await;
        self.database.pool.read(("missed events", READ_LIMIT), read).await
    }
}

pub(super) async fn add(
    connection: &Connection,
    app: &AppId,
    events: &[(ClientId, Map<String, Value>)],
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let mut next = first_times(connection, app, events, now).await?;
    let mut times = Vec::with_capacity(events.len());
    for (client, _) in events {
        let time = next.entry(client.as_str()).or_insert(now.0);
        times.push(*time);
        *time = time.saturating_add(1);
    }
    let clients: Vec<&[u8]> = events.iter().map(|(client, _)| client.as_str().as_bytes()).collect();
    let payloads = events.iter().map(|(_, payload)| json::to_column(payload)).collect::<Result<Vec<_>, _>>()?;
    let sql = "
        INSERT INTO missed_events (app, client, timestamp, payload)
        SELECT $1, client, timestamp, payload
        FROM unnest($2::bytea[], $3::bigint[], $4::text[]) AS new (client, timestamp, payload)";
    connection.execute_prepared(sql, &[&app.as_str(), &clients, &times, &payloads]).await?;
    prune(connection, oldest_missed_event(now), events.len().saturating_add(EXTRA_PRUNED)).await?;
    Ok(times.into_iter().map(Timestamp).collect())
}

/// The time of each client's first event of these, and room for the others: given under the lock of the client's row. The
/// rows are locked in the order of the clients.
async fn first_times<'a>(
    connection: &Connection,
    app: &AppId,
    events: &'a [(ClientId, Map<String, Value>)],
    now: Timestamp,
) -> Result<BTreeMap<&'a str, i64>, StoreError> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for (client, _) in events {
        *counts.entry(client.as_str()).or_default() += 1;
    }
    let clients: Vec<&[u8]> = counts.keys().map(|client| client.as_bytes()).collect();
    let events: Vec<i64> = counts.values().copied().collect();
    let rows = connection.rows(NEWEST, &[&app.as_str(), &clients, &events, &now.0]).await?;
    let newest = rows.iter().map(|row| Ok((column::<Vec<u8>>(row, 0)?, column::<i64>(row, 1)?)));
    let newest = newest.collect::<Result<BTreeMap<_, _>, StoreError>>()?;
    let first = counts.into_iter().map(|(client, count)| {
        let newest = newest.get(client.as_bytes()).copied().unwrap_or(now.0);
        (client, newest.saturating_sub(count - 1))
    });
    Ok(first.collect())
}

const NEWEST: &str = "
    INSERT INTO missed_event_times (app, client, newest)
    SELECT $1, client, $4 + events - 1
    FROM unnest($2::bytea[], $3::bigint[]) AS new (client, events)
    ORDER BY client
    ON CONFLICT (app, client) DO UPDATE
    SET newest = greatest(excluded.newest, missed_event_times.newest + (excluded.newest - $4) + 1)
    RETURNING client, newest";

async fn after_time(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    after: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<MissedEvent>, StoreError> {
    let sql = "
        SELECT timestamp, payload
        FROM missed_events
        WHERE app = $1 AND client = $2 AND timestamp > $3 AND timestamp >= $4
        ORDER BY timestamp
        LIMIT $5";
    let client_bytes = client.as_str().as_bytes();
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&app.as_str(), &client_bytes, &after.0, &oldest_missed_event(now).0, &i64::from(limit)];
    let rows = connection.rows(sql, &values).await?;
    let events = rows.iter().map(|row| {
        let timestamp: i64 = column(row, 0)?;
        let row_name = format!("{app}/{client}/{timestamp}");
        let payload = json::from_column(column(row, 1)?, "missed_events", "payload", row_name)?;
        Ok(MissedEvent { server_timestamp: Timestamp(timestamp), payload })
    });
    events.collect()
}

/// Deletes some old events, and the times of clients that have no newer ones. Rows that another transaction takes away are
/// left to it.
async fn prune(connection: &Connection, oldest_kept: Timestamp, limit: usize) -> Result<(), StoreError> {
    let old = connection.rows(PRUNE, &[&oldest_kept.0, &to_i64(limit)]).await?;
    if old.is_empty() {
        return Ok(());
    }
    let (mut apps, mut clients, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for row in &old {
        apps.push(column::<String>(row, 0)?);
        clients.push(column::<Vec<u8>>(row, 1)?);
        times.push(column::<i64>(row, 2)?);
    }
    connection.execute_prepared(PRUNE_TIMES, &[&apps, &clients, &times]).await?;
    Ok(())
}

const PRUNE: &str = "
    WITH old AS MATERIALIZED (
        SELECT app, client, timestamp
        FROM missed_events
        WHERE timestamp < $1
        ORDER BY timestamp
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM missed_events
    USING old
    WHERE missed_events.app = old.app AND missed_events.client = old.client
        AND missed_events.timestamp = old.timestamp
    RETURNING old.app, old.client, old.timestamp";

/// A row that is locked gets a newer time, whose event takes it away one day. To wait for it here could be to wait in a
/// circle.
const PRUNE_TIMES: &str = "
    WITH silent AS MATERIALIZED (
        SELECT times.app, times.client
        FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS old (app, client, timestamp)
        JOIN missed_event_times AS times
            ON times.app = old.app AND times.client = old.client AND times.newest = old.timestamp
        FOR UPDATE OF times SKIP LOCKED
    )
    DELETE FROM missed_event_times AS times
    USING silent
    WHERE times.app = silent.app AND times.client = silent.client";
