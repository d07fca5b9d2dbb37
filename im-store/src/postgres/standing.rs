//! What conversations hold about clients.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, ChangedStanding, ClientPage, Conversation, DecideStanding, MemberInfo, MembershipChange, Removal,
    Restriction, Standing, StandingChange, Standings, StoreError,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;

use super::columns::{bytes_of, client, column, is_storable, to_i64};
use super::conversation_row::{load_locked, load_with_key};
use super::membership::remove_from;
use super::pool::Connection;
use super::standing_rows::of;
use super::{PostgresStore, READ_LIMIT};
use crate::standing::{is_made, restriction_column, role, role_column};

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
        let now = self.database.now();
        let load = async |connection: Arc<Connection>| load(&connection, (app, conversation), clients, now).await;
        let found = self.database.pool.read(("standing", READ_LIMIT), load).await?;
        Ok(found.filter(|found| !found.conversation.has_expired(now)))
    }

    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (by, clients): (&ClientId, &[ClientId]),
        decide: DecideStanding,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let change = async |connection: Arc<Connection>, now| {
            change(&connection, (app, conversation), (by, clients), (decide, call), now).await
        };
        let is_done = async |connection: Arc<Connection>, changed: Changed| {
            let Some(Ok(changed)) = changed else { return Ok(true) };
            let holds = load(&connection, (app, conversation), clients, self.database.now()).await?;
            Ok(holds.is_some_and(|holds| is_made(&holds, &changed.decision.change)))
        };
        self.database.write_and_read_back("change standing", change, is_done).await
    }

    async fn member_infos(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<MemberInfo>, StoreError> {
        if !is_storable(conversation.as_str()) {
            return Ok(Vec::new());
        }
        let read = async |connection: Arc<Connection>| infos(&connection, (app, conversation)).await;
        self.database.pool.read(("member infos", READ_LIMIT), read).await
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
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let Some((key, conversation)) = load_with_key(connection, app, id).await? else { return Ok(None) };
    of(connection, (key, conversation), clients, now).await.map(Some)
}

async fn change(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (by, clients): (&ClientId, &[ClientId]),
    (decide, call): (DecideStanding, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Changed, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else { return Ok(None) };
    let standing = of(connection, (key, conversation), clients, now).await?;
    let decision = match decide(&standing) {
        Ok(decision) => decision,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let mut conversation = standing.conversation;
    write(connection, (key, &mut conversation), &decision.change, now).await?;
    let StandingChange::Restrict(Restriction::Blocked, blocked) = &decision.change else {
        return Ok(Some(Ok(ChangedStanding { decision, conversation, removal: None })));
    };
    let removed = remove_from(connection, app, (key, conversation, blocked), (by, call), now).await?;
    let MembershipChange { changed: members, sequence, conversation, .. } = removed.row;
    let removal = sequence.map(|sequence| Removal { members, sequence, call: removed.call });
    Ok(Some(Ok(ChangedStanding { decision, conversation, removal })))
}

async fn write(
    connection: &Connection,
    (key, conversation): (i64, &mut Conversation),
    change: &StandingChange,
    now: Timestamp,
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
        StandingChange::SilenceUntil(client, ends_at) => {
            let sql = "DELETE FROM temporary_silences WHERE conversation = $1 AND ends_at <= $2";
            connection.execute_prepared(sql, &[&key, &now.0]).await?;
            let sql = "
                INSERT INTO temporary_silences (conversation, client, ends_at)
                VALUES ($1, $2, $3)
                ON CONFLICT (conversation, client) DO UPDATE SET ends_at = excluded.ends_at";
            connection.execute_prepared(sql, &[&key, &client.as_str().as_bytes(), &ends_at.0]).await?;
        }
        StandingChange::EndSilence(client) => {
            let sql = "DELETE FROM temporary_silences WHERE conversation = $1 AND client = $2";
            connection.execute_prepared(sql, &[&key, &client.as_str().as_bytes()]).await?;
        }
        StandingChange::SetRole(MemberInfo { id, client, role }) => {
            let sql = "
                INSERT INTO member_roles (conversation, client, id, role)
                VALUES ($1, $2, $3, $4)
                ON CONFLICT (conversation, client) DO UPDATE SET role = excluded.role";
            let client = client.as_str().as_bytes();
            connection.execute_prepared(sql, &[&key, &client, id, &role_column(*role)]).await?;
        }
    }
    conversation.standing_version = conversation.standing_version.saturating_add(1);
    let sql = "UPDATE conversations SET standing_version = $2 WHERE key = $1";
    connection.execute_prepared(sql, &[&key, &to_i64(conversation.standing_version)]).await?;
    Ok(())
}

async fn infos(
    connection: &Connection,
    (app, conversation): (&AppId, &ConversationId),
) -> Result<Vec<MemberInfo>, StoreError> {
    let sql = "
        SELECT id, client, role
        FROM member_roles
        WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2)
        ORDER BY client";
    let rows = connection.rows(sql, &[&app.as_str(), &conversation.as_str()]).await?;
    let info = |row: &Row| {
        let client = client(column(row, 1)?, "member_roles", conversation)?;
        Ok(MemberInfo { id: column(row, 0)?, client, role: role(column(row, 2)?, conversation)? })
    };
    rows.iter().map(info).collect()
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
