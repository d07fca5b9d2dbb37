//! Log-ins that have ended for good: their tokens are void, after a restart too (P-54).

use async_trait::async_trait;
use hookd_im_core::error::Code;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{EndedLogin, Sessions, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::WorkError;
use super::{SqliteStore, kicks};
use crate::retention::{ALL_LOGINS, ENDED_LOGINS_KEPT, EXTRA_PRUNED, is_looked_at};

#[async_trait]
impl Sessions for SqliteStore {
    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError> {
        let app = app.clone();
        self.write("end log-ins", move |connection, now| add(connection, &app, &ended, now)).await
    }

    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        let (app, login) = (app.clone(), login.to_owned());
        let find = move |connection: &Connection| find(connection, &app, &login, token_expires_at);
        self.readers.read("ended log-in", find).await
    }

    async fn keep_kick(
        &self,
        app: &AppId,
        client: &ClientId,
        kicked_at: Timestamp,
        kept_until: Timestamp,
    ) -> Result<(), StoreError> {
        let (app, client) = (app.clone(), client.clone());
        let keep =
            move |connection: &Connection, now| kicks::keep(connection, (&app, &client), kicked_at, kept_until, now);
        self.write("keep kick", keep).await
    }

    async fn kicked_at(&self, app: &AppId, client: &ClientId) -> Result<Option<Timestamp>, StoreError> {
        let (app, client) = (app.clone(), client.clone());
        self.readers.read("kick", move |connection| kicks::find(connection, &app, &client)).await
    }
}

fn add(connection: &Connection, app: &AppId, ended: &[EndedLogin], now: Timestamp) -> Result<(), WorkError> {
    for EndedLogin { login, code, expires_at } in ended {
        insert(connection, app, (login, *code), *expires_at)?;
    }
    prune(connection, app, now, ended.len().saturating_add(EXTRA_PRUNED))?;
    if ended.iter().any(is_looked_at) {
        keep_at_most(connection, app, ENDED_LOGINS_KEPT)?;
    }
    Ok(())
}

/// The code for a token of this login that expires at this time.
fn find(
    connection: &Connection,
    app: &AppId,
    login: &str,
    token_expires_at: Timestamp,
) -> Result<Option<i32>, WorkError> {
    let code = connection
        .prepare_cached(
            "SELECT code
             FROM ended_logins
             WHERE app = ?1 AND (login = ?2 OR (login = '' AND expires_at >= ?3))
             ORDER BY login DESC
             LIMIT 1",
        )?
        .query_row(params![app.as_str(), login, token_expires_at.0], |row| row.get(0))
        .optional()?;
    Ok(code)
}

fn insert(
    connection: &Connection,
    app: &AppId,
    (login, code): (&str, i32),
    expires_at: Timestamp,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO ended_logins (app, login, code, expires_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET code = ?3, expires_at = max(expires_at, ?4)",
        )?
        .execute(params![app.as_str(), login, code, expires_at.0])?;
    Ok(())
}

fn prune(connection: &Connection, app: &AppId, now: Timestamp, limit: usize) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "DELETE FROM ended_logins
             WHERE app = ?1 AND login IN (
                 SELECT login FROM ended_logins WHERE app = ?1 AND expires_at <= ?2 ORDER BY expires_at LIMIT ?3
             )",
        )?
        .execute(params![app.as_str(), now.0, to_i64(limit)])?;
    Ok(())
}

fn keep_at_most(connection: &Connection, app: &AppId, kept: usize) -> Result<(), WorkError> {
    let newest_dropped: Option<i64> = connection
        .prepare_cached(
            "SELECT expires_at FROM ended_logins WHERE app = ?1 ORDER BY expires_at DESC LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![app.as_str(), to_i64(kept)], |row| row.get(0))
        .optional()?;
    let Some(newest_dropped) = newest_dropped else { return Ok(()) };
    connection
        .prepare_cached("DELETE FROM ended_logins WHERE app = ?1 AND expires_at <= ?2")?
        .execute(params![app.as_str(), newest_dropped])?;
    insert(connection, app, (ALL_LOGINS, Code::SessionTokenExpired.number()), Timestamp(newest_dropped))?;
    tracing::warn!(%app, kept, "more logins have ended than are kept: clients with older session tokens log in again");
    Ok(())
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::AppId;
    use hookd_im_core::store::EndedLogin;
    use hookd_im_core::timestamp::Timestamp;
    use rusqlite::Connection;

    use super::{add, find, keep_at_most};
    use crate::sqlite::schema::migrate;

    const NOW: Timestamp = Timestamp(1000);

    fn ended(login: &str, expires_at: i64) -> EndedLogin {
        EndedLogin { login: login.to_owned(), code: 4105, expires_at: Timestamp(expires_at) }
    }

    fn database() -> (Connection, AppId) {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        (connection, AppId::new("demo"))
    }

    #[test]
    fn a_login_is_forgotten_when_its_last_token_has_expired() {
        let (connection, app) = database();
        add(&connection, &app, &[ended("a", 2000)], NOW).unwrap();
        add(&connection, &app, &[ended("b", 3000)], Timestamp(1999)).unwrap();
        assert_eq!(find(&connection, &app, "a", Timestamp(2000)).unwrap(), Some(4105));
        assert_eq!(find(&connection, &AppId::new("other"), "a", Timestamp(2000)).unwrap(), None);
        add(&connection, &app, &[ended("c", 4000)], Timestamp(2000)).unwrap();
        assert_eq!(find(&connection, &app, "a", Timestamp(2000)).unwrap(), None);
        assert_eq!(find(&connection, &app, "b", Timestamp(2000)).unwrap(), Some(4105));
    }

    #[test]
    fn logins_beyond_the_bound_give_way_and_their_tokens_stay_void() {
        let (connection, app) = database();
        let logins: Vec<_> = (0..10).map(|number| ended(&format!("login {number}"), 2000 + number)).collect();
        add(&connection, &app, &logins, NOW).unwrap();
        keep_at_most(&connection, &app, 4).unwrap();
        let code = |login: &str, expires_at| find(&connection, &app, login, Timestamp(expires_at)).unwrap();
        assert_eq!(code("login 0", 2000), Some(4112));
        assert_eq!(code("login 5", 2005), Some(4112));
        assert_eq!(code("login 6", 2006), Some(4105));
        assert_eq!(code("unknown, but as old", 2005), Some(4112));
        assert_eq!(code("unknown, and newer", 2006), None);
        let rows: i64 = connection.query_row("SELECT count(*) FROM ended_logins", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 5);
    }
}
