//! Conversations: creating and loading.

use async_trait::async_trait;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, Committed, Conversation, ConversationQuery, Conversations, CreatedConversation, EditConversation,
    EditedConversation, FoundConversation, Lifetime, MemberChange, MembershipChange, MembershipRequest,
    NewConversation, QueryError, StoreError, StoredCall,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::conversation_row::{COLUMNS, ConversationRow, key, load, load_living};
use super::error::WorkError;
use super::membership::Changed;
use super::{SqliteStore, calls, expired, members, membership, search, stored_events};
use crate::query::Filter;
use crate::{json, member_set};

#[async_trait]
impl Conversations for SqliteStore {
    async fn create_conversation(
        &self,
        app: &AppId,
        new: NewConversation,
        call: Option<CallFor<Conversation>>,
    ) -> Result<Committed<CreatedConversation>, StoreError> {
        let of_app = app.clone();
        let create = move |connection: &Connection, now| create(connection, &of_app, (new, call), now);
        let of_app = app.clone();
        let is_there = move |connection: &Connection, created: &Committed<CreatedConversation>| {
            Ok(key(connection, &of_app, &created.row.conversation.id)?.is_some())
        };
        self.write_and_read_back("create conversation", create, is_there).await
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        let (app, id) = (app.clone(), id.clone());
        let now = (self.clock)();
        let load = move |connection: &Connection| {
            Ok(load(connection, &app, &id)?.filter(|conversation| !conversation.has_expired(now)))
        };
        self.readers.read("conversation", load).await
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        let (of_app, asking, query, now) = (app.clone(), asking.clone(), query.clone(), (self.clock)());
        // Parsing compiles regular expressions: work for the same thread.
        let find = move |connection: &Connection, until| {
            let filter = Filter::parse(&query.filter, &asking)?;
            search::find(connection, (&of_app, &asking), &filter, &query, (now, until))
        };
        self.queries.run(app, "find conversations", find).await
    }

    async fn edit_conversation(
        &self,
        app: &AppId,
        id: &ConversationId,
        edit: EditConversation,
    ) -> Result<Option<Result<Conversation, Refusal>>, StoreError> {
        let (of_app, id) = (app.clone(), id.clone());
        let edit = move |connection: &Connection, now| self::edit(connection, (&of_app, &id), edit, now);
        let of_app = app.clone();
        let is_done = move |connection: &Connection, edited: &Option<Result<Conversation, Refusal>>| {
            let Some(Ok(edited)) = edited else { return Ok(true) };
            let now = load(connection, &of_app, &edited.id)?;
            Ok(now.is_some_and(|now| (now.attributes, now.muted) == (edited.attributes.clone(), edited.muted.clone())))
        };
        self.write_and_read_back("edit conversation", edit, is_done).await
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        member_limit: usize,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let (of_app, id, request) = (app.clone(), id.clone(), request.clone());
        let add = move |connection: &Connection, now| {
            membership::add(connection, &of_app, &id, (request, member_limit, call), now)
        };
        self.write_and_read_back("add members", add, is_changed(app)).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let (of_app, id, request) = (app.clone(), id.clone(), request.clone());
        let remove =
            move |connection: &Connection, now| membership::remove(connection, &of_app, &id, (request, call), now);
        self.write_and_read_back("remove members", remove, is_changed(app)).await
    }

    async fn delete_expired_conversations(&self) -> Result<bool, StoreError> {
        self.write("delete expired conversations", expired::delete).await
    }
}

/// Tells of a change of members whether it happened, from the members that it leads to.
fn is_changed(app: &AppId) -> impl FnOnce(&Connection, &Changed) -> Result<bool, WorkError> + use<> {
    let app = app.clone();
    move |connection, change| {
        let Ok(Committed { row: change, .. }) = change else { return Ok(true) };
        let now = load(connection, &app, &change.conversation.id)?;
        Ok(now.is_some_and(|now| now.members == change.conversation.members))
    }
}

