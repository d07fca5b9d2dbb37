//! Members of conversations, in order of joining.

use hookd_im_core::ids::{AppId, ClientId};
use rusqlite::{Connection, params};

use super::error::WorkError;

pub(super) fn load(connection: &Connection, conversation: i64) -> Result<Vec<ClientId>, WorkError> {
    let mut statement =
        connection.prepare_cached("SELECT client FROM members WHERE conversation = ?1 ORDER BY position")?;
    let members = statement
        .query_map([conversation], |row| row.get::<_, String>(0))?
        .map(|client| client.map(ClientId::new))
        .collect::<Result<_, _>>()?;
    Ok(members)
}

pub(super) fn contains(connection: &Connection, conversation: i64, client: &ClientId) -> Result<bool, WorkError> {
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM members WHERE conversation = ?1 AND client = ?2)")?
        .query_row(params![conversation, client.as_str()], |row| row.get(0))?;
    Ok(found)
}

/// Appends members that are not in the conversation yet. What was said before they came is not unread (S-62).
pub(super) fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: i64,
    members: &[ClientId],
    first_position: i64,
) -> Result<(), WorkError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO members (conversation, client, app, position, read_until)
         VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(last_message_at, 0) FROM conversations WHERE key = ?1))",
    )?;
    for (member, position) in members.iter().zip(first_position..) {
        statement.execute(params![conversation, member.as_str(), app.as_str(), position])?;
    }
    Ok(())
}
