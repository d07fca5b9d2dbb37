//! What conversations hold about clients.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    ChangedStanding, ClientPage, Conversation, DecideStanding, Restriction, Standing, StandingChange, Standings,
    StoreError,
};
use hookd_im_core::timestamp::Timestamp;

use super::columns::{bytes_of, client, column, is_storable, to_i64};
use super::conversation_row::{load_locked, load_with_key};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};
use crate::standing::{RESTRICTIONS, is_made, restriction_column};

/// What became of a request.
type Changed = Option<Result<ChangedStanding, Refusal>>;

#[async_trait]
impl Standings for PostgresStore {
    async fn standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Option<Standing>, StoreError> {
        let load = async |connection: Arc<Connection>| load(&connection, (app, conversation), clients).await;
        let found = self.database.pool.read(("standing", READ_LIMIT), load).await?;
        Ok(found.filter(|found| !found.conversation.has_expired(self.database.now())))
    }

    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
        decide: DecideStanding,
    ) -> Result<Changed, StoreError> {
        let change = async |connection: Arc<Connection>, now| {
            change(&connection, (app, conversation), clients, (decide, now)).await
        };
        let is_done = async |connection: Arc<Connection>, changed: Changed| {
            let Some(Ok(changed)) = changed else { return Ok(true) };
            let now = load(&connection, (app, conversation), clients).await?;
            Ok(now.is_some_and(|now| is_made(&now, &changed.decision.change)))
        };
        self.database.write_and_read_back("change standing", change, is_done).await
    }

    async fn restricted_clients(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        restriction: Restriction,
        page: &ClientPage,
    ) -> Result<Vec<ClientId>, StoreError> {
        if !is_storable(conversation.as_str()) {
            return Ok(Vec::new());
        }
        let read =
            async |connection: Arc<Connection>| listed(&connection, (app, conversation), restriction, page).await;
        self.database.pool.read(("restricted clients", READ_LIMIT), read).await
    }
}

async fn load(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    clients: &[ClientId],
) -> Result<Option<Standing>, StoreError> {
    let Some((key, conversation)) = load_with_key(connection, app, id).await? else { return Ok(None) };
    of(connection, (key, conversation), clients).await.map(Some)
}

/// The standing of `clients` in a conversation that was just read.
pub(super) async fn of(
    connection: &Connection,
    (key, conversation): (i64, Conversation),
    clients: &[ClientId],
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
    Ok(standing)
}

async fn change(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    clients: &[ClientId],
    (decide, now): (DecideStanding, Timestamp),
) -> Result<Changed, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else { return Ok(None) };
    let standing = of(connection, (key, conversation), clients).await?;
    let decision = match decide(&standing) {
        Ok(decision) => decision,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let mut conversation = standing.conversation;
    write(connection, (key, &mut conversation), &decision.change).await?;
    Ok(Some(Ok(ChangedStanding { decision, conversation })))
}

async fn write(
    connection: &Connection,
    (key, conversation): (i64, &mut Conversation),
    change: &StandingChange,
) -> Result<(), StoreError> {
    if change.clients().is_empty() {
        return Ok(());
    }
    let clients = bytes_of(change.clients());
    match change {
        StandingChange::Restrict(restriction, _) => {
            let sql = "
                INSERT INTO restrictions (conversation, restriction, client)
                SELECT $1, $2, client
                FROM unnest($3::bytea[]) AS new (client)";
            connection.execute_prepared(sql, &[&key, &restriction_column(*restriction), &clients]).await?;
        }
        StandingChange::Lift(restriction, _) => {
            let sql = "DELETE FROM restrictions WHERE conversation = $1 AND restriction = $2 AND client = ANY ($3)";
            connection.execute_prepared(sql, &[&key, &restriction_column(*restriction), &clients]).await?;
        }
    }
    conversation.standing_version = conversation.standing_version.saturating_add(1);
    let sql = "UPDATE conversations SET standing_version = $2 WHERE key = $1";
    connection.execute_prepared(sql, &[&key, &to_i64(conversation.standing_version)]).await?;
    Ok(())
}

async fn listed(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    restriction: Restriction,
    page: &ClientPage,
) -> Result<Vec<ClientId>, StoreError> {
    let sql = "
        SELECT client
        FROM restrictions
        WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2)
            AND restriction = $3
            AND client > $4
        ORDER BY client
        LIMIT $5";
    let after = page.after.as_deref().unwrap_or_default().as_bytes();
    let (stored, limit) = (restriction_column(restriction), i64::from(page.limit));
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&app.as_str(), &id.as_str(), &stored, &after, &limit];
    let rows = connection.rows(sql, &values).await?;
    rows.iter().map(|row| client(column(row, 0)?, "restrictions", id)).collect()
}
