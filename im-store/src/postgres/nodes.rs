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
    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError> {
        let renew = async |connection: Arc<Connection>, now: Timestamp| renew(&connection, node, now.plus(lease)).await;
        self.database.write("renew the lease of a node", renew).await
    }

    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError> {
        self.end(node, |_| None).await
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
                if some < ENDED_AT_ONCE {
                    end(&connection, node).await?;
                }
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
pub(super) const ENDED_AT_ONCE: usize = 500;

pub(super) async fn renew(connection: &Connection, node: &NodeId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO nodes (node, leased_until) VALUES ($1, $2)
        ON CONFLICT (node) DO UPDATE SET leased_until = excluded.leased_until";
    connection.execute_prepared(sql, &[&node.as_str(), &until.0]).await?;
    Ok(())
}

/// Nodes whose lease is over, or that have none.
pub(super) async fn lost(connection: &Connection, by: &NodeId, now: Timestamp) -> Result<Vec<NodeId>, StoreError> {
    let sql = "
        SELECT node FROM nodes WHERE leased_until <= $2 AND node <> $1
        UNION
        SELECT DISTINCT node FROM open_sessions WHERE node <> $1 AND node NOT IN (SELECT node FROM nodes)";
    let rows = connection.rows(sql, &[&by.as_str(), &now.0]).await?;
    rows.iter().map(|row| Ok(NodeId::new(column::<String>(row, 0)?))).collect()
}

/// Takes the row of a node; false when it is gone, or when the node renewed its lease after `unless_leased_at`.
pub(super) async fn take_lease(
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
pub(super) async fn end_sessions(connection: &Connection, node: &NodeId, now: Timestamp) -> Result<usize, StoreError> {
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
pub(super) async fn end(connection: &Connection, node: &NodeId) -> Result<(), StoreError> {
    connection.execute_prepared("UPDATE calls SET node = NULL WHERE node = $1", &[&node.as_str()]).await?;
    connection.execute_prepared("DELETE FROM nodes WHERE node = $1", &[&node.as_str()]).await?;
    Ok(())
}
