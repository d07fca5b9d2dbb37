//! Editing and recalling a message (S-101).

use std::sync::Arc;

use hook_types::{MessageUpdate, MessageUpdateParams, MessageUpdateReply};

use super::content;
use super::filtered::filtered;
use super::other_members::check_may_speak;
use super::review::{apply, new_body};
use super::reviewed::{Reviewed, Rewrite};
use super::send::check_size;
use crate::actor::Actor;
use crate::conversations::texts;
use crate::core::ImCore;
use crate::delivery::{Before, Event, PatchReason, PatchedMessage, Place, Push, Recipient};
use crate::error::{Code, Refusal, RequestError};
use crate::hooks::aborted_by;
use crate::ids::{ClientId, ConversationId, MessageId, SessionId};
use crate::store::{Conversation, ConversationKind, EditedMessage, MessageBody, Standing, StoredMessage};
use crate::timestamp::Timestamp;

/// Changed messages that a client gets when it logs in, at most.
const MISSED_CHANGES: u32 = 100;

/// A request to change a message (P-93).
#[derive(Clone, Debug)]
pub struct ChangeMessage {
    /// Where it is.
    pub conversation: ConversationId,
    /// Its id.
    pub id: MessageId,
    /// Its time.
    pub timestamp: Timestamp,
    /// What becomes of it.
    pub change: MessageChange,
}

/// What becomes of a message.
#[derive(Clone, Debug)]
pub enum MessageChange {
    /// Another content.
    Edit {
        /// The new body.
        body: MessageBody,
        /// Mentioned clients.
        mentions: Vec<ClientId>,
        /// All members are mentioned.
        mention_all: bool,
    },
    /// No content any more.
    Recall,
}

/// Changes a message of the acting client; answers the time of the change. The receivers learn of it, and the other sessions
/// of the author.
///
/// # Errors
/// 4303 no such conversation, 4401 not a member, 4406 and 4407 the app does not allow it, 4404 no such message, 4403 another
/// client's message, 4563 an edit of a silenced client, 4109 too large, 4405 refused by `_messageUpdate`, 4200 the hook failed and the policy is to abort.
#[tracing::instrument(
    skip_all,
    fields(app = %actor.app.id, client = %actor.identity, conversation = %request.conversation)
)]
pub async fn change(core: &ImCore, actor: &Actor, request: ChangeMessage) -> Result<Timestamp, RequestError> {
    let client = actor.client()?;
    let ChangeMessage { conversation: cid, id, timestamp, .. } = &request;
    let standing = core.store.standing(&actor.app.id, cid, std::slice::from_ref(client)).await?;
    let standing = standing.ok_or_else(|| RequestError::code(Code::ConversationNotFound))?;
    let has_blacklists = core.settings.get(&actor.app.id).await?.blacklist;
    check_author_may((&standing, client), &request.change, has_blacklists)?;
    check_switch(core, actor, &request.change).await?;
    let message = core.store.message(&actor.app.id, cid, (id, *timestamp)).await?;
    check_author(message.as_ref(), client, &request.change)?;
    let (body, mentions, mention_all) = match request.change.clone() {
        MessageChange::Edit { body, mentions, mention_all } => (body, mentions, mention_all),
        MessageChange::Recall => (content::recalled(), Vec::new(), false),
    };
    check_size(&body)?;
    let kind = standing.conversation.kind;
    let members = standing.conversation.members.into_iter().filter(|member| member != client).collect();
    let reviewed = review(core, (actor, client), &request, (body, members), kind).await?;

    let _lock = core.conversation_locks.lock(&actor.app.id, cid).await;
    // Again: the hook took time, and so did the lock.
    core.check_app(actor)?;
    check_switch(core, actor, &request.change).await?;
    let edited = EditedMessage { body: reviewed.body.clone(), mentions, mention_all };
    let (author, change) = (client.clone(), request.change.clone());
    let edit = move |standing: &Standing, message: &StoredMessage| {
        check_author_may((standing, &author), &change, has_blacklists)?;
        check_author(Some(message), &author, &change)?;
        Ok(edited)
    };
    let edited = core.store.edit_message(&actor.app.id, cid, (id, *timestamp), Box::new(edit)).await?;
    let (conversation, message) = edited.ok_or_else(|| RequestError::code(Code::MessageNotFound))??;
    let changed_at = message.patched_at.unwrap_or(message.timestamp);
    announce(core, (actor, client), (&conversation, message), &reviewed);
    Ok(changed_at)
}

/// Sends a session the messages of its client's conversations that were changed after `after`, oldest change first (P-95), up
/// to 100. The history has all of them.
///
/// # Errors
/// When the store fails.
pub async fn deliver_missed_changes(
    core: &ImCore,
    actor: &Actor,
    session: SessionId,
    after: Timestamp,
) -> Result<(), RequestError> {
    let client = actor.client()?;
    for (conversation, message) in core.store.changed_messages(&actor.app.id, client, after, MISSED_CHANGES).await? {
        let event = Event::MessagePatched(Arc::new(patched(&conversation, message, None)));
        core.delivery.deliver(&actor.app.id, &[Recipient::Session { client, session }], &event, None);
    }
    Ok(())
}

