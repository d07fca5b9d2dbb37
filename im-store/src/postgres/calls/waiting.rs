//! Rows of the table of calls: adding and counting.

use std::collections::HashMap;

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, OrderKey};
use hookd_im_core::store::{Backlog, Call, CallFor, CallLimits, NewCall, StoreError, StoredCall};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::call_rules::Waiting;
use crate::postgres::columns::{column, text, to_i64, to_u64};
use crate::postgres::locks::{self, Lock};
use crate::postgres::pool::Connection;

/// Numbers are not left behind the time for longer than this, in milliseconds: they grow even if the database is replaced
/// by an older copy.
const NUMBERS_BEHIND: i64 = 60_000;

/// What may be added yet, of some apps. What others add at the same time is not seen: the limits may be exceeded by it.
#[derive(Default)]
pub(in crate::postgres) struct Room {
    waiting: HashMap<(AppId, Channel), Waiting>,
}

impl Room {
    /// As it is in these apps.
    pub(in crate::postgres) async fn of(connection: &Connection, apps: &[&str]) -> Result<Self, StoreError> {
        let rows = connection.rows(COUNTS, &[&apps]).await?;
        let counted = rows.iter().map(|row| {
            let key = (AppId::new(column::<String>(row, 0)?), Channel::new(column::<String>(row, 1)?));
            Ok((key, Waiting { calls: to_u64(column(row, 2)?), bytes: to_u64(column(row, 3)?) }))
        });
        Ok(Self { waiting: counted.collect::<Result<_, StoreError>>()? })
    }

    /// Takes the place of a call; false when there is none.
    pub(in crate::postgres) fn take(
        &mut self,
        app: &AppId,
        channel: &Channel,
        bytes: usize,
        limits: CallLimits,
    ) -> bool {
        let waiting = self.waiting.entry((app.clone(), channel.clone())).or_default();
        let with_one_more = waiting.with_one_more(bytes, limits);
        *waiting = with_one_more.unwrap_or(*waiting);
        with_one_more.is_some()
    }
}

const COUNTS: &str = "
    SELECT app, channel, sum(calls)::bigint, sum(bytes)::bigint
    FROM call_counts
    WHERE app = ANY ($1)
    GROUP BY app, channel";

/// Calls to be added, in the order of the numbers that they get.
#[derive(Default)]
pub(in crate::postgres) struct NewCalls {
    calls: Vec<(AppId, NewCall)>,
}

impl NewCalls {
    /// Adds the call of an operation, if it has one and there is room for it.
    pub(in crate::postgres) fn add_for<R>(
        &mut self,
        app: &AppId,
        call: Option<CallFor<R>>,
        committed: &R,
        room: &mut Room,
    ) -> StoredCall {
        let Some(CallFor { make, limits }) = call else { return StoredCall::None };
        let Some(call) = make(committed) else { return StoredCall::None };
        self.add_within(app, call, room, limits)
    }

    /// Adds a call if there is room for it.
    pub(in crate::postgres) fn add_within(
        &mut self,
        app: &AppId,
        call: NewCall,
        room: &mut Room,
        limits: CallLimits,
    ) -> StoredCall {
        if !room.take(app, &call.channel, call.payload.len(), limits) {
            return StoredCall::Full;
        }
        self.add(app.clone(), call);
        StoredCall::Queued
    }

    /// Adds a call whatever waits.
    pub(in crate::postgres) fn add(&mut self, app: AppId, call: NewCall) {
        self.calls.push((app, call));
    }

    /// Writes the rows, under the locks of their order keys.
    pub(in crate::postgres) async fn insert(&self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        if self.calls.is_empty() {
            return Ok(());
        }
        let keys =
            locks::numbers(self.calls.iter().filter_map(|(app, call)| {
                call.order_key.as_ref().map(|key| Lock::of_order_key(app, &call.channel, key))
            }));
        let calls = || self.calls.iter().map(|(_, call)| call);
        let apps: Vec<&str> = self.calls.iter().map(|(app, _)| app.as_str()).collect();
        let channels: Vec<&str> = calls().map(|call| call.channel.as_str()).collect();
        let targets: Vec<&str> = calls().map(|call| call.target.as_str()).collect();
        let payloads: Vec<&[u8]> = calls().map(|call| call.payload.as_ref()).collect();
        let order_keys: Vec<Option<&[u8]>> =
            calls().map(|call| call.order_key.as_ref().map(|key| key.as_str().as_bytes())).collect();
        let addresses: Vec<Option<String>> =
            calls().map(|call| call.remote_address.map(|address| address.to_string())).collect();
        let values: [&(dyn ToSql + Sync); 7] = [&apps, &channels, &targets, &payloads, &order_keys, &addresses, &now.0];
        connection.prepare_all(&[locks::TAKE, RAISE_NUMBERS, INSERT]).await?;
        // Sent in this order, without waiting for the answers: others wait for the locks.
        let locked: [&(dyn ToSql + Sync); 1] = [&keys];
        let least = now.0.saturating_sub(NUMBERS_BEHIND);
        let raised: [&(dyn ToSql + Sync); 3] = [&Lock::of_call_numbers().number(), &least, &now.0];
        tokio::try_join!(
            connection.execute_prepared(locks::TAKE, &locked),
            connection.execute_prepared(RAISE_NUMBERS, &raised),
            connection.execute_prepared(INSERT, &values),
        )?;
        Ok(())
    }
}

