//! Calls of another table of calls.

use std::collections::BTreeMap;

use hookd_im_core::ids::{AppId, Channel};
use hookd_im_core::store::{ImportedCall, StoreError};
use tokio_postgres::types::ToSql;

use super::waiting::{self, RAISE_NUMBERS};
use crate::call_rules::Imported;
use crate::postgres::columns::to_i64;
use crate::postgres::locks::{self, Lock};
use crate::postgres::pool::Connection;

/// How far the numbers go at least beyond those of imported calls.
const NUMBERS_BEYOND: i64 = 1_000;

/// How far they go where they have not come there: others may take numbers at the same time.
const NUMBERS_AHEAD: i64 = 1_000_000;

/// Adds calls and dead letters with their numbers, but for those whose numbers are there.
pub(super) async fn import(connection: &Connection, app: &AppId, rows: &[ImportedCall]) -> Result<(), StoreError> {
    let imported = Imported::of(rows);
    let mut keys: BTreeMap<&Channel, Vec<&[u8]>> = BTreeMap::new();
    let mut locks = Vec::new();
    for (row, _) in &imported.calls {
        if let Some(key) = &row.call.order_key {
            keys.entry(&row.channel).or_default().push(key.as_str().as_bytes());
            locks.push(Lock::of_order_key(app, &row.channel, key));
        }
    }
    locks::take(connection, locks).await?;
    let highest = to_i64(imported.highest);
    let (least, target) = (highest.saturating_add(NUMBERS_BEYOND), highest.saturating_add(NUMBERS_AHEAD));
    connection.execute_prepared(RAISE_NUMBERS, &[&Lock::of_call_numbers().number(), &least, &target]).await?;
    add_letters(connection, app, &imported).await?;
    add_calls(connection, app, &imported).await?;
    for (channel, keys) in keys {
        waiting::put_in_order(connection, app, channel, &keys).await?;
    }
    Ok(())
}

/// What calls and dead letters have in common, by column.
struct Columns<'a> {
    channels: Vec<&'a str>,
    numbers: Vec<i64>,
    targets: Vec<&'a str>,
    payloads: Vec<&'a [u8]>,
    order_keys: Vec<Option<&'a [u8]>>,
    addresses: Vec<Option<String>>,
    queued_at: Vec<i64>,
    attempts: Vec<i32>,
}

impl<'a> Columns<'a> {
    fn of<T>(rows: &'a [(&'a ImportedCall, T)]) -> Self {
        let calls = || rows.iter().map(|(row, _)| &row.call);
        Self {
            channels: rows.iter().map(|(row, _)| row.channel.as_str()).collect(),
            numbers: calls().map(|call| to_i64(call.number)).collect(),
            targets: calls().map(|call| call.target.as_str()).collect(),
            payloads: calls().map(|call| call.payload.as_ref()).collect(),
            order_keys: calls().map(|call| call.order_key.as_ref().map(|key| key.as_str().as_bytes())).collect(),
            addresses: calls().map(|call| call.remote_address.map(|address| address.to_string())).collect(),
            queued_at: calls().map(|call| call.queued_at.0).collect(),
            attempts: calls().map(|call| i32::try_from(call.attempts).unwrap_or(i32::MAX)).collect(),
        }
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.channels,
            &self.numbers,
            &self.targets,
            &self.payloads,
            &self.order_keys,
            &self.addresses,
            &self.queued_at,
            &self.attempts,
        ]
    }
}

async fn add_calls(connection: &Connection, app: &AppId, imported: &Imported<'_>) -> Result<(), StoreError> {
    if imported.calls.is_empty() {
        return Ok(());
    }
    let due_at: Vec<i64> = imported.calls.iter().map(|(_, due_at)| due_at.0).collect();
    let app = app.as_str();
    let (first, last): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 1]) = ([&app], [&due_at]);
    let columns = Columns::of(&imported.calls);
    let values = [first.as_slice(), &columns.values(), &last].concat();
    connection.execute_prepared(ADD_CALLS, &values).await?;
    Ok(())
}

async fn add_letters(connection: &Connection, app: &AppId, imported: &Imported<'_>) -> Result<(), StoreError> {
    if imported.letters.is_empty() {
        return Ok(());
    }
    let deaths = || imported.letters.iter().map(|(_, death)| death);
    let causes: Vec<&str> = deaths().map(|death| death.cause).collect();
    let reasons: Vec<&[u8]> = deaths().map(|death| death.reason.as_bytes()).collect();
    let died_at: Vec<i64> = deaths().map(|death| death.died_at.0).collect();
    let app = app.as_str();
    let (first, last): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 3]) = ([&app], [&causes, &reasons, &died_at]);
    let columns = Columns::of(&imported.letters);
    let values = [first.as_slice(), &columns.values(), &last].concat();
    connection.execute_prepared(ADD_LETTERS, &values).await?;
    Ok(())
}

/// With an order key one becomes the first when the keys are put in order.
const ADD_CALLS: &str = "
    INSERT INTO calls
        (app, channel, number, target, payload, order_key, remote_address, queued_at, attempts, due_at, is_first)
    SELECT $1, new.*, order_key IS NULL
    FROM unnest(
        $2::text[],
        $3::bigint[],
        $4::text[],
        $5::bytea[],
        $6::bytea[],
        $7::text[],
        $8::bigint[],
        $9::integer[],
        $10::bigint[]
    ) AS new (channel, number, target, payload, order_key, remote_address, queued_at, attempts, due_at)
    WHERE NOT EXISTS (
        SELECT 1
        FROM dead_letters
        WHERE dead_letters.app = $1
            AND dead_letters.channel = new.channel
            AND dead_letters.number = new.number
    )
    ON CONFLICT (app, channel, number) DO NOTHING";

const ADD_LETTERS: &str = "
    INSERT INTO dead_letters (
        app, channel, number, target, payload, order_key, remote_address, queued_at, attempts, cause, reason, died_at
    )
    SELECT $1, new.*
    FROM unnest(
        $2::text[],
        $3::bigint[],
        $4::text[],
        $5::bytea[],
        $6::bytea[],
        $7::text[],
        $8::bigint[],
        $9::integer[],
        $10::text[],
        $11::bytea[],
        $12::bigint[]
    ) AS new (
        channel, number, target, payload, order_key, remote_address, queued_at, attempts, cause, reason, died_at
    )
    WHERE NOT EXISTS (
        SELECT 1
        FROM calls
        WHERE calls.app = $1 AND calls.channel = new.channel AND calls.number = new.number
    )
    ON CONFLICT (app, channel, number) DO NOTHING";
