//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, Committed, Conversation, MemberChange, MembersUnchanged, MembershipChange, MembershipRequest, StoreError,
    StoredCall,
};
use hookd_im_core::timestamp::Timestamp;

use super::calls::{NewCalls, Room};
use super::columns::{bytes_of, column, to_i64};
use super::conversation_row::load_locked;
use super::members::insert;
use super::pool::Connection;
use super::stored_events;
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
    let (key, conversation) = match checked(connection, (app, id), request, now).await? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let change = with_added(conversation, &request.members, limit);
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
    let (key, conversation) = match checked(connection, (app, id), request, now).await? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let change = with_removed(conversation, &request.members);
    if !change.changed.is_empty() {
        let sql = "DELETE FROM members WHERE conversation = $1 AND client = ANY ($2)";
        connection.execute_prepared(sql, &[&key, &bytes_of(&change.changed)]).await?;
    }
    commit(connection, app, (key, change, false), (&request.by, call), now).await.map(Ok)
}

/// The conversation and its key, under its lock.
async fn checked(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    request: &MembershipRequest,
    now: Timestamp,
) -> Result<Result<(i64, Conversation), MembersUnchanged>, StoreError> {
    Ok(match load_locked(connection, app, id, now).await? {
        None => Err(MembersUnchanged::NoConversation),
        Some((_, found)) if request.by_member_only && !found.has_member(&request.by) => {
            Err(MembersUnchanged::NotAMember)
        }
        Some(found) => Ok(found),
    })
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
