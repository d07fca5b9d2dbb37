//! Leases of nodes, and what happens to what a node leaves behind.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey};
use hookd_im_core::store::{NewCall, Nodes, StoreError};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;

use super::calls::NewCalls;
use super::columns::{column, text, to_i64};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};

#[async_trait]
impl Nodes for PostgresStore {
    async fn begin_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError> {
        let begin = async |connection: Arc<Connection>, now: Timestamp| begin(&connection, node, now.plus(lease)).await;
        self.database.write("begin the lease of a node", begin).await
    }

    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<bool, StoreError> {
        let renew = async |connection: Arc<Connection>, now: Timestamp| renew(&connection, node, now.plus(lease)).await;
        self.database.write("renew the lease of a node", renew).await
    }

    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError> {
        self.end(node, |_| None).await
    }

    /// After an outage of the database all leases may be over though all nodes live.
    async fn end_earlier_nodes(&self, _by: &NodeId) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn end_lost_nodes(&self, by: &NodeId) -> Result<usize, StoreError> {
        let now = self.database.now();
        let lost = async |connection: Arc<Connection>| lost(&connection, by, now).await;
        let mut ended = 0;
        for node in self.database.pool.read(("lost nodes", READ_LIMIT), lost).await? {
            ended += self.end(&node, Some).await?;
        }
        Ok(ended)
    }
}

impl PostgresStore {
    /// Ends a node, some of its sessions at a time. `unless_leased` tells, of the time, at which time its lease must be over.
    async fn end(
        &self,
        node: &NodeId,
        unless_leased: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Result<usize, StoreError> {
        self.held.forget_node(node);
        let mut ended = 0;
        loop {
            let end_some = async |connection: Arc<Connection>, now| {
                if !take_lease(&connection, node, unless_leased(now)).await? {
                    return Ok(0);
                }
                let some = end_sessions(&connection, node, now).await?;
                // With the first of them already: a node that lives learns that it has lost some.
                end(&connection, node).await?;
                Ok(some)
            };
            let some = self.database.write("end a lost node", end_some).await?;
            ended += some;
            if some < ENDED_AT_ONCE {
                return Ok(ended);
            }
        }
    }
}

/// Sessions of a dead node that are ended in one transaction: others wait for its locks.
const ENDED_AT_ONCE: usize = 500;

async fn begin(connection: &Connection, node: &NodeId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO nodes (node, leased_until) VALUES ($1, $2)
        ON CONFLICT (node) DO UPDATE SET leased_until = excluded.leased_until";
    connection.execute_prepared(sql, &[&node.as_str(), &until.0]).await?;
    Ok(())
}

/// Waits for a transaction that ends the node; false when the lease is gone.
async fn renew(connection: &Connection, node: &NodeId, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE nodes SET leased_until = $2 WHERE node = $1";
    Ok(connection.execute_prepared(sql, &[&node.as_str(), &until.0]).await? > 0)
}

/// Nodes whose lease is over, and those that have none and left something.
async fn lost(connection: &Connection, by: &NodeId, now: Timestamp) -> Result<Vec<NodeId>, StoreError> {
    let rows = connection.rows(LOST, &[&by.as_str(), &now.0]).await?;
    rows.iter().map(|row| Ok(NodeId::new(column::<String>(row, 0)?))).collect()
}

/// Each look at sessions and at calls jumps over all rows of one node: there may be a million of them.
const LOST: &str = "
    WITH RECURSIVE with_sessions AS (
        (SELECT node FROM open_sessions ORDER BY node LIMIT 1)
        UNION ALL
        SELECT (SELECT node FROM open_sessions WHERE node > last.node ORDER BY node LIMIT 1)
        FROM with_sessions AS last
        WHERE last.node IS NOT NULL
    ),
    with_calls AS (
        (SELECT node FROM calls WHERE node IS NOT NULL ORDER BY node LIMIT 1)
        UNION ALL
        SELECT (SELECT node FROM calls WHERE node IS NOT NULL AND node > last.node ORDER BY node LIMIT 1)
        FROM with_calls AS last
        WHERE last.node IS NOT NULL
    )
    SELECT node FROM nodes WHERE leased_until <= $2 AND node <> $1
    UNION
    SELECT node
    FROM (SELECT node FROM with_sessions UNION SELECT node FROM with_calls) AS found
    WHERE node <> $1 AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.node = found.node)";

/// Locks the lease of a node, so that it is not renewed meanwhile. False when it lasts beyond `unless_leased_at`: the node lives.
/// True when there is none.
async fn take_lease(
    connection: &Connection,
    node: &NodeId,
    unless_leased_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let sql = "SELECT leased_until FROM nodes WHERE node = $1 FOR UPDATE";
    let row = connection.row(sql, &[&node.as_str()]).await?;
    let leased_until = row.map(|row| column::<i64>(&row, 0)).transpose()?;
    Ok(match (leased_until, unless_leased_at) {
        (Some(leased_until), Some(now)) => leased_until <= now.0,
        (_, _) => true,
    })
}

/// Ends some sessions of a node; answers their number. Fewer than [`ENDED_AT_ONCE`]: those were the last.
async fn end_sessions(connection: &Connection, node: &NodeId, now: Timestamp) -> Result<usize, StoreError> {
    let rows = connection.rows(TAKE_SESSIONS, &[&node.as_str(), &to_i64(ENDED_AT_ONCE)]).await?;
    let mut rows = rows.iter().collect::<Vec<_>>();
    let mut order = Vec::with_capacity(rows.len());
    for row in &rows {
        order.push(column::<i64>(row, 0)?);
    }
    let mut calls = NewCalls::default();
    let mut sorted: Vec<(i64, &Row)> = order.into_iter().zip(rows.drain(..)).collect();
    sorted.sort_unstable_by_key(|(session, _)| *session);
    for (_, row) in &sorted {
        let (app, call) = lost_call(row)?;
        calls.add(app, call);
    }
    calls.insert(connection, now).await?;
    Ok(sorted.len())
}

const TAKE_SESSIONS: &str = "
    WITH ended AS MATERIALIZED (
        SELECT node, session FROM open_sessions WHERE node = $1 ORDER BY session LIMIT $2 FOR UPDATE
    )
    DELETE FROM open_sessions
    USING ended
    WHERE open_sessions.node = ended.node AND open_sessions.session = ended.session
    RETURNING open_sessions.session, app, channel, target, payload, order_key, remote_address";

fn lost_call(row: &Row) -> Result<(AppId, NewCall), StoreError> {
    let session: i64 = column(row, 0)?;
    let order_key: Option<Vec<u8>> = column(row, 5)?;
    let remote_address: Option<String> = column(row, 6)?;
    let call = NewCall {
        channel: Channel::new(column::<String>(row, 2)?),
        target: column(row, 3)?,
        payload: Bytes::from(column::<Vec<u8>>(row, 4)?),
        order_key: order_key.map(|key| text(key, "open_sessions", &session)).transpose()?.map(OrderKey::new),
        remote_address: remote_address.and_then(|address| address.parse().ok()),
    };
    Ok((AppId::new(column::<String>(row, 1)?), call))
}

/// Lets other nodes claim what it had claimed, and forgets it.
async fn end(connection: &Connection, node: &NodeId) -> Result<(), StoreError> {
    connection.execute_prepared("UPDATE calls SET node = NULL WHERE node = $1", &[&node.as_str()]).await?;
    connection.execute_prepared("DELETE FROM nodes WHERE node = $1", &[&node.as_str()]).await?;
    Ok(())
}
