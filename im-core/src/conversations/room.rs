//! Joining and leaving chat rooms: of a session, for itself (S-9, S-103, S-104).

use std::sync::Arc;

use hook_types::{ConversationAdded, ConversationAddedParams, ConversationRemoved, ConversationRemovedParams};

use super::existing;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId, ConversationId};
use crate::presence::{Joining, Session};
use crate::store::ConversationKind;

/// Clients that a sample of a room shows at most (P-74).
pub const ROOM_SAMPLE: usize = 50;

/// True when the acting session is in this room.
pub(super) fn is_joined(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    room: &ConversationId,
) -> Result<bool, RequestError> {
    let session = acting_session(core, actor, client)?;
    Ok(core.rooms.room_of(session.id).as_ref() == Some(room))
}

/// Puts the acting session into a room. The one that it was in before hears nothing of it, and calls no hook.
pub(super) async fn join(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    room: &ConversationId,
) -> Result<(), RequestError> {
    core.check_app(actor)?;
    let session = acting_session(core, actor, client)?;
    match enter(core, &session, room) {
        Joining::Joined => {}
        Joining::WasThere => return Ok(()),
        Joining::SessionEnded => return Err(RequestError::code(Code::SessionRequired)),
    }
    let (init_by, conv_id) = (client.as_str().to_owned(), room.as_str().to_owned());
    let params = ConversationAddedParams { members: vec![init_by.clone()], init_by, conv_id };
    core.hooks.notifications().notify::<ConversationAdded>(&actor.app, params, Some(actor.address)).wait().await;
    Ok(())
}

/// Takes the acting session out of a room. Its client does not come back to it by itself.
pub(super) async fn leave(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    room: &ConversationId,
) -> Result<(), RequestError> {
    let session = acting_session(core, actor, client)?;
    core.presence.forget_room(&actor.app.id, client, room);
    if core.rooms.leave(&session, room, || core.presence.set_room(&session, None)) {
        let (init_by, conv_id) = (client.as_str().to_owned(), room.as_str().to_owned());
        let params = ConversationRemovedParams { members: vec![init_by.clone()], init_by, conv_id };
        core.hooks.notifications().notify::<ConversationRemoved>(&actor.app, params, Some(actor.address)).wait().await;
    }
    Ok(())
}

/// Takes all sessions of a client on this node out of a room, without a hook. The client does not come back to it by itself.
pub(super) fn put_out(core: &ImCore, app: &AppId, client: &ClientId, room: &ConversationId) {
    core.presence.forget_room(app, client, room);
    for session in core.online.sessions(app, client) {
        core.rooms.leave(&session, room, || core.presence.set_room(&session, None));
    }
}

/// Only a client that is in the room acts on others there.
///
/// # Errors
/// 4317.
pub(super) fn check_is_in(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    room: &ConversationId,
) -> Result<(), RequestError> {
    if core.rooms.has_client(&actor.app.id, room, client) {
        return Ok(());
    }
    let detail = "only a client that has joined the chat room may do this";
    Err(RequestError::detailed(Code::ConversationMembershipRequired, detail))
}

/// Puts the creator's session into its new room. A creator that has no session, or has none any more, is in no room.
pub(super) fn enter_as_creator(core: &ImCore, (actor, client): (&Actor, &ClientId), room: &ConversationId) {
    if let Ok(session) = acting_session(core, actor, client) {
        enter(core, &session, room);
    }
}

/// Some of the clients that are in a chat room now, at random (P-74).
///
/// # Errors
/// 4303 no such conversation, 4316 not a chat room.
pub async fn sample(
    core: &ImCore,
    actor: &Actor,
    room: &ConversationId,
    limit: usize,
) -> Result<Vec<ClientId>, RequestError> {
    match existing(core, actor, room).await?.kind {
        ConversationKind::ChatRoom => Ok(core.presence.sample_room(&actor.app.id, room, limit.min(ROOM_SAMPLE)).await),
        ConversationKind::Basic | ConversationKind::Service | ConversationKind::Temporary => {
            let detail = "only of a chat room is there a sample; others show their members in `m`";
            Err(RequestError::detailed(Code::TransientConversationRequired, detail))
        }
    }
}

fn enter(core: &ImCore, session: &Arc<Session>, room: &ConversationId) -> Joining {
    core.rooms.join(session, room, || core.presence.set_room(session, Some(room)))
}

fn acting_session(core: &ImCore, actor: &Actor, client: &ClientId) -> Result<Arc<Session>, RequestError> {
    let mut sessions = core.online.sessions(&actor.app.id, client).into_iter();
    let session = sessions.find(|session| Some(session.id) == actor.session());
    session.ok_or_else(|| {
        RequestError::detailed(Code::SessionRequired, "only a session that is logged in can be in a chat room")
    })
}