/// Of the lock, the number that must have been reached, and the one from which they go on otherwise.
pub(super) const RAISE_NUMBERS: &str = "SELECT raise_call_numbers($1, $2, $3)";

/// The first of a key is the one that finds no other, and stands before its neighbours of this statement.
const INSERT: &str = "
    INSERT INTO calls
        (app, channel, number, target, payload, order_key, remote_address, queued_at, due_at, attempts, is_first)
    SELECT
        app,
        channel,
        nextval('call_numbers'),
        target,
        payload,
        order_key,
        remote_address,
        $7,
        $7,
        0,
        order_key IS NULL OR (
            place = 1
            AND NOT EXISTS (
                SELECT 1
                FROM calls AS earlier
                WHERE earlier.app = new.app AND earlier.channel = new.channel AND earlier.order_key = new.order_key
            )
        )
    FROM (
        SELECT *, row_number() OVER (PARTITION BY app, channel, order_key ORDER BY position) AS place
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::text[]) WITH ORDINALITY
            AS given (app, channel, target, payload, order_key, remote_address, position)
        ORDER BY position
    ) AS new";

/// Finds the first calls of order keys again, of which others have left or come back.
pub(super) async fn put_in_order(
    connection: &Connection,
    app: &AppId,
    channel: &Channel,
    keys: &[&[u8]],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &channel.as_str(), &keys];
    connection.execute_prepared(NOT_FIRST, &values).await?;
    connection.execute_prepared(FIRST, &values).await?;
    Ok(())
}

/// Each key has one that is the first.
const NOT_FIRST: &str = "
    UPDATE calls
    SET is_first = false
    WHERE app = $1 AND channel = $2 AND order_key = ANY ($3) AND is_first";

const FIRST: &str = "
    WITH earliest AS MATERIALIZED (
        SELECT first.number
        FROM unnest($3::bytea[]) AS keys (key)
        CROSS JOIN LATERAL (
            SELECT number
            FROM calls
            WHERE app = $1 AND channel = $2 AND order_key = keys.key
            ORDER BY number
            LIMIT 1
        ) AS first
    )
    UPDATE calls
    SET is_first = true
    FROM earliest
    WHERE calls.app = $1 AND calls.channel = $2 AND calls.number = earliest.number AND NOT calls.is_first";

pub(super) async fn backlog(connection: &Connection) -> Result<Vec<Backlog>, StoreError> {
    let rows = connection.rows(BACKLOG, &[]).await?;
    let backlog = rows.iter().map(|row| {
        Ok(Backlog {
            app: AppId::new(column::<String>(row, 0)?),
            channel: Channel::new(column::<String>(row, 1)?),
            waiting: to_u64(column(row, 2)?),
            oldest: Timestamp(column(row, 3)?),
        })
    });
    backlog.collect()
}

/// A million calls are counted in as many steps as ten.
const BACKLOG: &str = "
    SELECT app, channel, calls, oldest.queued_at
    FROM (
        SELECT app, channel, sum(calls)::bigint AS calls
        FROM call_counts
        GROUP BY app, channel
        HAVING sum(calls) > 0
    ) AS counted
    CROSS JOIN LATERAL (
        SELECT queued_at
        FROM calls
        WHERE calls.app = counted.app AND calls.channel = counted.channel AND queued_at >= 0
        ORDER BY queued_at
        LIMIT 1
    ) AS oldest";

/// The columns of [`read_call`], in its order; the table is named `calls`.
pub(super) const COLUMNS: &str = "
    calls.number,
    calls.target,
    calls.order_key,
    calls.payload,
    calls.remote_address,
    calls.queued_at,
    calls.attempts";

pub(super) fn read_call(row: &Row) -> Result<Call, StoreError> {
    let number: i64 = column(row, 0)?;
    let order_key: Option<Vec<u8>> = column(row, 2)?;
    let remote_address: Option<String> = column(row, 4)?;
    Ok(Call {
        number: to_u64(number),
        target: column(row, 1)?,
        order_key: order_key.map(|key| text(key, "calls", &number)).transpose()?.map(OrderKey::new),
        payload: Bytes::from(column::<Vec<u8>>(row, 3)?),
        // An address that cannot be read is only left out of a header.
        remote_address: remote_address.and_then(|address| address.parse().ok()),
        queued_at: Timestamp(column(row, 5)?),
        attempts: u32::try_from(column::<i32>(row, 6)?).unwrap_or(0),
    })
}

/// Calls in numbers, as the database keeps them.
pub(super) fn numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<i64> {
    numbers.into_iter().map(to_i64).collect()
}
