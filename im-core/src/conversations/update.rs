//! Changing attributes, and turning offline push of a conversation off and on.

use std::sync::Arc;

use hook_types::{ConversationChange, ConversationUpdate, ConversationUpdateParams, ConversationUpdateReply};
use serde_json::{Map, Value};

use super::{MAX_MEMBERS, attribute_changes, existing, subscriptions};
use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Before, ChangedAttributes, Event, Place, Push, Recipient};
use crate::error::{Code, Refusal, RequestError};
use crate::hooks::aborted_by;
use crate::ids::{ClientId, ConversationId};
use crate::store::{Conversation, ConversationKind, EditedConversation};
use crate::timestamp::Timestamp;

/// The answer to a change of attributes (P-71).
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatedAttributes {
    /// When the conversation last changed.
    pub updated_at: Timestamp,
    /// The attributes at the top level that the change was about, with their values now.
    pub changed: Map<String, Value>,
}

/// Changes attributes (S-105). The other members learn of it. Keys of `asked` are names or dotted paths, values are plain or
/// operations (P-71).
///
/// # Errors
/// 4303 no such conversation, 4314 a temporary one, 4309 not a member, 4301 with a detail for a change that makes no sense, 4305 refused by
/// `_conversationUpdate`, 4300 the hook failed and the policy is to abort.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn update(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    asked: Map<String, Value>,
) -> Result<UpdatedAttributes, RequestError> {
    let client = actor.client()?;
    let found = existing(core, actor, conversation).await?;
    check_member(&found, client)?;
    check_in_room(core, (actor, client), &found)?;
    let change = ConversationChange::Attr(asked.clone());
    let reply = ask_hook(core, (actor, client), conversation, change).await?;
    let asked = Arc::new(reply.attr.unwrap_or(asked));
    let to_apply = asked.clone();
    let edit = move |found: &Conversation| {
        let attributes = attribute_changes::applied(found.attributes.clone(), &to_apply);
        let refused = |detail| Refusal { code: Code::ConversationApiFailed, detail: Some(detail) };
        Ok(EditedConversation { attributes: attributes.map_err(refused)?, muted: found.muted.clone() })
    };
    let _lock = core.conversation_locks.lock(&actor.app.id, conversation).await;
    check_in_room(core, (actor, client), &found)?;
    let now = edit_as_member(core, (actor, client), conversation, edit).await?;
    let changed = attribute_changes::changed(&now.attributes, &asked);
    announce(core, (actor, client), &now, (&asked, &changed));
    Ok(UpdatedAttributes { updated_at: now.updated_at, changed })
}

/// Turns offline push of a conversation off (`mute`) or on for the acting client (S-105); answers when the conversation
/// last changed. Of a chat room nothing is pushed: the row keeps the last clients that turned it off.
///
/// # Errors
/// 4303 no such conversation, 4314 a temporary one, 4309 not a member, 4305 refused by `_conversationUpdate`, 4300 the hook failed and the policy
/// is to abort.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, conversation = %conversation))]
pub async fn set_muted(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    mute: bool,
) -> Result<Timestamp, RequestError> {
    let client = actor.client()?;
    let found = existing(core, actor, conversation).await?;
    if found.kind == ConversationKind::Service {
        subscriptions::check_subscriber(core, (actor, client), conversation).await?;
        let mute = ask_about_mute(core, (actor, client), conversation, mute).await?;
        subscriptions::set_muted(core, (actor, client), conversation, mute).await?;
        return Ok(found.updated_at);
    }
    check_member(&found, client)?;
    let (mute, muting) = (ask_about_mute(core, (actor, client), conversation, mute).await?, client.clone());
    let edit = move |found: &Conversation| {
        let mut muted = found.muted.clone();
        muted.retain(|other| *other != muting);
        if mute {
            muted.push(muting);
        }
        // In a chat room it has no effect, and any client of the app may do it.
        let beyond = muted.len().saturating_sub(MAX_MEMBERS);
        muted.drain(..beyond);
        Ok(EditedConversation { attributes: found.attributes.clone(), muted })
    };
    let _lock = core.conversation_locks.lock(&actor.app.id, conversation).await;
    Ok(edit_as_member(core, (actor, client), conversation, edit).await?.updated_at)
}

