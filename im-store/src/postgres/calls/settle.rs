//! How attempts at calls ended.

use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey};
use hookd_im_core::store::{CallOutcome, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::dead_letters;
use super::waiting;
use crate::postgres::columns::{column, text, to_i64};
use crate::postgres::locks::{self, Lock};
use crate::postgres::pool::Connection;

/// Outcomes, by kind.
#[derive(Default)]
struct Outcomes {
    done: Vec<i64>,
    again: Vec<(i64, i64)>,
    dead: Vec<(i64, String, String)>,
}

impl Outcomes {
    fn of(settled: Vec<(u64, CallOutcome)>) -> Self {
        let mut outcomes = Self::default();
        for (number, outcome) in settled {
            let number = to_i64(number);
            match outcome {
                CallOutcome::Done => outcomes.done.push(number),
                CallOutcome::Again { at } => outcomes.again.push((number, at.0)),
                CallOutcome::Dead { cause, reason } => outcomes.dead.push((number, cause, reason)),
            }
        }
        outcomes
    }

    /// Of calls that leave the table.
    fn leaving(&self) -> Vec<i64> {
        self.done.iter().copied().chain(self.dead.iter().map(|(number, _, _)| *number)).collect()
    }
}

/// Writes outcomes of calls that the node holds; answers the number of deleted dead letters.
pub(super) async fn settle(
    connection: &Connection,
    (node, app, channel): &(NodeId, AppId, Channel),
    settled: Vec<(u64, CallOutcome)>,
    dead_letter_limit: usize,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let outcomes = Outcomes::of(settled);
    let leaving = outcomes.leaving();
    let keys = lock_order_keys(connection, (app, channel), &leaving).await?;
    let of_node = (node.as_str(), app.as_str(), channel.as_str());
    let mut deleted = 0;
    // Before calls are deleted: letters are counted before calls.
    if !outcomes.dead.is_empty() {
        dead_letters::add(connection, of_node, &outcomes.dead, now).await?;
        deleted = dead_letters::prune(connection, app, dead_letter_limit).await?;
    }
    delete(connection, of_node, &leaving).await?;
    postpone(connection, of_node, &outcomes.again).await?;
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    waiting::put_in_order(connection, app, channel, &keys).await?;
    Ok(deleted)
}

/// Answers the keys, under whose locks the next calls become the first ones.
async fn lock_order_keys(
    connection: &Connection,
    (app, channel): (&AppId, &Channel),
    numbers: &[i64],
) -> Result<Vec<Vec<u8>>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "
        SELECT DISTINCT order_key
        FROM calls
        WHERE app = $1 AND channel = $2 AND number = ANY ($3) AND order_key IS NOT NULL";
    let rows = connection.rows(sql, &[&app.as_str(), &channel.as_str(), &numbers]).await?;
    let keys = rows.iter().map(|row| column::<Vec<u8>>(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let mut taken = Vec::with_capacity(keys.len());
    for key in &keys {
        let key = OrderKey::new(text(key.clone(), "calls", channel)?);
        taken.push(Lock::of_order_key(app, channel, &key));
    }
    locks::take(connection, taken).await?;
    Ok(keys)
}

async fn delete(
    connection: &Connection,
    (node, app, channel): (&str, &str, &str),
    numbers: &[i64],
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM calls WHERE node = $1 AND app = $2 AND channel = $3 AND number = ANY ($4)";
    connection.execute_prepared(sql, &[&node, &app, &channel, &numbers]).await?;
    Ok(())
}

async fn postpone(
    connection: &Connection,
    (node, app, channel): (&str, &str, &str),
    again: &[(i64, i64)],
) -> Result<(), StoreError> {
    if again.is_empty() {
        return Ok(());
    }
    let (numbers, times): (Vec<i64>, Vec<i64>) = again.iter().copied().unzip();
    let sql = "
        UPDATE calls
        SET attempts = attempts + 1, due_at = again.due_at, node = NULL
        FROM unnest($4::bigint[], $5::bigint[]) AS again (number, due_at)
        WHERE calls.node = $1 AND calls.app = $2 AND calls.channel = $3 AND calls.number = again.number";
    connection.execute_prepared(sql, &[&node, &app, &channel, &numbers, &times]).await?;
    Ok(())
}
