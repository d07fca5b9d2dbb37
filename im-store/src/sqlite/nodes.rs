//! Nodes, and their open sessions.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey, SessionId};
use hookd_im_core::store::{NewCall, Nodes, OpenSession, SessionEntry, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::WorkError;
use super::{SqliteStore, calls};

/// Sessions that one write ends: other writes wait for it.
const SESSIONS_AT_ONCE: usize = 500;

/// When the lease of each node ends. In memory: a node that has none is of an earlier process, and dead.
#[derive(Default)]
pub(super) struct Leases {
    until: Mutex<HashMap<NodeId, Instant>>,
}

impl Leases {
    fn until(&self) -> MutexGuard<'_, HashMap<NodeId, Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Nodes for SqliteStore {
    async fn begin_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError> {
        self.leases.until().insert(node.clone(), Instant::now() + lease);
        Ok(())
    }

    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<bool, StoreError> {
        let mut leases = self.leases.until();
        let until = leases.get_mut(node);
        let is_there = until.is_some();
        until.into_iter().for_each(|until| *until = Instant::now() + lease);
        Ok(is_there)
    }

    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError> {
        self.leases.until().remove(node);
        self.claims.release_node(node);
        let mut ended = 0;
        loop {
            let node = node.clone();
            let end = move |connection: &Connection, now| end_sessions(connection, &node, SESSIONS_AT_ONCE, now);
            let some = self.write("end sessions of a node", end).await?;
            ended += some;
            if some < SESSIONS_AT_ONCE {
                return Ok(ended);
            }
        }
    }

    async fn end_earlier_nodes(&self, by: &NodeId) -> Result<usize, StoreError> {
        self.end_lost_nodes(by).await
    }

    /// Claims are in memory: those of an earlier process are gone with it.
    async fn end_lost_nodes(&self, by: &NodeId) -> Result<usize, StoreError> {
        let now = Instant::now();
        let (alive, expired): (HashMap<_, _>, HashMap<_, _>) =
            self.leases.until().clone().into_iter().partition(|(node, until)| node == by || *until > now);
        let with_sessions = self.readers.read("nodes with sessions", nodes_with_sessions).await?;
        let lost: HashSet<NodeId> = with_sessions.into_iter().chain(expired.into_keys()).collect();
        let mut ended = 0;
        for node in lost.iter().filter(|node| *node != by && !alive.contains_key(node)) {
            ended += self.end_node(node).await?;
        }
        Ok(ended)
    }
}

pub(super) fn write_session(
    connection: &Connection,
    (node, app): (&NodeId, &AppId),
    entry: &SessionEntry,
) -> Result<(), WorkError> {
    match entry {
        SessionEntry::Opened(OpenSession { session, call_if_lost: call }) => connection
            .prepare_cached(
                "INSERT OR REPLACE INTO open_sessions
                     (node, session, app, channel, target, order_key, payload, remote_address)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                node.as_str(),
                id(*session),
                app.as_str(),
                call.channel.as_str(),
                call.target,
                call.order_key.as_ref().map(OrderKey::as_str),
                call.payload.as_ref(),
                call.remote_address.map(|address| address.to_string()),
            ])?,
        SessionEntry::Ended(session) => connection
            .prepare_cached("DELETE FROM open_sessions WHERE node = ?1 AND session = ?2")?
            .execute(params![node.as_str(), id(*session)])?,
    };
    Ok(())
}

/// Adds the calls of at most `limit` sessions and deletes their rows; answers their number. No limit of calls applies:
/// these calls are owed since the log-ins were acknowledged.
fn end_sessions(connection: &Connection, node: &NodeId, limit: usize, now: Timestamp) -> Result<usize, WorkError> {
    let mut statement = connection.prepare_cached(
        "SELECT session, app, channel, target, order_key, payload, remote_address
         FROM open_sessions
         WHERE node = ?1
         ORDER BY session
         LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sessions =
        statement.query_map(params![node.as_str(), limit], read)?.collect::<Result<Vec<(i64, AppId, NewCall)>, _>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM open_sessions WHERE node = ?1 AND session = ?2")?;
    for (session, app, call) in &sessions {
        calls::add(connection, app, call, now)?;
        delete.execute(params![node.as_str(), session])?;
    }
    Ok(sessions.len())
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, AppId, NewCall)> {
    let call = NewCall {
        channel: Channel::new(row.get::<_, String>(2)?),
        target: row.get(3)?,
        order_key: row.get::<_, Option<String>>(4)?.map(OrderKey::new),
        payload: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        remote_address: row.get::<_, Option<String>>(6)?.and_then(|address| address.parse().ok()),
    };
    Ok((row.get(0)?, AppId::new(row.get::<_, String>(1)?), call))
}

/// Each look jumps over all sessions of one node.
fn nodes_with_sessions(connection: &Connection) -> Result<Vec<NodeId>, WorkError> {
    let mut next = connection
        .prepare_cached("SELECT node FROM open_sessions WHERE node > ?1 OR (node = ?1 AND ?2) ORDER BY node LIMIT 1")?;
    let mut nodes: Vec<NodeId> = Vec::new();
    loop {
        let last = nodes.last().map_or("", NodeId::as_str);
        let node: Option<String> = next.query_row(params![last, nodes.is_empty()], |row| row.get(0)).optional()?;
        match node {
            Some(node) => nodes.push(NodeId::new(node)),
            None => return Ok(nodes),
        }
    }
}

/// Deletes at most `limit` open sessions of an app; answers their number.
pub(super) fn forget_sessions(connection: &Connection, app: &AppId, limit: usize) -> Result<usize, WorkError> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM open_sessions
         WHERE (node, session) IN (SELECT node, session FROM open_sessions WHERE app = ?1 LIMIT ?2)",
    )?;
    Ok(delete.execute(params![app.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)])?)
}

fn id(session: SessionId) -> i64 {
    i64::try_from(session.0).unwrap_or(i64::MAX)
}
