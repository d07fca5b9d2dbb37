//! Rows of hook calls that no worker would ever claim: of hooks that this program does not know, or due in a far
//! future.

use hookd_im_core::hooks::metrics;
use hookd_im_core::hooks::queue::{Channel, LONGEST_WAIT, UNREADABLE, hook_named};
use hookd_im_core::ids::AppId;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::error::WorkError;
use super::outbox::OUTBOX;

/// Calls that are brought forward at once. Those that stay are brought forward with the next claim.
const CALLS_AT_ONCE: i64 = 500;

/// Makes dead letters of the calls of unknown hooks, which another program wrote, and puts the others where this program
/// looks for them.
pub(super) fn sort_out(connection: &Connection, now: Timestamp) -> Result<(), WorkError> {
    let mut kinds = connection.prepare("SELECT DISTINCT hook, channel FROM hook_calls")?;
    let kinds = kinds
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for (hook, channel) in kinds {
        match hook_named(&hook) {
            None => bury(connection, &hook, now)?,
            Some(known) if ![Channel::of(known).name(), OUTBOX].contains(&channel.as_str()) => {
                connection.execute(
                    "UPDATE hook_calls SET channel = ?3 WHERE hook = ?1 AND channel = ?2",
                    params![hook, channel, Channel::of(known).name()],
                )?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn bury(connection: &Connection, hook: &str, now: Timestamp) -> Result<(), WorkError> {
    let reason = format!("the hook `{hook}` is unknown: use a newer program, then retry");
    connection.execute(
        "INSERT INTO dead_letters
             (id, app, hook, params, lane, remote_address, queued_at, died_at, attempts, cause, reason)
         SELECT id, app, hook, params, lane, remote_address, queued_at, ?2, attempts, ?3, ?4
         FROM hook_calls
         WHERE hook = ?1
         ON CONFLICT (id) DO UPDATE SET died_at = excluded.died_at, cause = excluded.cause, reason = excluded.reason",
        params![hook, now.0, UNREADABLE, reason],
    )?;
    let calls = connection.execute("DELETE FROM hook_calls WHERE hook = ?1", [hook])?;
    metrics::unreadable(calls);
    tracing::error!(hook, calls, "queued calls are of an unknown hook: they are dead letters now");
    Ok(())
}

const LATEST_DUE: &str = "SELECT max(due_at) FROM hook_calls WHERE app = ?1 AND channel = ?2 AND first = 1";

/// True when a call waits for longer than any call is made to wait: the clock was set back.
pub(super) fn waits_too_long(
    connection: &Connection,
    app: &AppId,
    channel: Channel,
    now: Timestamp,
) -> Result<bool, WorkError> {
    let latest = connection
        .prepare_cached(LATEST_DUE)?
        .query_row(params![app.as_str(), channel.name()], |row| row.get::<_, Option<i64>>(0))?;
    Ok(latest.is_some_and(|due| due > horizon(now)))
}

/// Makes such calls due now, some at a time.
pub(super) fn bring_forward(
    connection: &Connection,
    app: &AppId,
    channel: Channel,
    now: Timestamp,
) -> Result<(), WorkError> {
    let calls = connection.execute(
        "UPDATE hook_calls
         SET due_at = ?3
         WHERE id IN (
             SELECT id
             FROM hook_calls
             WHERE app = ?1 AND channel = ?2 AND first = 1 AND due_at > ?4
             ORDER BY due_at, id
             LIMIT ?5
         )",
        params![app.as_str(), channel.name(), now.0, horizon(now), CALLS_AT_ONCE],
    )?;
    tracing::warn!(%app, calls, "the clock was set back: hook calls that waited for its return are made now");
    Ok(())
}

fn horizon(now: Timestamp) -> i64 {
    now.plus(LONGEST_WAIT).plus(LONGEST_WAIT).0
}
