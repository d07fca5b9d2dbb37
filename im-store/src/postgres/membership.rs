//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{CallFor, Committed, Conversation, MembershipChange, StoreError, StoredCall};
use hookd_im_core::timestamp::Timestamp;

use super::calls::{NewCalls, Room};
use super::columns::{bytes_of, column, to_i64};
use super::conversation_row::load_locked;
use super::members::insert;
use super::pool::Connection;
use crate::membership::{with_added, with_removed};
use crate::{json, member_set};

/// Adds up to the limit (S-27); members already present are as asked (S-24).
pub(super) async fn add(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (members, limit): (&[ClientId], usize),
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Option<Committed<MembershipChange>>, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id).await? else {
        return Ok(None);
    };
    let change = with_added(conversation, members, limit);
    let sql = "SELECT coalesce(max(position) + 1, 0) FROM members WHERE conversation = $1";
    let row = connection.row(sql, &[&key]).await?;
    let first_position = row.map(|row| column(&row, 0)).transpose()?.unwrap_or(0);
    insert(connection, app, key, &change.changed, first_position).await?;
    commit(connection, app, (key, change), call, now).await.map(Some)
}

/// Removes members; absent ones are as asked (S-24).
pub(super) async fn remove(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    members: &[ClientId],
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Option<Committed<MembershipChange>>, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id).await? else {
        return Ok(None);
    };
    let change = with_removed(conversation, members);
    if !change.changed.is_empty() {
        let sql = "DELETE FROM members WHERE conversation = $1 AND client = ANY ($2)";
        connection.execute_prepared(sql, &[&key, &bytes_of(&change.changed)]).await?;
    }
    commit(connection, app, (key, change), call, now).await.map(Some)
}

/// Writes the conversation and the call, if anything has changed.
async fn commit(
    connection: &Connection,
    app: &AppId,
    (key, mut change): (i64, MembershipChange),
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Committed<MembershipChange>, StoreError> {
    if change.changed.is_empty() {
        return Ok(Committed { row: change, call: StoredCall::None });
    }
    change.conversation.last_sequence += 1;
    change.sequence = Some(change.conversation.last_sequence);
    save_change(connection, key, &mut change.conversation, now).await?;
    let mut calls = NewCalls::default();
    let mut room = Room::of(connection, &[app.as_str()]).await?;
    let call = calls.add_for(app, call, &change, &mut room);
    calls.insert(connection, now).await?;
    Ok(Committed { row: change, call })
}

/// A unique conversation keeps its `uniqueId` and from now on answers for its new member set (S-8).
async fn save_change(
    connection: &Connection,
    key: i64,
    conversation: &mut Conversation,
    now: Timestamp,
) -> Result<(), StoreError> {
    conversation.updated_at = conversation.updated_at.max(now);
    let digest = conversation.unique_id.is_some().then(|| member_set::digest(&conversation.members));
    let sql = "
        UPDATE conversations
        SET updated_at = $2, member_digest = $3, last_sequence = $4, muted = $5
        WHERE key = $1";
    let sequence = to_i64(conversation.last_sequence);
    let muted = json::to_column(&conversation.muted)?;
    connection.execute_prepared(sql, &[&key, &conversation.updated_at.0, &digest, &sequence, &muted]).await?;
    Ok(())
}
