//! Changes of members.

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    AskRules, CallFor, Committed, Conversation, MemberChange, MembersUnchanged, MembershipChange, MembershipRequest,
    Permitted, StoredCall, permitted_to_add, permitted_to_remove,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::conversation_row::load_living;
use super::error::WorkError;
use super::members::insert;
use super::{calls, standing_rows, stored_events};
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
    let (key, conversation, permitted) = match checked(connection, (app, id), (&request, permitted_to_add), now)? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let change = with_added(conversation, &permitted.members, limit);
    let change = MembershipChange { forbidden: permitted.failed, ..change };
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
    let (key, conversation, permitted) = match checked(connection, (app, id), (&request, permitted_to_remove), now)? {
        Ok(checked) => checked,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let removed = remove_from(connection, app, (key, conversation, &permitted.members), (&request.by, call), now)?;
    let row = MembershipChange { forbidden: permitted.failed, ..removed.row };
    Ok(Ok(Committed { row, call: removed.call }))
}

/// Removes members of a conversation that was just read.
pub(super) fn remove_from(
    connection: &Connection,
    app: &AppId,
    (key, conversation, members): (i64, Conversation, &[ClientId]),
    (by, call): (&ClientId, Option<CallFor<MembershipChange>>),
    now: Timestamp,
) -> Result<Committed<MembershipChange>, WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM members WHERE conversation = ?1 AND client = ?2")?;
    let change = with_removed(conversation, members);
    for member in &change.changed {
        delete.execute(params![key, member.as_str()])?;
    }
    // A manager that comes back is a member.
    standing_rows::forget_roles(connection, key, &change.changed)?;
    commit(connection, (app, key), (change, false), (by, call), now)
}

/// The conversation with its key, and what the rules allow.
fn checked(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (request, ask): (&MembershipRequest, AskRules),
    now: Timestamp,
) -> Result<Result<(i64, Conversation, Permitted), MembersUnchanged>, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, id, now)? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let standing = standing_rows::of(connection, (key, conversation), &request.named(), now)?;
    Ok(ask(&standing, request).map(|permitted| (key, standing.conversation, permitted)))
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
