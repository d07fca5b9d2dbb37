//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{CallFor, Committed, Conversation, MembershipChange, StoredCall};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::calls;
use super::conversation_row::load_with_key;
use super::error::WorkError;
use super::members::insert;
use crate::membership::{with_added, with_removed};
use crate::{json, member_set};

/// Adds up to the limit (S-27); members already present are as asked (S-24).
pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    (members, limit, call): (Vec<ClientId>, usize, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Option<Committed<MembershipChange>>, WorkError> {
    let Some((key, conversation)) = load_with_key(connection, app, id)? else {
        return Ok(None);
    };
    let change = with_added(conversation, &members, limit);
    let first_position: i64 = connection
        .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM members WHERE conversation = ?1")?
        .query_row([key], |row| row.get(0))?;
    insert(connection, app, key, &change.changed, first_position)?;
    commit(connection, (app, key), change, call, now).map(Some)
}

/// Removes members; absent ones are as asked (S-24).
pub(super) fn remove(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    (members, call): (Vec<ClientId>, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Option<Committed<MembershipChange>>, WorkError> {
    let Some((key, conversation)) = load_with_key(connection, app, id)? else {
        return Ok(None);
    };
    let mut delete = connection.prepare_cached("DELETE FROM members WHERE conversation = ?1 AND client = ?2")?;
    let change = with_removed(conversation, &members);
    for member in &change.changed {
        delete.execute(params![key, member.as_str()])?;
    }
    commit(connection, (app, key), change, call, now).map(Some)
}

/// Writes what a change of members does to the conversation, and its call; nothing when no member has changed.
fn commit(
    connection: &Connection,
    (app, key): (&AppId, i64),
    mut change: MembershipChange,
    call: Option<CallFor<MembershipChange>>,
    now: Timestamp,
) -> Result<Committed<MembershipChange>, WorkError> {
    if change.changed.is_empty() {
        return Ok(Committed { row: change, call: StoredCall::None });
    }
    save_change(connection, key, &mut change.conversation, now)?;
    change.sequence = Some(change.conversation.last_sequence);
    let call = calls::add_for(connection, app, (call, &change), now)?;
    Ok(Committed { row: change, call })
}

/// A unique conversation keeps its `uniqueId` and from now on answers for its new member set (S-8).
fn save_change(
    connection: &Connection,
    key: i64,
    conversation: &mut Conversation,
    now: Timestamp,
) -> Result<(), WorkError> {
    conversation.updated_at = conversation.updated_at.max(now);
    let digest = conversation.unique_id.is_some().then(|| member_set::digest(&conversation.members));
    let muted = json::to_column(&conversation.muted)?;
    let sequence: i64 = connection
        .prepare_cached(
            "UPDATE conversations
             SET updated_at = ?2, member_digest = ?3, muted = ?4, last_sequence = last_sequence + 1
             WHERE key = ?1
             RETURNING last_sequence",
        )?
        .query_row(params![key, conversation.updated_at.0, digest, muted], |row| row.get(0))?;
    conversation.last_sequence = sequence.unsigned_abs();
    Ok(())
}
