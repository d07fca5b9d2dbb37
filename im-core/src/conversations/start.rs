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
    /// Answer an existing conversation with the same members, if there is one (S-8). Of no effect for a chat room.
    pub unique: bool,
    /// What it is to be. A chat room has no members; its creator's session is in it from its creation on.
    pub kind: ConversationKind,
}

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
    if new.members.len() > MAX_MEMBERS {
        let detail = format!("{} members were asked for; a conversation has at most {MAX_MEMBERS}", new.members.len());
        return Err(RequestError::detailed(Code::ConversationFull, detail));
    }
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

fn with_creator(client: &ClientId, new: StartConversation) -> NewConversation {
    let StartConversation { mut members, mut attributes, unique, kind } = new;
    let is_room = kind == ConversationKind::ChatRoom;
    if is_room {
        members.clear();
    } else {
        members.push(client.clone());
        members.sort();
        members.dedup();
    }
    attributes.retain(|key, _| !row::is_reserved(key));
    let (id, creator, unique) = (ConversationId::generate(), client.clone(), unique && !is_room);
    NewConversation { id, kind, ttl_seconds: None, attributes, creator, members, unique }
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
