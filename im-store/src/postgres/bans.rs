//! Clients that may not log in.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{Ban, Bans, ClientPage, StoreError};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;

use super::columns::{client, column, to_i64};
use super::locks::{self, Lock};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};

#[async_trait]
impl Bans for PostgresStore {
    async fn ban(
        &self,
        app: &AppId,
        client: &ClientId,
        until: Option<Timestamp>,
        most: usize,
    ) -> Result<Option<Ban>, StoreError> {
        let add = async |connection: Arc<Connection>, now| add(&connection, app, (client, until), now, most).await;
        let is_done = async |connection: Arc<Connection>, ban: Option<Ban>| match ban {
            Some(ban) => Ok(find(&connection, app, &ban.client, ban.banned_at).await? == Some(ban)),
            None => Ok(true),
        };
        self.database.write_and_read_back("ban a client", add, is_done).await
    }

    async fn unban(&self, app: &AppId, client: &ClientId) -> Result<bool, StoreError> {
        let remove = async |connection: Arc<Connection>, now: Timestamp| {
            let sql = "DELETE FROM bans WHERE app = $1 AND client = $2 RETURNING until IS NULL OR until > $3";
            let row = connection.row(sql, &[&app.as_str(), &client.as_str().as_bytes(), &now.0]).await?;
            row.map_or(Ok(false), |row| column(&row, 0))
        };
        self.database.write("end a ban", remove).await
    }

    async fn ban_of(&self, app: &AppId, client: &ClientId) -> Result<Option<Ban>, StoreError> {
        let now = self.database.now();
        let read = async |connection: Arc<Connection>| find(&connection, app, client, now).await;
        self.database.pool.read(("ban", READ_LIMIT), read).await
    }

    async fn bans(&self, app: &AppId, page: &ClientPage) -> Result<Vec<Ban>, StoreError> {
        let now = self.database.now();
        let read = async |connection: Arc<Connection>| listed(&connection, app, page, now).await;
        self.database.pool.read(("bans", READ_LIMIT), read).await
    }
}

async fn add(
    connection: &Connection,
    app: &AppId,
    (client, until): (&ClientId, Option<Timestamp>),
    now: Timestamp,
    most: usize,
) -> Result<Option<Ban>, StoreError> {
    // Another one counts them too.
    locks::take(connection, [Lock::of_bans(app)]).await?;
    connection.execute_prepared("DELETE FROM bans WHERE app = $1 AND until <= $2", &[&app.as_str(), &now.0]).await?;
    let bytes = client.as_str().as_bytes();
    let sql = "SELECT count(*) FROM bans WHERE app = $1 AND client <> $2";
    let of_others: i64 = match connection.row(sql, &[&app.as_str(), &bytes]).await? {
        Some(row) => column(&row, 0)?,
        None => 0,
    };
    if of_others >= to_i64(most) {
        return Ok(None);
    }
    let sql = "
        INSERT INTO bans (app, client, banned_at, until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (app, client) DO UPDATE SET banned_at = excluded.banned_at, until = excluded.until";
    let ends = until.map(|until| until.0);
    connection.execute_prepared(sql, &[&app.as_str(), &bytes, &now.0, &ends]).await?;
    Ok(Some(Ban { client: client.clone(), banned_at: now, until }))
}

async fn find(
    connection: &Connection,
    app: &AppId,
    client: &ClientId,
    now: Timestamp,
) -> Result<Option<Ban>, StoreError> {
    let sql = "
        SELECT client, banned_at, until
        FROM bans
        WHERE app = $1 AND client = $2 AND (until IS NULL OR until > $3)";
    let row = connection.row(sql, &[&app.as_str(), &client.as_str().as_bytes(), &now.0]).await?;
    row.map(|row| ban(&row, app)).transpose()
}

async fn listed(
    connection: &Connection,
    app: &AppId,
    page: &ClientPage,
    now: Timestamp,
) -> Result<Vec<Ban>, StoreError> {
    let sql = "
        SELECT client, banned_at, until
        FROM bans
        WHERE app = $1 AND client > $2 AND (until IS NULL OR until > $3)
        ORDER BY client
        LIMIT $4";
    // No client id is empty.
    let after = page.after.as_deref().unwrap_or_default().as_bytes();
    let limit = i64::from(page.limit);
    let rows = connection.rows(sql, &[&app.as_str(), &after, &now.0, &limit]).await?;
    rows.iter().map(|row| ban(row, app)).collect()
}

fn ban(row: &Row, app: &AppId) -> Result<Ban, StoreError> {
    Ok(Ban {
        client: client(column(row, 0)?, "bans", app)?,
        banned_at: Timestamp(column(row, 1)?),
        until: column::<Option<i64>>(row, 2)?.map(Timestamp),
    })
}
