//! Rows of calls that were given up.

use std::collections::BTreeMap;

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, OrderKey};
use hookd_im_core::store::{CallLimits, DeadLetter, DeadLetterFilter, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::waiting::{self, Room};
use crate::call_rules::{PRUNED_AT_ONCE, pruned_now};
use crate::postgres::columns::{column, is_storable, text, to_i64, to_u64};
use crate::postgres::locks::{self, Lock};
use crate::postgres::pool::Connection;

/// Makes letters of calls that the node holds, of number, cause and reason. The rows of the calls stay, locked.
pub(super) async fn add(
    connection: &Connection,
    (node, app, channel): (&str, &str, &str),
    dead: &[(i64, String, String)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = dead.iter().map(|(number, _, _)| *number).collect();
    let causes: Vec<&str> = dead.iter().map(|(_, cause, _)| cause.as_str()).collect();
    let reasons: Vec<&[u8]> = dead.iter().map(|(_, _, reason)| reason.as_bytes()).collect();
    connection.execute_prepared(BURY, &[&node, &app, &channel, &numbers, &causes, &reasons, &now.0]).await?;
    Ok(())
}

const BURY: &str = "
    INSERT INTO dead_letters (
        app, channel, number, target, payload, order_key, remote_address, queued_at, died_at, attempts, cause, reason
    )
    SELECT
        app, channel, number, target, payload, order_key, remote_address, queued_at, $7, attempts + 1, cause, reason
    FROM calls
    JOIN unnest($4::bigint[], $5::text[], $6::bytea[]) AS death (dead, cause, reason) ON dead = number
    WHERE node = $1 AND app = $2 AND channel = $3 AND number = ANY ($4)
    FOR UPDATE OF calls
    ON CONFLICT (app, channel, number) DO UPDATE
    SET died_at = excluded.died_at,
        attempts = excluded.attempts,
        cause = excluded.cause,
        reason = excluded.reason";

/// Keeps the newest `limit`, after a while; answers how many went. Those that are being retried are passed over.
pub(super) async fn prune(connection: &Connection, app: &AppId, limit: usize) -> Result<usize, StoreError> {
    let sql = "SELECT sum(letters)::bigint FROM dead_letter_counts WHERE app = $1";
    let row = connection.row(sql, &[&app.as_str()]).await?;
    let letters = row.map(|row| column::<Option<i64>>(&row, 0)).transpose()?.flatten();
    let Some(beyond) = pruned_now(letters.unwrap_or(0), limit) else { return Ok(0) };
    let prune = format!("{PRUNE_BEGIN} {PRUNED_AT_ONCE} {PRUNE_END}");
    let pruned = connection.execute_prepared(&prune, &[&app.as_str(), &beyond]).await?;
    Ok(usize::try_from(pruned).unwrap_or(usize::MAX))
}

/// The limit inside is no parameter: the planner must know that a few rows are read.
const PRUNE_BEGIN: &str = "
    WITH oldest AS MATERIALIZED (
        SELECT channel, number
        FROM (
            SELECT channel, number
            FROM dead_letters
            WHERE app = $1
            ORDER BY died_at, number, channel
            LIMIT";

const PRUNE_END: &str = "
            FOR UPDATE SKIP LOCKED
        ) AS old
        LIMIT $2
    )
    DELETE FROM dead_letters
    USING oldest
    WHERE dead_letters.app = $1 AND dead_letters.channel = oldest.channel AND dead_letters.number = oldest.number";

/// A selection as the statements below take it: the first three of their values.
struct Selection<'a> {
    numbers: Option<Vec<i64>>,
    target: Option<&'a str>,
}

impl<'a> Selection<'a> {
    fn of(filter: &'a DeadLetterFilter) -> Self {
        match filter {
            DeadLetterFilter::Numbers(numbers) => {
                Self { numbers: Some(waiting::numbers(numbers.iter().copied())), target: None }
            }
            DeadLetterFilter::All { target: None } => Self { numbers: None, target: None },
            // No letter has a target that cannot be stored.
            DeadLetterFilter::All { target: Some(target) } if !is_storable(target) => {
                Self { numbers: Some(Vec::new()), target: None }
            }
            DeadLetterFilter::All { target: Some(target) } => Self { numbers: None, target: Some(target) },
        }
    }

    /// Each kind of selection has a plan of its own.
    fn condition(&self) -> &'static str {
        match self {
            Self { numbers: Some(_), .. } => "app = $1 AND number = ANY ($2) AND $3::text IS NULL",
            Self { target: Some(_), .. } => "app = $1 AND $2::bigint[] IS NULL AND target = $3",
            Self { .. } => "app = $1 AND $2::bigint[] IS NULL AND $3::text IS NULL",
        }
    }
}

pub(super) async fn list(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    limit: usize,
    with_payload: bool,
) -> Result<Vec<DeadLetter>, StoreError> {
    let selection = Selection::of(filter);
    let shown = if with_payload { "payload" } else { "NULL::bytea" };
    let sql = format!(
        "SELECT number, channel, target, cause, reason, attempts, queued_at, died_at, {shown}
         FROM dead_letters
         WHERE {}
         ORDER BY died_at DESC, number DESC, channel DESC
         LIMIT $4",
        selection.condition()
    );
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&app.as_str(), &selection.numbers, &selection.target, &to_i64(limit)];
    let rows = connection.rows(&sql, &values).await?;
    let letters = rows.iter().map(|row| {
        let number: i64 = column(row, 0)?;
        Ok(DeadLetter {
            number: to_u64(number),
            channel: Channel::new(column::<String>(row, 1)?),
            target: column(row, 2)?,
            cause: column(row, 3)?,
            reason: text(column(row, 4)?, "dead_letters", &number)?,
            attempts: u32::try_from(column::<i32>(row, 5)?).unwrap_or(0),
            queued_at: Timestamp(column(row, 6)?),
            died_at: Timestamp(column(row, 7)?),
            payload: column::<Option<Vec<u8>>>(row, 8)?.map(Bytes::from),
        })
    });
    letters.collect()
}

