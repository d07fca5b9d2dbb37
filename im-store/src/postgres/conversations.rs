//! Conversations: creating, finding and changing them.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, Committed, Conversation, ConversationQuery, Conversations, CreatedConversation, EditConversation,
    EditedConversation, FoundConversation, Lifetime, MemberChange, MembershipChange, MembershipRequest,
    NewConversation, QueryError, StoreError, StoredCall,
};
use hookd_im_core::timestamp::Timestamp;

use super::calls::{NewCalls, Room};
use super::columns::{column, to_i64};
use super::conversation_row::{COLUMN_COUNT, COLUMNS, ConversationRow, load, load_locked};
use super::locks::{self, Lock};
use super::membership::Changed;
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, expired, members, membership, search, stored_events};
use crate::{json, member_set};

#[async_trait]
impl Conversations for PostgresStore {
    async fn create_conversation(
        &self,
        app: &AppId,
        new: NewConversation,
        call: Option<CallFor<Conversation>>,
    ) -> Result<Committed<CreatedConversation>, StoreError> {
        let create = async |connection: Arc<Connection>, now| create(&connection, app, new, call, now).await;
        let is_there = async |connection: Arc<Connection>, created: Committed<CreatedConversation>| {
            let found = load(&connection, app, &created.row.conversation.id).await?;
            Ok(found.is_some())
        };
        self.database.write_and_read_back("create conversation", create, is_there).await
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        let load = async |connection: Arc<Connection>| load(&connection, app, id).await;
        let found = self.database.pool.read(("conversation", READ_LIMIT), load).await?;
        Ok(found.filter(|found| !found.has_expired(self.database.now())))
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        let now = self.database.now();
        let find = async |connection: Arc<Connection>, until| {
            search::find(&connection, (app, asking), query, (now, until)).await
        };
        self.queries.run(app, "find conversations", find).await
    }

    async fn edit_conversation(
        &self,
        app: &AppId,
        id: &ConversationId,
        edit: EditConversation,
    ) -> Result<Option<Result<Conversation, Refusal>>, StoreError> {
        let edit = async |connection: Arc<Connection>, now| self::edit(&connection, (app, id), edit, now).await;
        let is_done = async |connection: Arc<Connection>, edited: Option<Result<Conversation, Refusal>>| {
            let Some(Ok(edited)) = edited else { return Ok(true) };
            let now = load(&connection, app, id).await?;
            Ok(now.is_some_and(|now| (now.attributes, now.muted) == (edited.attributes, edited.muted)))
        };
        self.database.write_and_read_back("edit conversation", edit, is_done).await
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        member_limit: usize,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let add = async |connection: Arc<Connection>, now| {
            membership::add(&connection, (app, id), (request, member_limit), call, now).await
        };
        self.database.write_and_read_back("add members", add, is_changed(app)).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Changed, StoreError> {
        let remove = async |connection: Arc<Connection>, now| {
            membership::remove(&connection, (app, id), request, call, now).await
        };
        self.database.write_and_read_back("remove members", remove, is_changed(app)).await
    }

    async fn delete_expired_conversations(&self) -> Result<bool, StoreError> {
        let delete = async |connection: Arc<Connection>, now| expired::delete(&connection, now).await;
        self.database.write("delete expired conversations", delete).await
    }
}

/// Finds out whether a change of members happened, from what it led to.
fn is_changed<'a>(app: &'a AppId) -> impl Fn(Arc<Connection>, Changed) -> BoxFuture<'a, Result<bool, StoreError>> {
    move |connection, change| {
        async move {
            let Ok(MembershipChange { conversation: after, sequence: Some(sequence), .. }) =
                change.map(|change| change.row)
            else {
                return Ok(true);
            };
            let now = load(&connection, app, &after.id).await?;
            Ok(now.is_some_and(|now| now.last_sequence >= sequence && now.members == after.members))
        }
        .boxed()
    }
}

