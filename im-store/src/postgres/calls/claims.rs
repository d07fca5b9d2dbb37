//! Which node makes which calls.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hookd_im_core::ids::{AppId, Channel, NodeId};
use hookd_im_core::store::{Call, Claimed, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::waiting::{self, COLUMNS};
use crate::call_rules::{BROUGHT_FORWARD_AT_ONCE, horizon};
use crate::postgres::columns::{column, to_i64};
use crate::postgres::error::store_error;
use crate::postgres::pool::Connection;

/// The calls of a channel that a node of this process holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::postgres) struct Held {
    numbers: HashSet<u64>,
    /// The database may know of more: an answer of it was lost.
    is_doubtful: bool,
}

/// What the nodes of this process hold.
#[derive(Default)]
pub(in crate::postgres) struct HeldCalls {
    of_channels: Mutex<HashMap<(NodeId, AppId, Channel), Held>>,
}

impl HeldCalls {
    fn lock(&self) -> MutexGuard<'_, HashMap<(NodeId, AppId, Channel), Held>> {
        self.of_channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers to be kept, where the database may know of more.
    pub(in crate::postgres) fn doubtful(&self, key: &(NodeId, AppId, Channel)) -> Option<Vec<u64>> {
        let held = self.lock();
        let held = held.get(key).filter(|held| held.is_doubtful)?;
        Some(held.numbers.iter().copied().collect())
    }

    /// The database knows of those only that are known here.
    pub(in crate::postgres) fn is_cleared(&self, key: &(NodeId, AppId, Channel)) {
        self.change(key, |held| held.is_doubtful = false);
    }

    /// An answer of the database about this channel is lost.
    pub(in crate::postgres) fn doubt(&self, key: &(NodeId, AppId, Channel)) {
        self.change(key, |held| held.is_doubtful = true);
    }

    pub(in crate::postgres) fn take(&self, key: &(NodeId, AppId, Channel), calls: &[Call]) {
        self.change(key, |held| held.numbers.extend(calls.iter().map(|call| call.number)));
    }

    pub(in crate::postgres) fn let_go(&self, key: &(NodeId, AppId, Channel), numbers: impl Iterator<Item = u64>) {
        self.change(key, |held| {
            for number in numbers {
                held.numbers.remove(&number);
            }
        });
    }

    /// Nothing of a forgotten app is held.
    pub(in crate::postgres) fn forget_app(&self, app: &AppId) {
        self.lock().retain(|(_, of_app, _), _| of_app != app);
    }

    /// Nothing of a node that has ended is held.
    pub(in crate::postgres) fn forget_node(&self, node: &NodeId) {
        self.lock().retain(|(of_node, _, _), _| of_node != node);
    }

    fn change(&self, key: &(NodeId, AppId, Channel), change: impl FnOnce(&mut Held)) {
        let mut all = self.lock();
        let held = all.entry(key.clone()).or_default();
        change(held);
        if *held == Held::default() {
            all.remove(key);
        }
    }
}

/// Takes calls that are due. `kept` are the numbers that the node holds, if the database may know of more.
pub(super) async fn claim(
    connection: &Connection,
    (node, app, channel): &(NodeId, AppId, Channel),
    limit: usize,
    kept: Option<Vec<u64>>,
    now: Timestamp,
) -> Result<Claimed, StoreError> {
    let (node, app, channel) = (node.as_str(), app.as_str(), channel.as_str());
    if let Some(kept) = kept {
        connection.execute_prepared(LET_GO_OTHERS, &[&node, &app, &channel, &waiting::numbers(kept)]).await?;
    }
    // A claim that is lost with the server is made once more.
    connection.batch_execute("SET LOCAL synchronous_commit = off").await.map_err(store_error)?;
    let far = horizon(now);
    let row = connection.row(LATEST_DUE, &[&app, &channel]).await?;
    if row.map(|row| column::<i64>(&row, 0)).transpose()?.is_some_and(|latest| latest > far) {
        let brought = connection
            .execute_prepared(BRING_FORWARD, &[&app, &channel, &now.0, &far, &BROUGHT_FORWARD_AT_ONCE])
            .await?;
        tracing::warn!(app, calls = brought, "the clock was set back: calls that waited for its return are made now");
    }
    let claim = format!("{CLAIM} {COLUMNS}");
    let rows = connection.rows(&claim, &[&node, &app, &channel, &now.0, &to_i64(limit)]).await?;
    let mut calls = rows.iter().map(waiting::read_call).collect::<Result<Vec<_>, _>>()?;
    calls.sort_unstable_by_key(|call| call.number);
    let next = connection.row(NEXT_DUE, &[&app, &channel, &now.0]).await?;
    Ok(Claimed { calls, next: next.map(|row| column(&row, 0)).transpose()?.map(Timestamp) })
}

const LET_GO_OTHERS: &str = "
    UPDATE calls
    SET node = NULL
    WHERE node = $1 AND app = $2 AND channel = $3 AND NOT number = ANY ($4)";

const LATEST_DUE: &str = "
    SELECT due_at
    FROM calls
    WHERE app = $1 AND channel = $2 AND is_first AND node IS NULL
    ORDER BY due_at DESC
    LIMIT 1";

const BRING_FORWARD: &str = "
    WITH late AS MATERIALIZED (
        SELECT number
        FROM calls
        WHERE app = $1 AND channel = $2 AND is_first AND node IS NULL AND due_at > $4
        ORDER BY due_at, number
        LIMIT $5
        FOR UPDATE SKIP LOCKED
    )
    UPDATE calls
    SET due_at = $3
    FROM late
    WHERE calls.app = $1 AND calls.channel = $2 AND calls.number = late.number";

/// Rows that another node is about to claim are passed over. An older call may have come back before one that runs.
const CLAIM: &str = "
    WITH due AS MATERIALIZED (
        SELECT number
        FROM calls
        WHERE app = $2 AND channel = $3 AND is_first AND node IS NULL AND due_at <= $4
            AND (order_key IS NULL OR NOT EXISTS (
                SELECT 1
                FROM calls AS running
                WHERE running.app = $2 AND running.channel = $3 AND running.order_key = calls.order_key
                    AND running.node IS NOT NULL
            ))
        ORDER BY due_at, number
        LIMIT $5
        FOR UPDATE SKIP LOCKED
    )
    UPDATE calls
    SET node = $1
    FROM due
    WHERE calls.app = $2 AND calls.channel = $3 AND calls.number = due.number
    RETURNING";

const NEXT_DUE: &str = "
    SELECT due_at
    FROM calls
    WHERE app = $1 AND channel = $2 AND is_first AND node IS NULL AND due_at > $3
    ORDER BY due_at
    LIMIT 1";

/// Lets other nodes, or the same one, claim calls again.
pub(super) async fn give_back(
    connection: &Connection,
    (node, app, channel): &(NodeId, AppId, Channel),
    numbers: &[i64],
) -> Result<(), StoreError> {
    let sql = "UPDATE calls SET node = NULL WHERE node = $1 AND app = $2 AND channel = $3 AND number = ANY ($4)";
    connection.execute_prepared(sql, &[&node.as_str(), &app.as_str(), &channel.as_str(), &numbers]).await?;
    Ok(())
}