/// Where a walk over letters stands: by time of death, number and channel.
pub(super) type Place = (i64, i64, String);

/// Some letters that became calls again.
pub(super) struct Retried {
    /// Their number.
    pub(super) added: usize,
    /// The last one that was looked at; `None` when there are no more.
    pub(super) last: Option<Place>,
}

struct Letter {
    place: Place,
    order_key: Option<Vec<u8>>,
    payload_bytes: usize,
}

/// Makes calls of at most `count` letters, the oldest of those after `after`.
pub(super) async fn retry(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    limits: CallLimits,
    (after, count): (Option<Place>, usize),
    now: Timestamp,
) -> Result<Retried, StoreError> {
    let letters = next_letters(connection, app, filter, (after, count)).await?;
    let last = letters.last().map(|letter| letter.place.clone());
    let mut room = Room::of(connection, &[app.as_str()]).await?;
    // In the order in which the rows of counts are locked.
    let mut of_channels: BTreeMap<Channel, Vec<Letter>> = BTreeMap::new();
    for letter in letters {
        let channel = Channel::new(letter.place.2.as_str());
        if !room.take(app, &channel, letter.payload_bytes, limits) {
            continue;
        }
        of_channels.entry(channel).or_default().push(letter);
    }
    let mut keys = Vec::new();
    for (channel, letters) in &of_channels {
        for key in letters.iter().filter_map(|letter| letter.order_key.clone()) {
            let key = OrderKey::new(text(key, "dead_letters", channel)?);
            keys.push(Lock::of_order_key(app, channel, &key));
        }
    }
    locks::take(connection, keys).await?;
    let mut added = 0;
    for (channel, letters) in of_channels {
        let numbers: Vec<i64> = letters.iter().map(|letter| letter.place.1).collect();
        added += connection.execute_prepared(RETRY, &[&app.as_str(), &channel.as_str(), &numbers, &now.0]).await?;
        let keys: Vec<&[u8]> = letters.iter().filter_map(|letter| letter.order_key.as_deref()).collect();
        waiting::put_in_order(connection, app, &channel, &keys).await?;
    }
    Ok(Retried { added: usize::try_from(added).unwrap_or(usize::MAX), last })
}

/// Locked, so that another one who retries them too finds them gone.
async fn next_letters(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    (after, count): (Option<Place>, usize),
) -> Result<Vec<Letter>, StoreError> {
    let selection = Selection::of(filter);
    let (died_at, number, channel) = after.unwrap_or((i64::MIN, i64::MIN, String::new()));
    let sql = format!(
        "SELECT died_at, number, channel, order_key, octet_length(payload)
         FROM dead_letters
         WHERE {} AND (died_at, number, channel) > ($4, $5, $6)
         ORDER BY died_at, number, channel
         LIMIT $7
         FOR UPDATE",
        selection.condition()
    );
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&app.as_str(), &selection.numbers, &selection.target, &died_at, &number, &channel, &to_i64(count)];
    let rows = connection.rows(&sql, &values).await?;
    let letters = rows.iter().map(|row| {
        Ok(Letter {
            place: (column(row, 0)?, column(row, 1)?, column(row, 2)?),
            order_key: column(row, 3)?,
            payload_bytes: usize::try_from(column::<i32>(row, 4)?).unwrap_or(0),
        })
    });
    letters.collect()
}

/// With an order key they become the first when the keys are put in order.
const RETRY: &str = "
    WITH gone AS (
        DELETE FROM dead_letters
        WHERE app = $1 AND channel = $2 AND number = ANY ($3)
        RETURNING *
    )
    INSERT INTO calls
        (app, channel, number, target, payload, order_key, remote_address, queued_at, due_at, attempts, is_first)
    SELECT app, channel, number, target, payload, order_key, remote_address, $4, $4, 0, order_key IS NULL
    FROM gone
    ON CONFLICT (app, channel, number) DO NOTHING";

/// Deletes at most `count` letters.
pub(super) async fn discard(
    connection: &Connection,
    app: &AppId,
    filter: &DeadLetterFilter,
    count: usize,
) -> Result<usize, StoreError> {
    let selection = Selection::of(filter);
    let sql = format!(
        "WITH discarded AS MATERIALIZED (
             SELECT channel, number
             FROM dead_letters
             WHERE {}
             ORDER BY died_at, number, channel
             LIMIT $4
             FOR UPDATE
         )
         DELETE FROM dead_letters
         USING discarded
         WHERE dead_letters.app = $1
             AND dead_letters.channel = discarded.channel
             AND dead_letters.number = discarded.number",
        selection.condition()
    );
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&app.as_str(), &selection.numbers, &selection.target, &to_i64(count)];
    let discarded = connection.execute_prepared(&sql, &values).await?;
    Ok(usize::try_from(discarded).unwrap_or(usize::MAX))
}