/// What `_conversationUpdate` makes of the wish to turn offline push off or on.
async fn ask_about_mute(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    mute: bool,
) -> Result<bool, RequestError> {
    let reply = ask_hook(core, (actor, client), conversation, ConversationChange::Mute(mute)).await?;
    Ok(reply.mute.unwrap_or(mute))
}

/// Edits under the lock of the row. App and membership are looked at again: the hook took time.
async fn edit_as_member(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    edit: impl FnOnce(&Conversation) -> Result<EditedConversation, Refusal> + Send + 'static,
) -> Result<Conversation, RequestError> {
    core.check_app(actor)?;
    let client = client.clone();
    let edit = Box::new(move |found: &Conversation| {
        check_member(found, &client)?;
        edit(found)
    });
    let edited = core.store.edit_conversation(&actor.app.id, conversation, edit).await?;
    Ok(edited.ok_or_else(|| RequestError::code(Code::ConversationNotFound))??)
}

fn check_member(conversation: &Conversation, client: &ClientId) -> Result<(), Refusal> {
    match conversation.kind {
        // Members are those that are there now: the store does not know them.
        ConversationKind::ChatRoom => Ok(()),
        ConversationKind::Basic | ConversationKind::Service if conversation.has_member(client) => Ok(()),
        ConversationKind::Basic | ConversationKind::Service => {
            Err(Refusal { code: Code::ConversationUpdateRejected, detail: None })
        }
        ConversationKind::Temporary => {
            let detail = Some("a temporary conversation cannot be changed".to_owned());
            Err(Refusal { code: Code::NormalConversationRequired, detail })
        }
    }
}

/// The attributes of a chat room are for those to change that are in it.
fn check_in_room(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &Conversation,
) -> Result<(), RequestError> {
    if conversation.kind != ConversationKind::ChatRoom || core.rooms.has_client(&actor.app.id, &conversation.id, client)
    {
        return Ok(());
    }
    let detail = "only a client that has joined the chat room may change it";
    Err(RequestError::detailed(Code::ConversationUpdateRejected, detail))
}

/// Asks `_conversationUpdate` (S-97).
async fn ask_hook(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    conversation: &ConversationId,
    change: ConversationChange,
) -> Result<ConversationUpdateReply, RequestError> {
    let (init_by, conv_id) = (client.as_str().to_owned(), conversation.as_str().to_owned());
    let params = ConversationUpdateParams { init_by, conv_id, change };
    let check = |reply: &ConversationUpdateReply| match &reply.attr {
        Some(attr) => attribute_changes::check_size(&Value::Object(attr.clone()).to_string()),
        None => Ok(()),
    };
    let asking = core.hooks.before_checked::<ConversationUpdate>(&actor.app, &params, Some(actor.address), check);
    let reply = asking.await.map_err(aborted_by::<ConversationUpdate>(Code::ConversationInternalError))?;
    if reply.reject {
        return Err(RequestError::by_hook(Code::ConversationRejectedByApp, reply.code, reply.detail));
    }
    Ok(reply)
}

/// `updated` to the other members (S-21). Called under the conversation's lock.
fn announce(
    core: &ImCore,
    (actor, by): (&Actor, &ClientId),
    now: &Conversation,
    (asked, changed): (&Map<String, Value>, &Map<String, Value>),
) {
    let json = |object: &Map<String, Value>| Value::Object(object.clone()).to_string();
    let event = Event::ConversationUpdated(Arc::new(ChangedAttributes {
        conversation: now.id.clone(),
        by: by.clone(),
        updated_at: now.updated_at,
        asked: json(asked),
        changed: json(changed),
    }));
    let recipients = match now.kind {
        ConversationKind::ChatRoom => vec![Recipient::Room { room: &now.id, except: by }],
        _ => now.members.iter().filter(|member| *member != by).map(Recipient::Client).collect(),
    };
    let place = Place::transient(&Before::from(now));
    core.delivery.deliver_at(&actor.app.id, &place, &[Push { recipients, event }], actor.origin);
}