/// A member recalls also what it said before it was silenced. In a chat room any client may change what it said.
fn check_author_may(
    (standing, client): (&Standing, &ClientId),
    change: &MessageChange,
    has_blacklists: bool,
) -> Result<(), Refusal> {
    let is_room = standing.conversation.kind == ConversationKind::ChatRoom;
    if !is_room && !standing.conversation.has_member(client) {
        return Err(Refusal { code: Code::InvalidMessagingTarget, detail: None });
    }
    match change {
        MessageChange::Edit { .. } => check_may_speak(standing, client, has_blacklists),
        MessageChange::Recall => Ok(()),
    }
}

/// An app allows its clients edits and recalls separately (S-154).
async fn check_switch(core: &ImCore, actor: &Actor, change: &MessageChange) -> Result<(), RequestError> {
    let settings = core.settings.get(&actor.app.id).await?;
    let (is_allowed, code, what) = match change {
        MessageChange::Edit { .. } => (settings.message_edit, Code::MessageEditDisabled, "edit"),
        MessageChange::Recall => (settings.message_recall, Code::MessageRecallDisabled, "recall"),
    };
    if is_allowed {
        return Ok(());
    }
    let detail =
        format!("clients of this app may not {what} messages; allow it with `hookd settings --message-{what} on`");
    Err(RequestError::detailed(code, detail))
}

fn check_author(message: Option<&StoredMessage>, client: &ClientId, change: &MessageChange) -> Result<(), Refusal> {
    let refused = |code, detail: Option<&str>| Err(Refusal { code, detail: detail.map(str::to_owned) });
    match message {
        None => refused(Code::MessageNotFound, None),
        Some(message) if message.from != *client => refused(Code::MessageOwnershipRequired, None),
        Some(message) if content::is_recalled(&message.body) && matches!(change, MessageChange::Edit { .. }) => {
            refused(Code::MessageNotFound, Some("the message was recalled"))
        }
        Some(_) => Ok(()),
    }
}

/// Filters the new body, asks `_messageUpdate` (S-92) about it and the other `members`, and takes over what that changes. Of a
/// recall it changes the receivers only.
async fn review(
    core: &ImCore,
    (actor, client): (&Actor, &ClientId),
    request: &ChangeMessage,
    (written, members): (MessageBody, Vec<ClientId>),
    kind: ConversationKind,
) -> Result<Reviewed, RequestError> {
    let recall = matches!(request.change, MessageChange::Recall);
    let filtered = match recall {
        true => None,
        false => filtered(core, &actor.app.id, &written, (members.len(), kind)).await?,
    };
    let body = filtered.as_ref().unwrap_or(&written);
    let (content, bin) = content::to_text(body);
    let params = MessageUpdateParams {
        from_peer: client.as_str().to_owned(),
        conv_id: request.conversation.as_str().to_owned(),
        to_peers: texts(&members),
        bin,
        content,
        timestamp: request.timestamp.0,
        msg_id: request.id.as_str().to_owned(),
        source_ip: actor.address.to_string(),
        recall,
        system: None,
    };
    let check = |reply: &MessageUpdateReply| if recall { Ok(()) } else { new_body(reply, bin).map(drop) };
    let asking = core.hooks.before_checked::<MessageUpdate>(&actor.app, &params, Some(actor.address), check);
    let mut reply = asking.await.map_err(aborted_by::<MessageUpdate>(Code::InternalError))?;
    if reply.drop {
        return Err(RequestError::by_hook(Code::MessageUpdateRejectedByApp, reply.code, reply.detail));
    }
    reply.content.take_if(|_| recall);
    reply.to_peers.take_if(|_| kind == ConversationKind::ChatRoom);
    let reviewed = apply(reply, body.clone(), bin, members);
    Ok(if filtered.is_some() { reviewed.after_filter(&written) } else { reviewed })
}

/// `patch/modify` to the receivers and to the author's other sessions (P-94); where filter or hook changed the content, also to the
/// session that asked. Called under the conversation's lock.
fn announce(
    core: &ImCore,
    (actor, author): (&Actor, &ClientId),
    (conversation, message): (&Conversation, StoredMessage),
    reviewed: &Reviewed,
) {
    let receivers = reviewed.receivers.now(&conversation.members, author);
    let than = actor.session().filter(|_| reviewed.rewrite.is_none());
    let own = Recipient::OtherSessions { client: author, than };
    let others = receivers.iter().filter(|receiver| *receiver != author).map(Recipient::Client);
    let recipients: Vec<_> = match (conversation.kind, actor.session()) {
        (ConversationKind::ChatRoom, session) => {
            let acting = session.filter(|_| reviewed.rewrite.is_some());
            let acting = acting.map(|session| Recipient::Session { client: author, session });
            acting.into_iter().chain([Recipient::Room { room: &conversation.id, except: author }]).collect()
        }
        _ => others.chain([own]).collect(),
    };
    let reason = reviewed.rewrite.as_ref().and_then(|Rewrite { reason }| reason.clone());
    let event = Event::MessagePatched(Arc::new(patched(&conversation.id, message, reason)));
    let place = Place::transient(&Before::from(conversation));
    core.delivery.deliver_at(&actor.app.id, &place, &[Push { recipients, event }], actor.origin);
}

fn patched(conversation: &ConversationId, message: StoredMessage, reason: Option<PatchReason>) -> PatchedMessage {
    let StoredMessage { id, timestamp, from, body, mentions, mention_all, patched_at, .. } = message;
    PatchedMessage {
        conversation: conversation.clone(),
        id,
        from,
        timestamp,
        patched_at: patched_at.unwrap_or(timestamp),
        body,
        mentions,
        mention_all,
        reason,
    }
}
