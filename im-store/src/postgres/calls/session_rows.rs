//! Rows of open sessions that are written with calls.

use std::collections::BTreeMap;

use hookd_im_core::ids::{AppId, NodeId, SessionId};
use hookd_im_core::store::{NewCall, OpenSession, SessionEntry, StoreError};
use tokio_postgres::types::ToSql;

use crate::postgres::columns::to_i64;
use crate::postgres::pool::Connection;

/// Changes of the open sessions of a node: of each session the last one counts.
#[derive(Default)]
pub(super) struct SessionRows {
    /// The call that is due when the node dies; `None`: the session has ended.
    sessions: BTreeMap<SessionId, Option<NewCall>>,
}

impl SessionRows {
    pub(super) fn add(&mut self, entry: SessionEntry) {
        match entry {
            SessionEntry::Opened(OpenSession { session, call_if_lost }) => {
                self.sessions.insert(session, Some(call_if_lost));
            }
            SessionEntry::Ended(session) => {
                self.sessions.insert(session, None);
            }
        }
    }

    /// Writes them, in the order of the sessions.
    pub(super) async fn write(&self, connection: &Connection, node: &NodeId, app: &AppId) -> Result<(), StoreError> {
        let (mut ended, mut opened) = (Vec::new(), Vec::new());
        for (session, call) in &self.sessions {
            // Sessions are counted from 1.
            let session = to_i64(session.0);
            match call {
                Some(call) => opened.push((session, call)),
                None => ended.push(session),
            }
        }
        if !opened.is_empty() {
            open(connection, node, app, &opened).await?;
        }
        if !ended.is_empty() {
            let sql = "DELETE FROM open_sessions WHERE node = $1 AND session = ANY ($2)";
            connection.execute_prepared(sql, &[&node.as_str(), &ended]).await?;
        }
        Ok(())
    }
}

async fn open(
    connection: &Connection,
    node: &NodeId,
    app: &AppId,
    opened: &[(i64, &NewCall)],
) -> Result<(), StoreError> {
    let calls = || opened.iter().map(|(_, call)| *call);
    let sessions: Vec<i64> = opened.iter().map(|(session, _)| *session).collect();
    let channels: Vec<&str> = calls().map(|call| call.channel.as_str()).collect();
    let targets: Vec<&str> = calls().map(|call| call.target.as_str()).collect();
    let payloads: Vec<&[u8]> = calls().map(|call| call.payload.as_ref()).collect();
    let order_keys: Vec<Option<&[u8]>> =
        calls().map(|call| call.order_key.as_ref().map(|key| key.as_str().as_bytes())).collect();
    let addresses: Vec<Option<String>> =
        calls().map(|call| call.remote_address.map(|address| address.to_string())).collect();
    let values: [&(dyn ToSql + Sync); 8] =
        [&node.as_str(), &app.as_str(), &sessions, &channels, &targets, &payloads, &order_keys, &addresses];
    connection.execute_prepared(OPEN, &values).await?;
    Ok(())
}

const OPEN: &str = "
    INSERT INTO open_sessions (node, app, session, channel, target, payload, order_key, remote_address)
    SELECT $1, $2, session, channel, target, payload, order_key, remote_address
    FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[])
        AS opened (session, channel, target, payload, order_key, remote_address)
    ON CONFLICT (node, session) DO UPDATE
    SET app = excluded.app,
        channel = excluded.channel,
        target = excluded.target,
        payload = excluded.payload,
        order_key = excluded.order_key,
        remote_address = excluded.remote_address";
