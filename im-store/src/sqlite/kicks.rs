//! Clients that were kicked: what they were given before is void (S-37).

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::WorkError;
use crate::retention::EXTRA_PRUNED;

pub(super) fn keep(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    kicked_at: Timestamp,
    kept_until: Timestamp,
    now: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO kicked_clients (app, client, kicked_at, kept_until)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET kicked_at = max(kicked_at, ?3), kept_until = max(kept_until, ?4)",
        )?
        .execute(params![app.as_str(), client.as_str(), kicked_at.0, kept_until.0])?;
    connection
        .prepare_cached(
            "DELETE FROM kicked_clients
             WHERE (app, client) IN (SELECT app, client FROM kicked_clients WHERE kept_until <= ?1 LIMIT ?2)",
        )?
        .execute(params![now.0, i64::try_from(EXTRA_PRUNED).unwrap_or(i64::MAX)])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, app: &AppId, client: &ClientId) -> Result<Option<Timestamp>, WorkError> {
    let kicked_at = connection
        .prepare_cached("SELECT kicked_at FROM kicked_clients WHERE app = ?1 AND client = ?2")?
        .query_row(params![app.as_str(), client.as_str()], |row| row.get(0))
        .optional()?;
    Ok(kicked_at.map(Timestamp))
}
