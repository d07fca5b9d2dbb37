//! Clients mark conversations as read.

use std::sync::Arc;

use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Event, Place, Push, Receipt, Recipient, UnreadCounts};
use crate::error::RequestError;
use crate::ids::ConversationId;
use crate::store::{MarkedRead, ReceiptMessage};
use crate::timestamp::Timestamp;

/// Marks the messages of conversations, up to a time each, as read by the acting client (P-88). Its sessions get the new counts
/// (P-89), the authors of the newest messages with receipts learn of it (P-90). Nothing happens where the client is not a
/// member, or had read as far before.
///
/// # Errors
/// When the store fails.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity))]
pub async fn mark_read(
    core: &ImCore,
    actor: &Actor,
    read: Vec<(ConversationId, Timestamp)>,
) -> Result<(), RequestError> {
    let marked = core.store.mark_read(&actor.app.id, actor.client()?, read).await?;
    for marked in marked {
        tell_author(core, actor, &marked)?;
        tell_count(core, actor, &marked.conversation).await?;
    }
    Ok(())
}

fn tell_author(core: &ImCore, actor: &Actor, marked: &MarkedRead) -> Result<(), RequestError> {
    let MarkedRead { conversation, newest: Some(ReceiptMessage { id, author }), mark, last_sequence } = marked else {
        return Ok(());
    };
    let receipt = Receipt {
        conversation: conversation.clone(),
        message: id.clone(),
        by: actor.client()?.clone(),
        mark: *mark,
        is_read: true,
    };
    let push = Push { recipients: vec![Recipient::Client(author)], event: Event::Receipt(receipt) };
    let place = Place::after(conversation.clone(), *last_sequence);
    core.delivery.deliver_at(&actor.app.id, &place, &[push], actor.origin);
    Ok(())
}

/// The count is read and told under the conversation's lock: the client adds the messages that come before and after it.
async fn tell_count(core: &ImCore, actor: &Actor, conversation: &ConversationId) -> Result<(), RequestError> {
    let (app, client) = (&actor.app.id, actor.client()?);
    let _lock = core.conversation_locks.lock(app, conversation).await;
    let Some(unread) = core.store.unread_in(app, client, conversation).await? else { return Ok(()) };
    let place = Place::after(conversation.clone(), unread.last_sequence);
    let counts = UnreadCounts { conversations: vec![unread], counted_at: Timestamp::now() };
    let push = Push { recipients: vec![Recipient::Client(client)], event: Event::Unread(Arc::new(counts)) };
    core.delivery.deliver_at(app, &place, &[push], actor.origin);
    Ok(())
}
