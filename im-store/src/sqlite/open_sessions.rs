//! Rows of sessions whose end a hook must learn of.

use bytes::Bytes;
use hook_types::{ClientOffline, Hook as _};
use hookd_im_core::hooks::queue::{NewCall, SessionNote};
use hookd_im_core::ids::{AppId, ClientId, SessionId};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::error::WorkError;
use super::hook_calls;

pub(super) fn note(connection: &Connection, app: &AppId, note: &SessionNote) -> Result<(), WorkError> {
    match note {
        SessionNote::Opened { session, client, if_lost } => connection
            .prepare_cached("INSERT OR REPLACE INTO open_sessions (id, app, client, params) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![key(*session), app.as_str(), client.as_str(), hook_calls::text(if_lost)?])?,
        SessionNote::Ended { session } => {
            connection.prepare_cached("DELETE FROM open_sessions WHERE id = ?1")?.execute([key(*session)])?
        }
    };
    Ok(())
}

/// Queues `_clientOffline` for every session that is noted: when the file is opened, the process of the sessions is
/// dead. The bound of the queue is not asked: these calls were owed since the logins were acknowledged.
pub(super) fn end_all(connection: &Connection, now: Timestamp) -> Result<(), WorkError> {
    let mut noted = connection.prepare("SELECT app, client, params FROM open_sessions ORDER BY id")?;
    let mut rows = noted.query([])?;
    let mut sessions = 0_usize;
    while let Some(row) = rows.next()? {
        let (app, client) = (AppId::new(row.get::<_, String>(0)?), ClientId::new(row.get::<_, String>(1)?));
        let params = Bytes::from(row.get::<_, String>(2)?);
        let call = NewCall { hook: ClientOffline::NAME, params, lane: Some(client), remote_address: None };
        hook_calls::push(connection, &app, &call, now)?;
        sessions = sessions.saturating_add(1);
    }
    connection.execute("DELETE FROM open_sessions", [])?;
    if sessions > 0 {
        tracing::warn!(sessions, "sessions were lost with an earlier process: their `_clientOffline` is queued");
    }
    Ok(())
}

pub(super) fn forget(connection: &Connection, app: &AppId) -> Result<(), WorkError> {
    connection.execute("DELETE FROM open_sessions WHERE app = ?1", [app.as_str()])?;
    Ok(())
}

/// Sessions are counted from 1.
fn key(session: SessionId) -> i64 {
    i64::try_from(session.0).unwrap_or(i64::MAX)
}
