//! Log-ins that have ended for good: their tokens are void, after a restart too (P-54).

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::error::Code;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{EndedLogin, Sessions, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::columns::{column, is_storable, to_i64};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, kicks};
use crate::retention::{ALL_LOGINS, ENDED_LOGINS_KEPT, EXTRA_PRUNED, is_looked_at};

#[async_trait]
impl Sessions for PostgresStore {
    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError> {
        let end = async |connection: Arc<Connection>, now| add(&connection, app, &ended, now).await;
        self.database.write("end log-ins", end).await
    }

    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        let find = async |connection: Arc<Connection>| find(&connection, app, login, token_expires_at).await;
        self.database.pool.read(("ended log-in", READ_LIMIT), find).await
    }

    async fn keep_kick(
        &self,
        app: &AppId,
        client: &ClientId,
        kicked_at: Timestamp,
        kept_until: Timestamp,
    ) -> Result<(), StoreError> {
        let keep = async |connection: Arc<Connection>, now| {
            kicks::keep(&connection, (app, client), kicked_at, kept_until, now).await
        };
        self.database.write("keep kick", keep).await
    }

    async fn kicked_at(&self, app: &AppId, client: &ClientId) -> Result<Option<Timestamp>, StoreError> {
        let find = async |connection: Arc<Connection>| kicks::find(&connection, app, client).await;
        self.database.pool.read(("kick", READ_LIMIT), find).await
    }
}

pub(super) async fn add(
    connection: &Connection,
    app: &AppId,
    ended: &[EndedLogin],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut sorted: Vec<&EndedLogin> = ended.iter().collect();
    // Others that write the same rows meet them in the same order.
    sorted.sort_by(|left, right| left.login.cmp(&right.login));
    for EndedLogin { login, code, expires_at } in sorted {
        insert(connection, app, (login, *code), *expires_at).await?;
    }
    prune(connection, app, now, ended.len().saturating_add(EXTRA_PRUNED)).await?;
    if ended.iter().any(is_looked_at) {
        keep_at_most(connection, app, ENDED_LOGINS_KEPT).await?;
    }
    Ok(())
}

/// The code for a token of this log-in that expires at this time.
pub(super) async fn find(
    connection: &Connection,
    app: &AppId,
    login: &str,
    token_expires_at: Timestamp,
) -> Result<Option<i32>, StoreError> {
    let login = if is_storable(login) { login } else { ALL_LOGINS };
    let sql = "
        SELECT code
        FROM ended_logins
        WHERE app = $1 AND ((login = $2 AND login <> '') OR (login = '' AND expires_at >= $3))
        ORDER BY login DESC
        LIMIT 1";
    let row = connection.row(sql, &[&app.as_str(), &login, &token_expires_at.0]).await?;
    row.map(|row| column(&row, 0)).transpose()
}

async fn insert(
    connection: &Connection,
    app: &AppId,
    (login, code): (&str, i32),
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO ended_logins (app, login, code, expires_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (app, login) DO UPDATE
        SET code = excluded.code, expires_at = greatest(ended_logins.expires_at, excluded.expires_at)";
    connection.execute_prepared(sql, &[&app.as_str(), &login, &code, &expires_at.0]).await?;
    Ok(())
}

/// Rows that another one takes away are left to it.
async fn prune(connection: &Connection, app: &AppId, now: Timestamp, limit: usize) -> Result<(), StoreError> {
    let sql = "
        DELETE FROM ended_logins
        WHERE app = $1 AND login IN (
            SELECT login
            FROM ended_logins
            WHERE app = $1 AND expires_at <= $2
            ORDER BY expires_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        )";
    connection.execute_prepared(sql, &[&app.as_str(), &now.0, &to_i64(limit)]).await?;
    Ok(())
}

async fn keep_at_most(connection: &Connection, app: &AppId, kept: usize) -> Result<(), StoreError> {
    let sql = "SELECT expires_at FROM ended_logins WHERE app = $1 ORDER BY expires_at DESC LIMIT 1 OFFSET $2";
    let row = connection.row(sql, &[&app.as_str(), &to_i64(kept)]).await?;
    let Some(newest_dropped) = row.map(|row| column::<i64>(&row, 0)).transpose()? else { return Ok(()) };
    let sql = "DELETE FROM ended_logins WHERE app = $1 AND expires_at <= $2";
    connection.execute_prepared(sql, &[&app.as_str(), &newest_dropped]).await?;
    insert(connection, app, (ALL_LOGINS, Code::SessionTokenExpired.number()), Timestamp(newest_dropped)).await?;
    tracing::warn!(%app, kept, "more log-ins have ended than are kept: clients with older session tokens log in again");
    Ok(())
}
