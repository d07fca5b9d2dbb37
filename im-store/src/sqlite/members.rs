//! Members of conversations, in order of joining.

use hook_types::{ConversationAdded, ConversationAddedParams, ConversationRemoved, ConversationRemovedParams};
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{CallBeside, Conversation, HookBeside, MembershipChange};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::beside::Beside;
use super::conversations;
use super::error::WorkError;

/// Names a member set without the collisions of the public `uniqueId` (S-8): each id goes in with its length.
pub(super) fn digest(members: &[ClientId]) -> String {
    let mut sorted: Vec<&str> = members.iter().map(ClientId::as_str).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for member in sorted {
        hash.update(member.len().to_le_bytes());
        hash.update(member);
    }
    hex::encode(hash.finalize())
}

pub(super) fn load(connection: &Connection, conversation: i64) -> Result<Vec<ClientId>, WorkError> {
    let mut statement =
        connection.prepare_cached("SELECT client FROM members WHERE conversation = ?1 ORDER BY position")?;
    let members = statement
        .query_map([conversation], |row| row.get::<_, String>(0))?
        .map(|client| client.map(ClientId::new))
        .collect::<Result<_, _>>()?;
    Ok(members)
}

pub(super) fn contains(connection: &Connection, conversation: i64, client: &ClientId) -> Result<bool, WorkError> {
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM members WHERE conversation = ?1 AND client = ?2)")?
        .query_row(params![conversation, client.as_str()], |row| row.get(0))?;
    Ok(found)
}

/// Appends members that are not in the conversation yet.
pub(super) fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: i64,
    members: &[ClientId],
    first_position: i64,
) -> Result<(), WorkError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO members (conversation, client, app, position)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (member, position) in members.iter().zip(first_position..) {
        statement.execute(params![conversation, member.as_str(), app.as_str(), position])?;
    }
    Ok(())
}

/// Adds up to the limit (S-27); members already present are as asked (S-24).
pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    (members, limit): (Vec<ClientId>, usize),
    hook: Option<HookBeside<ConversationAddedParams>>,
    beside: Beside,
) -> Result<Option<MembershipChange>, WorkError> {
    let Some((key, mut conversation)) = conversations::load_with_key(connection, app, id)? else {
        return Ok(None);
    };
    let (mut changed, mut unchanged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        if conversation.has_member(&member) {
            unchanged.push(member);
        } else if conversation.members.len() < limit {
            conversation.members.push(member.clone());
            changed.push(member);
        } else {
            refused.push(member);
        }
    }
    let first_position: i64 = connection
        .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM members WHERE conversation = ?1")?
        .query_row([key], |row| row.get(0))?;
    insert(connection, app, key, &changed, first_position)?;
    if !changed.is_empty() {
        save_change(connection, key, &mut conversation, beside.now())?;
    }
    let hook = match hook.filter(|_| !changed.is_empty()) {
        Some(mut hook) => {
            hook.params.members = texts(&changed);
            beside.store::<ConversationAdded>(connection, app, hook)?
        }
        None => CallBeside::Absent,
    };
    Ok(Some(MembershipChange { changed, unchanged, refused, conversation, hook }))
}

/// Removes members; absent ones are as asked (S-24).
pub(super) fn remove(
    connection: &Connection,
    app: &AppId,
    id: &ConversationId,
    members: Vec<ClientId>,
    hook: Option<HookBeside<ConversationRemovedParams>>,
    beside: Beside,
) -> Result<Option<MembershipChange>, WorkError> {
    let Some((key, mut conversation)) = conversations::load_with_key(connection, app, id)? else {
        return Ok(None);
    };
    let mut delete = connection.prepare_cached("DELETE FROM members WHERE conversation = ?1 AND client = ?2")?;
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for member in members {
        if delete.execute(params![key, member.as_str()])? == 1 {
            conversation.members.retain(|present| *present != member);
            changed.push(member);
        } else {
            unchanged.push(member);
        }
    }
    if !changed.is_empty() {
        save_change(connection, key, &mut conversation, beside.now())?;
    }
    let hook = match hook.filter(|_| !changed.is_empty()) {
        Some(mut hook) => {
            hook.params.members = texts(&changed);
            beside.store::<ConversationRemoved>(connection, app, hook)?
        }
        None => CallBeside::Absent,
    };
    Ok(Some(MembershipChange { changed, unchanged, refused: Vec::new(), conversation, hook }))
}

fn texts(clients: &[ClientId]) -> Vec<String> {
    clients.iter().map(|client| client.as_str().to_owned()).collect()
}

/// A unique conversation keeps its `uniqueId` and from now on answers for its new member set (S-8).
fn save_change(
    connection: &Connection,
    key: i64,
    conversation: &mut Conversation,
    now: Timestamp,
) -> Result<(), WorkError> {
    conversation.updated_at = conversation.updated_at.max(now);
    let digest = conversation.unique_id.is_some().then(|| digest(&conversation.members));
    connection
        .prepare_cached("UPDATE conversations SET updated_at = ?2, member_digest = ?3 WHERE key = ?1")?
        .execute(params![key, conversation.updated_at.0, digest])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::ClientId;

    use super::digest;

    fn digest_of(members: &[&str]) -> String {
        digest(&members.iter().copied().map(ClientId::new).collect::<Vec<_>>())
    }

    #[test]
    fn digest_depends_on_the_set_only() {
        assert_eq!(digest_of(&["alice", "bob"]), digest_of(&["bob", "alice"]));
        assert_ne!(digest_of(&["alice", "bob"]), digest_of(&["alic", "ebob"]));
    }
}
