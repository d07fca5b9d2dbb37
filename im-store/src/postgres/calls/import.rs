//! Calls of another table of calls.

use hookd_im_core::ids::AppId;
use hookd_im_core::store::{ImportedCall, StoreError};
use tokio_postgres::types::ToSql;

use super::waiting;
use crate::postgres::columns::to_i64;
use crate::postgres::locks::{self, Lock};
use crate::postgres::pool::Connection;

/// Adds calls and dead letters with their numbers, but for those whose numbers are there.
pub(super) async fn import(connection: &Connection, app: &AppId, imported: &[ImportedCall]) -> Result<(), StoreError> {
    let keys = imported
        .iter()
        .filter_map(|one| one.call.order_key.as_ref().map(|key| Lock::of_order_key(app, &one.channel, key)));
    locks::take(connection, keys).await?;
    let highest = imported.iter().map(|one| to_i64(one.call.number)).max().unwrap_or(0);
    connection.execute_prepared(NUMBERS_AFTER, &[&highest]).await?;
    for one in imported {
        add(connection, app, one).await?;
        if let Some(key) = &one.call.order_key {
            waiting::put_in_order(connection, app, &one.channel, &[key.as_str().as_bytes()]).await?;
        }
    }
    Ok(())
}

async fn add(connection: &Connection, app: &AppId, one: &ImportedCall) -> Result<(), StoreError> {
    let ImportedCall { channel, call, due_at, death } = one;
    let (app, channel, number) = (app.as_str(), channel.as_str(), to_i64(call.number));
    let order_key = call.order_key.as_ref().map(|key| key.as_str().as_bytes());
    let remote_address = call.remote_address.map(|address| address.to_string());
    let (payload, attempts) = (call.payload.as_ref(), i32::try_from(call.attempts).unwrap_or(i32::MAX));
    let common: [&(dyn ToSql + Sync); 9] =
        [&app, &channel, &number, &call.target, &payload, &order_key, &remote_address, &call.queued_at.0, &attempts];
    match death {
        None => {
            let due_at: [&(dyn ToSql + Sync); 1] = [&due_at.0];
            connection.execute_prepared(ADD_CALL, &[common.as_slice(), &due_at].concat()).await?;
        }
        Some((cause, reason, died_at)) => {
            let reason = reason.as_bytes();
            let death: [&(dyn ToSql + Sync); 3] = [cause, &reason, &died_at.0];
            connection.execute_prepared(ADD_LETTER, &[common.as_slice(), &death].concat()).await?;
        }
    }
    Ok(())
}

/// Others may take numbers at the same time: only a step ahead is made.
const NUMBERS_AFTER: &str = "
    SELECT setval('call_numbers', $1::bigint + 1000000)
    FROM call_numbers
    WHERE last_value <= $1 + 1000";

/// With an order key it becomes the first when the keys are put in order.
const ADD_CALL: &str = "
    INSERT INTO calls
        (app, channel, number, target, payload, order_key, remote_address, queued_at, attempts, due_at, is_first)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $6::bytea IS NULL
    WHERE NOT EXISTS (SELECT 1 FROM dead_letters WHERE app = $1 AND channel = $2 AND number = $3)
    ON CONFLICT (app, channel, number) DO NOTHING";

const ADD_LETTER: &str = "
    INSERT INTO dead_letters (
        app,
        channel,
        number,
        target,
        payload,
        order_key,
        remote_address,
        queued_at,
        attempts,
        cause,
        reason,
        died_at
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    WHERE NOT EXISTS (SELECT 1 FROM calls WHERE app = $1 AND channel = $2 AND number = $3)
    ON CONFLICT (app, channel, number) DO NOTHING";
