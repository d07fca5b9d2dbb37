//! Single messages, and changes of them.

use async_trait::async_trait;

use super::{Conversation, MessageBody, Standing, StoreError, StoredMessage};
use crate::error::Refusal;
use crate::ids::{AppId, ClientId, ConversationId, MessageId};
use crate::timestamp::Timestamp;

/// What an edit makes of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedMessage {
    /// The new body.
    pub body: MessageBody,
    /// Mentioned clients.
    pub mentions: Vec<ClientId>,
    /// All members are mentioned.
    pub mention_all: bool,
}

/// Decides, from the standing of an author and its message as they are under the conversation's lock, what becomes of the
/// message. A refusal changes nothing.
pub type EditMessage = Box<dyn FnOnce(&Standing, &StoredMessage) -> Result<EditedMessage, Refusal> + Send>;

/// What became of an edit: conversation and message as they are then, or the refusal. `None` when one of them does not exist.
pub type MessageEdit = Option<Result<(Conversation, StoredMessage), Refusal>>;

/// Changes of messages.
#[async_trait]
pub trait MessageChanges: Send + Sync + 'static {
    /// The message with this id and time; `None` when there is none.
    async fn message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
    ) -> Result<Option<StoredMessage>, StoreError>;

    /// Changes a message under its conversation's lock, and gives it the time of the change: later than its own and than
    /// those of all earlier changes in the conversation, so that a client that has seen one change gets all later ones (P-95). Answers both as they are then; `None` when one of them does not exist.
    async fn edit_message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
        edit: EditMessage,
    ) -> Result<MessageEdit, StoreError>;

    /// Messages of the client's conversations that were changed after `after`, with their conversations: the oldest changes
    /// first, at most `limit`.
    async fn changed_messages(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError>;
}
