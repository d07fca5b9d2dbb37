//! The clients that have logged in today.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{DailyUsers, Day, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteStore;
use super::error::WorkError;
use crate::retention::EXPIRED_AT_ONCE;

#[async_trait]
impl DailyUsers for SqliteStore {
    /// Most log-ins are of clients that are counted already, and cost no write.
    async fn count_daily_user(&self, app: &AppId, client: &ClientId, most: u32) -> Result<bool, StoreError> {
        let (of_app, user, today) = (app.clone(), client.clone(), Day::of((self.clock)()));
        let look = move |connection: &Connection| is_counted(connection, (&of_app, &user), today);
        if self.readers.read("a user of today", look).await? {
            return Ok(true);
        }
        let (of_app, user) = (app.clone(), client.clone());
        let count = move |connection: &Connection, now| count(connection, (&of_app, &user), Day::of(now), most);
        self.write("count a user of today", count).await
    }
}

fn is_counted(connection: &Connection, (app, client): (&AppId, &ClientId), day: Day) -> Result<bool, WorkError> {
    let mut find =
        connection.prepare_cached("SELECT 1 FROM daily_users WHERE app = ?1 AND day = ?2 AND client = ?3")?;
    Ok(find.exists(params![app.as_str(), day.0, client.as_str()])?)
}

fn count(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    today: Day,
    most: u32,
) -> Result<bool, WorkError> {
    if is_counted(connection, (app, client), today)? {
        return Ok(true);
    }
    let users: Option<i64> = connection
        .prepare_cached("SELECT users FROM daily_user_counts WHERE app = ?1 AND day = ?2")?
        .query_row(params![app.as_str(), today.0], |row| row.get(0))
        .optional()?;
    let users = users.unwrap_or(0);
    if users >= i64::from(most) {
        return Ok(false);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO daily_user_counts (app, day, users) VALUES (?1, ?2, ?3)")?
        .execute(params![app.as_str(), today.0, users + 1])?;
    connection.prepare_cached("INSERT INTO daily_users (app, day, client) VALUES (?1, ?2, ?3)")?.execute(params![
        app.as_str(),
        today.0,
        client.as_str()
    ])?;
    connection
        .prepare_cached(
            "DELETE FROM daily_users
             WHERE (app, day, client) IN (
                 SELECT app, day, client FROM daily_users WHERE app = ?1 AND day < ?2 LIMIT ?3
             )",
        )?
        .execute(params![app.as_str(), today.0, EXPIRED_AT_ONCE])?;
    Ok(true)
}
