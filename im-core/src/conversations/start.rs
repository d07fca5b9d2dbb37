//! Creating a conversation.

use std::slice;

use hook_types::{ConversationStart, ConversationStartParams, ConversationStarted, ConversationStartedParams};
use serde_json::{Map, Value};

use super::{MAX_MEMBERS, announce, check_members, room, row, texts};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::Place;
use crate::error::{Code, RequestError};
use crate::hooks::aborted_by;
use crate::ids::{ClientId, ConversationId};
use crate::store::{Committed, Conversation, ConversationKind, CreatedConversation, NewConversation};

/// A request to create a conversation.
#[derive(Clone, Debug)]
pub struct StartConversation {
    /// The first members; the creator is one even when not listed.
    pub members: Vec<ClientId>,
    /// `name`, `attr` and custom columns. Reserved keys are ignored (P-65).
    pub attributes: Map<String, Value>,
    /// Answer an existing conversation of the kind with the same members, if there is one (S-8). Of no effect for a chat room.
    pub unique: bool,
    /// What it is to be. A chat room has no members; its creator's session is in it from its creation on.
    pub kind: ConversationKind,
    /// How long a temporary one is to live, in seconds: as asked for.
    pub ttl_seconds: Option<i32>,
}

/// Members that a temporary conversation may have (S-27).
pub const MAX_TEMPORARY_MEMBERS: usize = 10;

/// How long a temporary conversation lives (S-11), in seconds.
const DEFAULT_TTL_SECONDS: u32 = 24 * 60 * 60;
const MAX_TTL_SECONDS: u32 = 30 * DEFAULT_TTL_SECONDS;

/// Creates a conversation, or finds the unique one (S-102).
///
/// # Errors
/// 4314 not of this kind by a client, 4304 too many members, 4301 a member id that no client can have, 4305 refused by `_conversationStart`, 4300 the hook failed and the policy is to abort.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity))]
pub async fn start(core: &ImCore, actor: &Actor, new: StartConversation) -> Result<CreatedConversation, RequestError> {
    let client = actor.client()?;
    check_kind(new.kind)?;
    check_members(&new.members)?;
    let new = with_creator(client, new);
    check_count(new.kind, new.members.len())?;
    ask_hook(core, (actor, client), &new).await?;
    core.check_app(actor)?;
    let notifications = core.hooks.notifications();
    let params = |started: &Conversation| ConversationStartedParams { conv_id: started.id.as_str().to_owned() };
    let call = notifications.call_for::<ConversationStarted, _>(&actor.app, Some(actor.address), params).await;
    let lock = core.conversation_locks.lock(&actor.app.id, &new.id).await;
    let Committed { row: created, call } = core.store.create_conversation(&actor.app.id, new, call).await?;
    notifications.stored::<ConversationStarted>(&actor.app, call);
    let conversation = &created.conversation;
    if created.existing {
        drop(lock);
        // The request that creates it now tells its members first. Requests of this client come after that.
        drop(core.conversation_locks.lock(&actor.app.id, &conversation.id).await);
    } else {
        let place = Place::created(conversation);
        if conversation.kind == ConversationKind::ChatRoom {
            room::enter_as_creator(core, (actor, client), &conversation.id);
            // Nobody is told; other nodes count on from its number.
            core.delivery.deliver_at(&actor.app.id, &place, &[], actor.origin);
        } else {
            let now = (conversation, conversation.last_sequence, &place);
            announce::joined(core, (actor, client), now, &conversation.members).await;
        }
        drop(lock);
    }
    Ok(created)
}

/// Clients make no service conversations.
fn check_kind(kind: ConversationKind) -> Result<(), RequestError> {
    if kind == ConversationKind::Service {
        let detail = "a client cannot create a service conversation";
        return Err(RequestError::detailed(Code::NormalConversationRequired, detail));
    }
    Ok(())
}

fn check_count(kind: ConversationKind, members: usize) -> Result<(), RequestError> {
    let (limit, what) = match kind {
        ConversationKind::Temporary => (MAX_TEMPORARY_MEMBERS, "temporary conversation"),
        _ => (MAX_MEMBERS, "conversation"),
    };
    if members > limit {
        let detail = format!("{members} members were asked for; a {what} has at most {limit}");
        return Err(RequestError::detailed(Code::ConversationFull, detail));
    }
    Ok(())
}

fn with_creator(client: &ClientId, new: StartConversation) -> NewConversation {
    let StartConversation { mut members, mut attributes, unique, kind, ttl_seconds } = new;
    let is_room = kind == ConversationKind::ChatRoom;
    if is_room {
        members.clear();
    } else {
        members.push(client.clone());
        members.sort();
        members.dedup();
    }
    attributes.retain(|key, _| !row::is_reserved(key));
    let (creator, unique) = (Some(client.clone()), unique && !is_room);
    let (id, ttl_seconds) = match kind {
        ConversationKind::Temporary => (ConversationId::generate_temporary(), Some(effective_ttl(ttl_seconds))),
        _ => (ConversationId::generate(), None),
    };
    NewConversation { id, kind, ttl_seconds, attributes, creator, members, unique }
}

/// More than the maximum is lowered to it; what is no time means the default (S-11).
fn effective_ttl(asked_seconds: Option<i32>) -> u32 {
    let asked = asked_seconds.and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    asked.unwrap_or(DEFAULT_TTL_SECONDS).min(MAX_TTL_SECONDS)
}

async fn ask_hook(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    new: &NewConversation,
) -> Result<(), RequestError> {
    let params = ConversationStartParams {
        init_by: client.as_str().to_owned(),
        // Also of a chat room, which has no members otherwise.
        members: if new.members.is_empty() { texts(slice::from_ref(client)) } else { texts(&new.members) },
        attr: new.attributes.clone(),
    };
    let reply = core
        .hooks
        .before::<ConversationStart>(&actor.app, &params, Some(actor.address))
        .await
        .map_err(aborted_by::<ConversationStart>(Code::ConversationInternalError))?;
    if reply.reject {
        return Err(RequestError::by_hook(Code::ConversationRejectedByApp, reply.code, reply.detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::effective_ttl;

    /// S-11.
    #[test]
    fn a_time_to_live_is_kept_between_a_second_and_thirty_days() {
        let (day, month) = (86_400, 2_592_000);
        for (asked, effective) in [
            (None, day),
            (Some(0), day),
            (Some(-1), day),
            (Some(i32::MIN), day),
            (Some(1), 1),
            (Some(2_592_000), month),
            (Some(2_592_001), month),
            (Some(i32::MAX), month),
        ] {
            assert_eq!(effective_ttl(asked), effective, "{asked:?}");
        }
    }
}