/// Creates, or finds (S-8). The caller's transaction makes the two one step.
fn create(
    connection: &Connection,
    app: &AppId,
    (new, call): (NewConversation, Option<CallFor<Conversation>>),
    now: Timestamp,
) -> Result<Committed<CreatedConversation>, WorkError> {
    let digest = new.unique.then(|| member_set::digest_of(new.kind, &new.members));
    if let Some(digest) = &digest
        && let Some(conversation) = find_by_member_set(connection, app, (&new.members, digest), now)?
    {
        let row = CreatedConversation { conversation, existing: true };
        return Ok(Committed { row, call: StoredCall::None });
    }
    let conversation = Conversation {
        id: new.id,
        kind: new.kind,
        lifetime: new.ttl_seconds.map(|ttl_seconds| Lifetime::from_now(now, ttl_seconds)),
        attributes: new.attributes,
        creator: new.creator,
        unique_id: new.unique.then(|| member_set::unique_id(&new.members)),
        members: new.members,
        muted: Vec::new(),
        last_message_at: None,
        created_at: now,
        updated_at: now,
        last_sequence: 1,
        members_sequence: 1,
        standing_version: 0,
    };
    insert(connection, app, &conversation, digest.as_deref())?;
    let call = calls::add_for(connection, app, (call, &conversation), now)?;
    Ok(Committed { row: CreatedConversation { conversation, existing: false }, call })
}

/// Writes what `edit` makes of attributes and mutes.
fn edit(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    edit: EditConversation,
    now: Timestamp,
) -> Result<Option<Result<Conversation, Refusal>>, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, id, now)? else { return Ok(None) };
    let edited = match edit(&conversation) {
        Ok(edited) => edited,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let updated_at = conversation.updated_at.max(now);
    connection
        .prepare_cached("UPDATE conversations SET attributes = ?2, muted = ?3, updated_at = ?4 WHERE key = ?1")?
        .execute(params![key, json::to_column(&edited.attributes)?, json::to_column(&edited.muted)?, updated_at.0])?;
    let EditedConversation { attributes, muted } = edited;
    Ok(Some(Ok(Conversation { attributes, muted, updated_at, ..conversation })))
}

/// The oldest unique conversation with exactly these current members: membership changes can make two of them equal.
fn find_by_member_set(
    connection: &Connection,
    app: &AppId,
    (members, digest): (&[ClientId], &str),
    now: Timestamp,
) -> Result<Option<Conversation>, WorkError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations WHERE app = ?1 AND member_digest = ?2 ORDER BY key"
    ))?;
    let mut rows = statement.query([app.as_str(), digest])?;
    while let Some(row) = rows.next()? {
        let row = ConversationRow::read(row)?;
        let present = members::load(connection, row.key)?;
        if present.len() == members.len() && members.iter().all(|member| present.contains(member)) {
            let found = row.into_conversation(present)?;
            if !found.has_expired(now) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: &Conversation,
    member_digest: Option<&str>,
) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO conversations (
                 app,
                 id,
                 attributes,
                 creator,
                 muted,
                 unique_id,
                 member_digest,
                 created_at,
                 updated_at,
                 last_sequence,
                 members_sequence,
                 kind,
                 ttl_seconds,
                 expires_at
             )
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            app.as_str(),
            conversation.id.as_str(),
            json::to_column(&conversation.attributes)?,
            conversation.creator.as_ref().map(ClientId::as_str),
            json::to_column(&conversation.muted)?,
            conversation.unique_id,
            member_digest,
            conversation.created_at.0,
            conversation.updated_at.0,
            i64::try_from(conversation.last_sequence).unwrap_or(i64::MAX),
            i64::try_from(conversation.members_sequence).unwrap_or(i64::MAX),
            conversation.kind.number(),
            conversation.lifetime.map(|lifetime| lifetime.ttl_seconds),
            conversation.lifetime.map(|lifetime| lifetime.expires_at.0),
        ])?;
    let key = connection.last_insert_rowid();
    members::insert(connection, app, key, &conversation.members, 0)?;
    let first = MemberChange {
        sequence: conversation.last_sequence,
        is_join: true,
        members: conversation.members.clone(),
        // Of the administrator as in events: without a name.
        by: conversation.creator.clone().unwrap_or_else(|| ClientId::new("")),
        changed_at: conversation.created_at,
    };
    stored_events::keep(connection, key, &first, conversation.created_at)
}
