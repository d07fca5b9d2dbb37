//! Clients that may not log in.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{Ban, Bans, ClientPage, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::error::WorkError;

#[async_trait]
impl Bans for SqliteStore {
    async fn ban(
        &self,
        app: &AppId,
        client: &ClientId,
        until: Option<Timestamp>,
        most: usize,
    ) -> Result<Option<Ban>, StoreError> {
        let (of_app, banned) = (app.clone(), client.clone());
        let add = move |connection: &Connection, now| add(connection, &of_app, (&banned, until), now, most);
        let of_app = app.clone();
        let is_done = move |connection: &Connection, ban: &Option<Ban>| match ban {
            Some(ban) => Ok(find(connection, &of_app, &ban.client, ban.banned_at)?.as_ref() == Some(ban)),
            None => Ok(true),
        };
        self.write_and_read_back("ban a client", add, is_done).await
    }

    async fn unban(&self, app: &AppId, client: &ClientId) -> Result<bool, StoreError> {
        let (of_app, banned) = (app.clone(), client.clone());
        let remove = move |connection: &Connection, now| {
            let was_banned = find(connection, &of_app, &banned, now)?.is_some();
            connection
                .prepare_cached("DELETE FROM bans WHERE app = ?1 AND client = ?2")?
                .execute([of_app.as_str(), banned.as_str()])?;
            Ok(was_banned)
        };
        self.write("end a ban", remove).await
    }

    async fn ban_of(&self, app: &AppId, client: &ClientId) -> Result<Option<Ban>, StoreError> {
        let (app, client, now) = (app.clone(), client.clone(), (self.clock)());
        self.readers.read("ban", move |connection| find(connection, &app, &client, now)).await
    }

    async fn bans(&self, app: &AppId, page: &ClientPage) -> Result<Vec<Ban>, StoreError> {
        let (app, page, now) = (app.clone(), page.clone(), (self.clock)());
        self.readers.read("bans", move |connection| listed(connection, &app, &page, now)).await
    }
}

fn add(
    connection: &Connection,
    app: &AppId,
    (client, until): (&ClientId, Option<Timestamp>),
    now: Timestamp,
    most: usize,
) -> Result<Option<Ban>, WorkError> {
    connection
        .prepare_cached("DELETE FROM bans WHERE app = ?1 AND until <= ?2")?
        .execute(params![app.as_str(), now.0])?;
    let of_others: i64 = connection
        .prepare_cached("SELECT count(*) FROM bans WHERE app = ?1 AND client <> ?2")?
        .query_row([app.as_str(), client.as_str()], |row| row.get(0))?;
    if usize::try_from(of_others).unwrap_or(usize::MAX) >= most {
        return Ok(None);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO bans (app, client, banned_at, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![app.as_str(), client.as_str(), now.0, until.map(|until| until.0)])?;
    Ok(Some(Ban { client: client.clone(), banned_at: now, until }))
}

fn find(connection: &Connection, app: &AppId, client: &ClientId, now: Timestamp) -> Result<Option<Ban>, WorkError> {
    let found = connection
        .prepare_cached(
            "SELECT client, banned_at, until
             FROM bans
             WHERE app = ?1 AND client = ?2 AND (until IS NULL OR until > ?3)",
        )?
        .query_row(params![app.as_str(), client.as_str(), now.0], ban)
        .optional()?;
    Ok(found)
}

fn listed(connection: &Connection, app: &AppId, page: &ClientPage, now: Timestamp) -> Result<Vec<Ban>, WorkError> {
    // No client id is empty.
    let after = page.after.as_deref().unwrap_or_default();
    let found = connection
        .prepare_cached(
            "SELECT client, banned_at, until
             FROM bans
             WHERE app = ?1 AND client > ?2 AND (until IS NULL OR until > ?3)
             ORDER BY client
             LIMIT ?4",
        )?
        .query_map(params![app.as_str(), after, now.0, page.limit], ban)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

fn ban(row: &Row<'_>) -> rusqlite::Result<Ban> {
    Ok(Ban {
        client: ClientId::new(row.get::<_, String>(0)?),
        banned_at: Timestamp(row.get(1)?),
        until: row.get::<_, Option<i64>>(2)?.map(Timestamp),
    })
}
