//! What the rows of a conversation hold about clients.

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{Conversation, Restricted, Standing};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::WorkError;
use crate::standing::{RESTRICTIONS, restriction_column, role};

/// The standing of `clients` at a time, in a conversation that was just read.
pub(super) fn of(
    connection: &Connection,
    (key, conversation): (i64, Conversation),
    clients: &[ClientId],
    now: Timestamp,
) -> Result<Standing, WorkError> {
    let holds_something = conversation.standing_version > 0;
    let mut standing = Standing::bare(conversation);
    if !holds_something {
        return Ok(standing);
    }
    let mut count =
        connection.prepare_cached("SELECT count(*) FROM restrictions WHERE conversation = ?1 AND restriction = ?2")?;
    let mut find = connection
        .prepare_cached("SELECT 1 FROM restrictions WHERE conversation = ?1 AND restriction = ?2 AND client = ?3")?;
    for restriction in RESTRICTIONS {
        let column = restriction_column(restriction);
        let in_all: i64 = count.query_row(params![key, column], |row| row.get(0))?;
        let restricted = standing.restricted_mut(restriction);
        restricted.in_all = usize::try_from(in_all).unwrap_or(usize::MAX);
        for client in clients.iter().filter(|_| in_all > 0) {
            if find.exists(params![key, column, client.as_str()])? {
                restricted.named.insert(client.clone());
            }
        }
    }
    standing.silenced_for_a_time = silenced_for_a_time(connection, key, clients, now)?;
    let mut refuses =
        connection.prepare_cached("SELECT 1 FROM refused_conversations WHERE conversation = ?1 AND client = ?2")?;
    for client in clients {
        if refuses.exists(params![key, client.as_str()])? {
            standing.refusing.insert(client.clone());
        }
    }
    let mut find =
        connection.prepare_cached("SELECT role FROM member_roles WHERE conversation = ?1 AND client = ?2")?;
    for client in clients {
        if let Some(column) = find.query_row(params![key, client.as_str()], |row| row.get(0)).optional()? {
            standing.roles.insert(client.clone(), role(column, key)?);
        }
    }
    standing.has_roles =
        connection.prepare_cached("SELECT 1 FROM member_roles WHERE conversation = ?1 LIMIT 1")?.exists([key])?;
    Ok(standing)
}

fn silenced_for_a_time(
    connection: &Connection,
    key: i64,
    clients: &[ClientId],
    now: Timestamp,
) -> Result<Restricted, WorkError> {
    let mut count = connection
        .prepare_cached("SELECT count(*) FROM temporary_silences WHERE conversation = ?1 AND ends_at > ?2")?;
    let in_all: i64 = count.query_row(params![key, now.0], |row| row.get(0))?;
    let mut silenced = Restricted { in_all: usize::try_from(in_all).unwrap_or(usize::MAX), ..Restricted::default() };
    let mut find = connection
        .prepare_cached("SELECT 1 FROM temporary_silences WHERE conversation = ?1 AND client = ?2 AND ends_at > ?3")?;
    for client in clients.iter().filter(|_| in_all > 0) {
        if find.exists(params![key, client.as_str(), now.0])? {
            silenced.named.insert(client.clone());
        }
    }
    Ok(silenced)
}

/// Forgets the roles of clients that are no members any more.
pub(super) fn forget_roles(connection: &Connection, key: i64, clients: &[ClientId]) -> Result<(), WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM member_roles WHERE conversation = ?1 AND client = ?2")?;
    for client in clients {
        delete.execute(params![key, client.as_str()])?;
    }
    Ok(())
}