/// Creates, or finds (S-8). The lock of the set of members makes the two one step.
pub(super) async fn create(
    connection: &Connection,
    app: &AppId,
    new: NewConversation,
    call: Option<CallFor<Conversation>>,
    now: Timestamp,
) -> Result<Committed<CreatedConversation>, StoreError> {
    let digest = new.unique.then(|| member_set::digest_of(new.kind, &new.members));
    if let Some(digest) = &digest {
        locks::take(connection, [Lock::of_member_set(app, digest)]).await?;
        if let Some(conversation) = find_by_member_set(connection, app, (&new.members, digest), now).await? {
            let row = CreatedConversation { conversation, existing: true };
            return Ok(Committed { row, call: StoredCall::None });
        }
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
    insert(connection, app, &conversation, digest.as_deref()).await?;
    let mut calls = NewCalls::default();
    let mut room = Room::of(connection, &[app.as_str()]).await?;
    let call = calls.add_for(app, call, &conversation, &mut room);
    calls.insert(connection, now).await?;
    Ok(Committed { row: CreatedConversation { conversation, existing: false }, call })
}

/// Writes what `edit` makes of attributes and mutes.
async fn edit(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    edit: EditConversation,
    now: Timestamp,
) -> Result<Option<Result<Conversation, Refusal>>, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else { return Ok(None) };
    let edited = match edit(&conversation) {
        Ok(edited) => edited,
        Err(refusal) => return Ok(Some(Err(refusal))),
    };
    let updated_at = conversation.updated_at.max(now);
    let sql = "UPDATE conversations SET attributes = $2, muted = $3, updated_at = $4 WHERE key = $1";
    let (attributes, muted) = (json::to_column(&edited.attributes)?, json::to_column(&edited.muted)?);
    connection.execute_prepared(sql, &[&key, &attributes, &muted, &updated_at.0]).await?;
    let EditedConversation { attributes, muted } = edited;
    Ok(Some(Ok(Conversation { attributes, muted, updated_at, ..conversation })))
}

/// The oldest unique conversation with exactly these current members: membership changes can make two of them equal.
async fn find_by_member_set(
    connection: &Connection,
    app: &AppId,
    (members, digest): (&[ClientId], &str),
    now: Timestamp,
) -> Result<Option<Conversation>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {}
         FROM conversations
         WHERE app = $1 AND member_digest = $2
         ORDER BY key",
        members::IN_ORDER
    );
    for row in connection.rows(&sql, &[&app.as_str(), &digest]).await? {
        let present = members::read(&row, COLUMN_COUNT)?;
        if present.len() == members.len() && members.iter().all(|member| present.contains(member)) {
            let found = ConversationRow::read(&row)?.into_conversation(present)?;
            if !found.has_expired(now) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

async fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: &Conversation,
    member_digest: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO conversations
            (app, id, attributes, creator, muted, unique_id, member_digest, created_at, updated_at, last_sequence,
             members_sequence, kind, ttl_seconds, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        RETURNING key";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 14] = [
        &app.as_str(),
        &conversation.id.as_str(),
        &json::to_column(&conversation.attributes)?,
        &conversation.creator.as_ref().map(|creator| creator.as_str().as_bytes()),
        &json::to_column(&conversation.muted)?,
        &conversation.unique_id,
        &member_digest,
        &conversation.created_at.0,
        &conversation.updated_at.0,
        &to_i64(conversation.last_sequence),
        &to_i64(conversation.members_sequence),
        &conversation.kind.number(),
        &conversation.lifetime.map(|lifetime| i64::from(lifetime.ttl_seconds)),
        &conversation.lifetime.map(|lifetime| lifetime.expires_at.0),
    ];
    let row = connection.row(sql, &values).await?;
    let key = row.map(|row| column(&row, 0)).transpose()?.ok_or(StoreError::Closed)?;
    let first = MemberChange {
        sequence: conversation.last_sequence,
        is_join: true,
        members: conversation.members.clone(),
        // Of the administrator as in events: without a name.
        by: conversation.creator.clone().unwrap_or_else(|| ClientId::new("")),
        changed_at: conversation.created_at,
    };
    // Sent one right after the other.
    tokio::try_join!(
        members::insert(connection, app, key, &conversation.members, 0),
        stored_events::keep(connection, key, &first, conversation.created_at),
    )?;
    Ok(())
}
