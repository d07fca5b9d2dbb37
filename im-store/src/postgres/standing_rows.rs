//! What the rows of a conversation hold about clients.

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{Conversation, Standing, StoreError};
use hookd_im_core::timestamp::Timestamp;

use super::columns::{bytes_of, client, column};
use super::pool::Connection;
use crate::standing::{RESTRICTIONS, restriction_column, role};

/// The standing of `clients` at a time, in a conversation that was just read.
pub(super) async fn of(
    connection: &Connection,
    (key, conversation): (i64, Conversation),
    clients: &[ClientId],
    now: Timestamp,
) -> Result<Standing, StoreError> {
    let holds_something = conversation.standing_version > 0;
    let mut standing = Standing::bare(conversation);
    if !holds_something {
        return Ok(standing);
    }
    let sql = "
        SELECT restriction, count(*), array_agg(client) FILTER (WHERE client = ANY ($2))
        FROM restrictions
        WHERE conversation = $1
        GROUP BY restriction";
    for row in connection.rows(sql, &[&key, &bytes_of(clients)]).await? {
        let stored: i16 = column(&row, 0)?;
        let Some(restriction) = RESTRICTIONS.into_iter().find(|restriction| restriction_column(*restriction) == stored)
        else {
            let problem = format!("restriction {stored} is unknown");
            return Err(StoreError::Corrupt { table: "restrictions", row: key.to_string(), problem });
        };
        let restricted = standing.restricted_mut(restriction);
        restricted.in_all = usize::try_from(column::<i64>(&row, 1)?).unwrap_or(usize::MAX);
        for named in column::<Option<Vec<Vec<u8>>>>(&row, 2)?.unwrap_or_default() {
            restricted.named.insert(client(named, "restrictions", &key)?);
        }
    }
    let sql = "
        SELECT count(*), array_agg(client) FILTER (WHERE client = ANY ($3))
        FROM temporary_silences
        WHERE conversation = $1 AND ends_at > $2";
    if let Some(row) = connection.row(sql, &[&key, &now.0, &bytes_of(clients)]).await? {
        let silenced = &mut standing.silenced_for_a_time;
        silenced.in_all = usize::try_from(column::<i64>(&row, 0)?).unwrap_or(usize::MAX);
        for named in column::<Option<Vec<Vec<u8>>>>(&row, 1)?.unwrap_or_default() {
            silenced.named.insert(client(named, "temporary_silences", &key)?);
        }
    }
    let sql = "SELECT client FROM refused_conversations WHERE conversation = $1 AND client = ANY ($2)";
    for row in connection.rows(sql, &[&key, &bytes_of(clients)]).await? {
        standing.refusing.insert(client(column(&row, 0)?, "refused_conversations", &key)?);
    }
    let sql = "SELECT client, role FROM member_roles WHERE conversation = $1 AND client = ANY ($2)";
    for row in connection.rows(sql, &[&key, &bytes_of(clients)]).await? {
        standing.roles.insert(client(column(&row, 0)?, "member_roles", &key)?, role(column(&row, 1)?, key)?);
    }
    let sql = "SELECT 1 FROM member_roles WHERE conversation = $1 LIMIT 1";
    standing.has_roles = connection.row(sql, &[&key]).await?.is_some();
    Ok(standing)
}

/// Forgets the roles of clients that are no members any more.
pub(super) async fn forget_roles(connection: &Connection, key: i64, clients: &[ClientId]) -> Result<(), StoreError> {
    let sql = "DELETE FROM member_roles WHERE conversation = $1 AND client = ANY ($2)";
    connection.execute_prepared(sql, &[&key, &bytes_of(clients)]).await?;
    Ok(())
}
