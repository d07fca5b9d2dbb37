//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    AskRules, CallFor, Committed, Conversation, MemberChange, MembersUnchanged, MembershipChange, MembershipRequest,
    Permitted, StoreError, StoredCall, permitted_to_add, permitted_to_remove,
};
use hookd_im_core::timestamp::Timestamp;

use super::calls::{NewCalls, Room};
use super::columns::{bytes_of, column, to_i64};
use super::conversation_row::load_locked;
use super::members::insert;
use super::pool::Connection;
use super::{standing_rows, stored_events};
use crate::membership::{with_added, with_removed};
use crate::{json, member_set};

/// What became of a request.
pub(super) type Changed = Result<Committed<MembershipChange>, MembersUnchanged>;

/// Adds up to the limit (S-27); members already present are as asked (S-24).
pub(super) async fn add(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (request, limit): (&MembershipRequest, usize),
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Changed, StoreError> {
    let (key, conversation, permitted) = match checked(connection, (app, id), (request, permitted_to_add), now).await? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let change = with_added(conversation, &permitted.members, limit);
    let change = MembershipChange { forbidden: permitted.failed, ..change };
    let sql = "SELECT coalesce(max(position) + 1, 0) FROM members WHERE conversation = $1";
    let row = connection.row(sql, &[&key]).await?;
    let first_position = row.map(|row| column(&row, 0)).transpose()?.unwrap_or(0);
    insert(connection, app, key, &change.changed, first_position).await?;
    commit(connection, app, (key, change, true), (&request.by, call), now).await.map(Ok)
}

/// Removes members; absent ones are as asked (S-24).
pub(super) async fn remove(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    request: &MembershipRequest,
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Changed, StoreError> {
    let (key, conversation, permitted) =
        match checked(connection, (app, id), (request, permitted_to_remove), now).await? {
            Ok(checked) => checked,
            Err(unchanged) => return Ok(Err(unchanged)),
        };
    let members = permitted.members.as_slice();
    let removed = remove_from(connection, app, (key, conversation, members), (&request.by, call), now).await?;
    let row = MembershipChange { forbidden: permitted.failed, ..removed.row };
    Ok(Ok(Committed { row, call: removed.call }))
}

/// Removes members of a conversation whose lock is held.
pub(super) async fn remove_from(
    connection: &Connection,
    app: &AppId,
    (key, conversation, members): (i64, Conversation, &[ClientId]),
    (by, call): (&ClientId, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Committed<MembershipChange>, StoreError> {
    let change = with_removed(conversation, members);
    if !change.changed.is_empty() {
        let sql = "DELETE FROM members WHERE conversation = $1 AND client = ANY ($2)";
        connection.execute_prepared(sql, &[&key, &bytes_of(&change.changed)]).await?;
        // A manager that comes back is a member.
        standing_rows::forget_roles(connection, key, &change.changed).await?;
    }
    commit(connection, app, (key, change, false), (by, call), now).await
}

/// The conversation with its key, under its lock, and what the rules allow.
async fn checked(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (request, ask): (&MembershipRequest, AskRules),
    now: Timestamp,
) -> Result<Result<(i64, Conversation, Permitted), MembersUnchanged>, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let standing = standing_rows::of(connection, (key, conversation), &request.named(), now).await?;
    Ok(ask(&standing, request).map(|permitted| (key, standing.conversation, permitted)))
}

/// Writes the conversation and the call, if anything has changed.
async fn commit(
    connection: &Connection,
    app: &AppId,
    (key, mut change, is_join): (i64, MembershipChange, bool),
    (by, call): (&ClientId, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Committed<MembershipChange>, StoreError> {
    if change.changed.is_empty() {
        return Ok(Committed { row: change, call: StoredCall::None });
    }
    change.conversation.last_sequence += 1;
    change.conversation.members_sequence = change.conversation.last_sequence;
    change.sequence = Some(change.conversation.last_sequence);
    change.conversation.updated_at = change.conversation.updated_at.max(now);
    let kept = MemberChange {
        sequence: change.conversation.last_sequence,
        is_join,
        members: change.changed.clone(),
        by: by.clone(),
        changed_at: change.conversation.updated_at,
    };
    // Sent one right after the other.
    tokio::try_join!(
        save_change(connection, key, &change.conversation),
        stored_events::keep(connection, key, &kept, now),
    )?;
    let mut calls = NewCalls::default();
    let mut room = Room::of(connection, &[app.as_str()]).await?;
    let call = calls.add_for(app, call, &change, &mut room);
    calls.insert(connection, now).await?;
    Ok(Committed { row: change, call })
}

/// A unique conversation keeps its `uniqueId` and from now on answers for its new member set (S-8).
async fn save_change(connection: &Connection, key: i64, conversation: &Conversation) -> Result<(), StoreError> {
    let digest = conversation.unique_id.is_some().then(|| member_set::digest(&conversation.members));
    let sql = "
        UPDATE conversations
        SET updated_at = $2, member_digest = $3, last_sequence = $4, members_sequence = $4, muted = $5
        WHERE key = $1";
    let sequence = to_i64(conversation.last_sequence);
    let muted = json::to_column(&conversation.muted)?;
    connection.execute_prepared(sql, &[&key, &conversation.updated_at.0, &digest, &sequence, &muted]).await?;
    Ok(())
}
