//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, Committed, Conversation, MemberChange, MembersUnchanged, MembershipChange, MembershipRequest, StoredCall,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::conversation_row::load_living;
use super::error::WorkError;
use super::members::insert;
use super::{calls, stored_events};
use crate::membership::{with_added, with_removed};
use crate::{json, member_set};

/// What became of a request.
pub(super) type Changed = Result<Committed<MembershipChange>, MembersUnchanged>;

/// Adds up to the limit (S-27); members already present are as asked (S-24).
pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    (request, limit, call): (MembershipRequest, usize, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Changed, WorkError> {
    let (key, conversation) = match checked(connection, (app, id), &request, now)? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let change = with_added(conversation, &request.members, limit);
    let first_position: i64 = connection
        .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM members WHERE conversation = ?1")?
        .query_row([key], |row| row.get(0))?;
    insert(connection, app, key, &change.changed, first_position)?;
    commit(connection, (app, key), (change, true), (&request.by, call), now).map(Ok)
}

/// Removes members; absent ones are as asked (S-24).
pub(super) fn remove(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    (request, call): (MembershipRequest, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Changed, WorkError> {
    let (key, conversation) = match checked(connection, (app, id), &request, now)? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let mut delete = connection.prepare_cached("DELETE FROM members WHERE conversation = ?1 AND client = ?2")?;
    let change = with_removed(conversation, &request.members);
    for member in &change.changed {
        delete.execute(params![key, member.as_str()])?;
    }
    commit(connection, (app, key), (change, false), (&request.by, call), now).map(Ok)
}

/// The conversation and its key.
fn checked(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    request: &MembershipRequest,
    now: Timestamp,
) -> Result<Result<(i64, Conversation), MembersUnchanged>, WorkError> {
    Ok(match load_living(connection, app, id, now)? {
        None => Err(MembersUnchanged::NoConversation),
        Some((_, found)) if request.by_member_only && !found.has_member(&request.by) => {
            Err(MembersUnchanged::NotAMember)
        }
        Some(found) => Ok(found),
    })
}

/// Writes what a change of members does to the conversation, and its call; nothing when no member has changed.
fn commit(
    connection: &Connection,
    (app, key): (&AppId, i64),
    (mut change, is_join): (MembershipChange, bool),
    (by, call): (&ClientId, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Committed<MembershipChange>, WorkError> {
    if change.changed.is_empty() {
        return Ok(Committed { row: change, call: StoredCall::None });
    }
    save_change(connection, key, &mut change.conversation, now)?;
    change.sequence = Some(change.conversation.last_sequence);
    let kept = MemberChange {
        sequence: change.conversation.last_sequence,
        is_join,
        members: change.changed.clone(),
        by: by.clone(),
        changed_at: change.conversation.updated_at,
    };
    stored_events::keep(connection, key, &kept, now)?;
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
             SET updated_at = ?2,
                 member_digest = ?3,
                 muted = ?4,
                 last_sequence = last_sequence + 1,
                 members_sequence = last_sequence + 1
             WHERE key = ?1
             RETURNING last_sequence",
        )?
        .query_row(params![key, conversation.updated_at.0, digest, muted], |row| row.get(0))?;
    conversation.last_sequence = sequence.unsigned_abs();
    conversation.members_sequence = conversation.last_sequence;
    Ok(())
}
