//! Clients acknowledge messages.

use crate::actor::Actor;
use crate::core::ImCore;
use crate::delivery::{Event, Place, Push, Receipt, Recipient};
use crate::error::RequestError;
use crate::ids::ConversationId;
use crate::store::{Acknowledged, Delivered, ReceiptMessage};

/// Notes that messages have come to the acting client (P-85). The authors that asked for receipts learn of it, once for each
/// message (P-87). Of a conversation that the client is not in, nothing is noted.
///
/// # Errors
/// When the store fails.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity, %conversation))]
pub async fn acknowledge(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    acknowledged: &Acknowledged,
) -> Result<(), RequestError> {
    let client = actor.client()?;
    let delivered = core.store.mark_delivered(&actor.app.id, client, conversation, acknowledged).await?;
    let Some(Delivered { first, mark, last_sequence }) = delivered else { return Ok(()) };
    let pushes = first.iter().map(|ReceiptMessage { id, author }| Push {
        recipients: vec![Recipient::Client(author)],
        event: Event::Receipt(Receipt {
            conversation: conversation.clone(),
            message: id.clone(),
            by: client.clone(),
            mark,
            is_read: false,
        }),
    });
    let pushes: Vec<_> = pushes.collect();
    if !pushes.is_empty() {
        let place = Place::after(conversation.clone(), last_sequence);
        core.delivery.deliver_at(&actor.app.id, &place, &pushes, actor.origin);
    }
    Ok(())
}
