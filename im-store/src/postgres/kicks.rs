//! Clients that were kicked: what they were given before is void (S-37).

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;

use super::columns::{column, to_i64};
use super::pool::Connection;
use crate::retention::EXTRA_PRUNED;

pub(super) async fn keep(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    kicked_at: Timestamp,
    kept_until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO kicked_clients (app, client, kicked_at, kept_until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (app, client) DO UPDATE
        SET kicked_at = greatest(kicked_clients.kicked_at, excluded.kicked_at),
            kept_until = greatest(kicked_clients.kept_until, excluded.kept_until)";
    let client = client.as_str().as_bytes();
    connection.execute_prepared(sql, &[&app.as_str(), &client, &kicked_at.0, &kept_until.0]).await?;
    // Rows that another one takes away are left to it.
    let sql = "
        DELETE FROM kicked_clients
        WHERE (app, client) IN (
            SELECT app, client
            FROM kicked_clients
            WHERE kept_until <= $1
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )";
    connection.execute_prepared(sql, &[&now.0, &to_i64(EXTRA_PRUNED)]).await?;
    Ok(())
}

pub(super) async fn find(
    connection: &Connection,
    app: &AppId,
    client: &ClientId,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT kicked_at FROM kicked_clients WHERE app = $1 AND client = $2";
    let row = connection.row(sql, &[&app.as_str(), &client.as_str().as_bytes()]).await?;
    Ok(row.map(|row| column(&row, 0)).transpose()?.map(Timestamp))
}
