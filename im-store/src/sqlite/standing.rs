//! What conversations hold about clients.

use async_trait::async_trait;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, ChangedStanding, ClientPage, Conversation, DecideStanding, MemberInfo, MembershipChange, Removal,
    Restriction, Standing, StandingChange, StandingDecision, Standings, StoreError,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::conversation_row::{key, load_living, load_with_key};
use super::error::WorkError;
use super::membership::remove_from;
use super::standing_rows::of;
use crate::standing::{is_made, restriction_column, role, role_column};

/// What became of a request.
type Changed = Option<Result<ChangedStanding, Refusal>>;

#[async_trait]
impl Standings for SqliteStore {
    async fn standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Option<Standing>, StoreError> {
        let (app, id, clients) = (app.clone(), conversation.clone(), clients.to_vec());
        let now = (self.clock)();
        let load = move |connection: &Connection| {
            let standing = load(connection, (&app, &id), &clients, now)?;
            Ok(standing.filter(|standing| !standing.conversation.has_expired(now)))
        };
        self.readers.read("standing", load).await
    }

    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (by, clients): (&ClientId, &[ClientId]),
        decide: DecideStanding,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let (of_app, id, by, named) = (app.clone(), conversation.clone(), by.clone(), clients.to_vec());
        let change =
            move |connection: &Connection, now| change(connection, (&of_app, &id), (&by, &named), (decide, call), now);
        let (of_app, id, named) = (app.clone(), conversation.clone(), clients.to_vec());
        let now = (self.clock)();
        let is_done = move |connection: &Connection, changed: &Changed| {
            let Some(Ok(changed)) = changed else { return Ok(true) };
            let holds = load(connection, (&of_app, &id), &named, now)?;
            Ok(holds.is_some_and(|holds| is_made(&holds, &changed.decision.change)))
        };
        self.write_and_read_back("change standing", change, is_done).await
    }

    async fn member_infos(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<MemberInfo>, StoreError> {
        let (app, id) = (app.clone(), conversation.clone());
        let read = move |connection: &Connection| match key(connection, &app, &id)? {
            Some(conversation) => infos(connection, conversation),
            None => Ok(Vec::new()),
        };
        self.readers.read("member infos", read).await
    }

    async fn restricted_clients(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        restriction: Restriction,
        page: &ClientPage,
    ) -> Result<Vec<ClientId>, StoreError> {
        let (app, id, page) = (app.clone(), conversation.clone(), page.clone());
        let read = move |connection: &Connection| match key(connection, &app, &id)? {
            Some(conversation) => listed(connection, conversation, restriction, &page),
            None => Ok(Vec::new()),
        };
        self.readers.read("restricted clients", read).await
    }
}

fn load(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    clients: &[ClientId],
    now: Timestamp,
) -> Result<Option<Standing>, WorkError> {
    let Some((key, conversation)) = load_with_key(connection, app, id)? else { return Ok(None) };
    of(connection, (key, conversation), clients, now).map(Some)
}

fn change(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (by, clients): (&ClientId, &[ClientId]),
    (decide, call): (DecideStanding, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Changed, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, id, now)? else { return Ok(None) };
    let standing = of(connection, (key, conversation), clients, now)?;
    let decision = match decide(&standing) {
        Ok(decision) => decision,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let mut conversation = standing.conversation;
    write(connection, (key, &mut conversation), &decision, now)?;
    let StandingChange::Restrict(Restriction::Blocked, blocked) = &decision.change else {
        return Ok(Some(Ok(ChangedStanding { decision, conversation, removal: None })));
    };
    let removed = remove_from(connection, app, (key, conversation, blocked), (by, call), now)?;
    let MembershipChange { changed: members, sequence, conversation, .. } = removed.row;
    let removal = sequence.map(|sequence| Removal { members, sequence, call: removed.call });
    Ok(Some(Ok(ChangedStanding { decision, conversation, removal })))
}

fn write(
    connection: &Connection,
    (key, conversation): (i64, &mut Conversation),
    decision: &StandingDecision,
    now: Timestamp,
) -> Result<(), WorkError> {
    if decision.change.clients().is_empty() {
        return Ok(());
    }
    match &decision.change {
        StandingChange::Restrict(restriction, clients) => {
            let mut insert = connection.prepare_cached(
                "INSERT INTO restrictions (conversation, restriction, client)
                 VALUES (?1, ?2, ?3)",
            )?;
            for client in clients {
                insert.execute(params![key, restriction_column(*restriction), client.as_str()])?;
            }
        }
        StandingChange::Lift(restriction, clients) => {
            let mut delete = connection.prepare_cached(
                "DELETE FROM restrictions WHERE conversation = ?1 AND restriction = ?2 AND client = ?3",
            )?;
            for client in clients {
                delete.execute(params![key, restriction_column(*restriction), client.as_str()])?;
            }
        }
        StandingChange::SilenceUntil(client, ends_at) => {
            connection
                .prepare_cached("DELETE FROM temporary_silences WHERE conversation = ?1 AND ends_at <= ?2")?
                .execute(params![key, now.0])?;
            connection
                .prepare_cached(
                    "INSERT INTO temporary_silences (conversation, client, ends_at)
                     VALUES (?1, ?2, ?3)
                     ON CONFLICT (conversation, client) DO UPDATE SET ends_at = excluded.ends_at",
                )?
                .execute(params![key, client.as_str(), ends_at.0])?;
        }
        StandingChange::EndSilence(client) => {
            connection
                .prepare_cached("DELETE FROM temporary_silences WHERE conversation = ?1 AND client = ?2")?
                .execute(params![key, client.as_str()])?;
        }
        StandingChange::SetRole(MemberInfo { id, client, role }) => {
            connection
                .prepare_cached(
                    "INSERT INTO member_roles (conversation, client, id, role)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (conversation, client) DO UPDATE SET role = excluded.role",
                )?
                .execute(params![key, client.as_str(), id, role_column(*role)])?;
        }
    }
    let version: i64 = connection
        .prepare_cached(
            "UPDATE conversations SET standing_version = standing_version + 1 WHERE key = ?1
             RETURNING standing_version",
        )?
        .query_row([key], |row| row.get(0))?;
    conversation.standing_version = version.unsigned_abs();
    Ok(())
}

fn infos(connection: &Connection, conversation: i64) -> Result<Vec<MemberInfo>, WorkError> {
    let mut statement = connection
        .prepare_cached("SELECT id, client, role FROM member_roles WHERE conversation = ?1 ORDER BY client")?;
    let rows = statement.query_map([conversation], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i16>(2)?))
    })?;
    rows.map(|row| {
        let (id, client, column) = row?;
        Ok(MemberInfo { id, client: ClientId::new(client), role: role(column, conversation)? })
    })
    .collect()
}

fn listed(
    connection: &Connection,
    conversation: i64,
    restriction: Restriction,
    page: &ClientPage,
) -> Result<Vec<ClientId>, WorkError> {
    let after = page.after.as_deref().unwrap_or_default();
    let clients = connection
        .prepare_cached(
            "SELECT client
             FROM restrictions
             WHERE conversation = ?1 AND restriction = ?2 AND client > ?3
             ORDER BY client
             LIMIT ?4",
        )?
        .query_map(params![conversation, restriction_column(restriction), after, page.limit], |row| {
            row.get::<_, String>(0)
        })?
        .map(|client| client.map(ClientId::new))
        .collect::<Result<_, _>>()?;
    Ok(clients)
}
