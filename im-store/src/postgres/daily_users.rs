//! The clients that have logged in today.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{DailyUsers, Day, StoreError};

use super::columns::column;
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};
use crate::retention::EXPIRED_AT_ONCE;

#[async_trait]
impl DailyUsers for PostgresStore {
    /// Most log-ins are of clients that are counted already, and cost no write.
    async fn count_daily_user(&self, app: &AppId, client: &ClientId, most: u32) -> Result<bool, StoreError> {
        let today = Day::of(self.database.now());
        let look = async |connection: Arc<Connection>| is_counted(&connection, (app, client), today).await;
        if self.database.pool.read(("a user of today", READ_LIMIT), look).await? {
            return Ok(true);
        }
        let count =
            async |connection: Arc<Connection>, now| count(&connection, (app, client), Day::of(now), most).await;
        self.database.write("count a user of today", count).await
    }
}

async fn is_counted(connection: &Connection, (app, client): (&AppId, &ClientId), day: Day) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM daily_users WHERE app = $1 AND day = $2 AND client = $3";
    let bytes = client.as_str().as_bytes();
    Ok(connection.row(sql, &[&app.as_str(), &day.0, &bytes]).await?.is_some())
}

async fn count(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    today: Day,
    most: u32,
) -> Result<bool, StoreError> {
    // Locks the row of the app: others of its log-ins wait here. A node whose clock is behind counts for the day of the others.
    let sql = "
        INSERT INTO daily_user_counts (app, day, users) VALUES ($1, $2, 0)
        ON CONFLICT (app) DO UPDATE
        SET users = CASE WHEN daily_user_counts.day < excluded.day THEN 0 ELSE daily_user_counts.users END,
            day = greatest(daily_user_counts.day, excluded.day)
        RETURNING day, users";
    let (today, users) = match connection.row(sql, &[&app.as_str(), &today.0]).await? {
        Some(row) => (Day(column(&row, 0)?), column::<i64>(&row, 1)?),
        None => (today, 0),
    };
    if is_counted(connection, (app, client), today).await? {
        return Ok(true);
    }
    if users >= i64::from(most) {
        return Ok(false);
    }
    let bytes = client.as_str().as_bytes();
    let sql = "INSERT INTO daily_users (app, day, client) VALUES ($1, $2, $3)";
    connection.execute_prepared(sql, &[&app.as_str(), &today.0, &bytes]).await?;
    let sql = "UPDATE daily_user_counts SET users = users + 1 WHERE app = $1";
    connection.execute_prepared(sql, &[&app.as_str()]).await?;
    let sql = "
        DELETE FROM daily_users
        WHERE app = $1 AND (day, client) IN (
            SELECT day, client FROM daily_users WHERE app = $1 AND day < $2 LIMIT $3
        )";
    connection.execute_prepared(sql, &[&app.as_str(), &today.0, &EXPIRED_AT_ONCE]).await?;
    Ok(true)
}
