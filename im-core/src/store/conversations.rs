//! Conversations, their members, and queries of them.

use async_trait::async_trait;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    CallFor, Committed, ConversationKind, FailedMembers, Lifetime, MemberRules, QueryError, StoreError, StoredMessage,
};
use crate::error::Refusal;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// A row of `_Conversation` (S-14).
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// `objectId`.
    pub id: ConversationId,
    /// Sent as `conv_type`, `tr` and `sys`.
    pub kind: ConversationKind,
    /// Only of temporary ones.
    pub lifetime: Option<Lifetime>,
    /// `name`, `attr` and custom columns, as given.
    pub attributes: Map<String, Value>,
    /// `c`: the client that created it.
    pub creator: Option<ClientId>,
    /// `m`, in order of joining. Only of basic and temporary conversations.
    pub members: Vec<ClientId>,
    /// `mu`: clients that turned offline push off.
    pub muted: Vec<ClientId>,
    /// `lm`.
    pub last_message_at: Option<Timestamp>,
    /// `uniqueId`, present when created with `unique` (S-8).
    pub unique_id: Option<String>,
    /// `createdAt`.
    pub created_at: Timestamp,
    /// `updatedAt`.
    pub updated_at: Timestamp,
    /// The sequence number of its newest stored event: its creation is 1, each message and each change of members gets
    /// the next one. 0 in a row of an older program that nothing happened to since.
    pub last_sequence: u64,
    /// The version of the members: the sequence number of their last change, its creation included. 0 in a row of an
    /// older program whose members did not change since.
    pub members_sequence: u64,
    /// Counts the changes of what the conversation holds about clients ([`super::Standing`]). 0: it has never held anything.
    pub standing_version: u64,
}

impl Conversation {
    /// True for a present member.
    pub fn has_member(&self, client: &ClientId) -> bool {
        self.members.contains(client)
    }

    /// True for a temporary one whose life is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.lifetime.is_some_and(|lifetime| lifetime.expires_at <= now)
    }
}

/// A conversation to be created.
#[derive(Clone, Debug)]
pub struct NewConversation {
    /// Made by the server: its creator holds its lock before other clients can find it.
    pub id: ConversationId,
    /// What it is to be.
    pub kind: ConversationKind,
    /// How long a temporary one is to live, in seconds.
    pub ttl_seconds: Option<u32>,
    /// `name`, `attr` and custom columns; reserved keys already taken out.
    pub attributes: Map<String, Value>,
    /// The creating client; absent where the administrator creates.
    pub creator: Option<ClientId>,
    /// Sorted, no duplicates, creator included. None where the kind has no stored members.
    pub members: Vec<ClientId>,
    /// Find an existing one with the same current members first (S-8).
    pub unique: bool,
}

/// The answer to a create.
#[derive(Clone, Debug)]
pub struct CreatedConversation {
    /// New, or found.
    pub conversation: Conversation,
    /// True when a unique conversation was found instead of made.
    pub existing: bool,
}

/// A client's wish to add or remove members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipRequest {
    /// The acting client.
    pub by: ClientId,
    /// Whom to add or remove.
    pub members: Vec<ClientId>,
    /// Nothing is changed when `by` is not a member then.
    pub by_member_only: bool,
    /// What else decides.
    pub rules: MemberRules,
}

/// Why members were not changed. Checked under the conversation's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MembersUnchanged {
    /// The conversation does not exist.
    #[error("the conversation does not exist")]
    NoConversation,
    /// The acting client is not a member.
    #[error("the acting client is not a member of the conversation")]
    NotAMember,
    /// The role of the acting client does not allow it.
    #[error("the role of the acting client does not allow it")]
    Unauthorized,
}

/// What an add or remove did.
#[derive(Clone, Debug)]
pub struct MembershipChange {
    /// Really added or removed, in the order asked.
    pub changed: Vec<ClientId>,
    /// Already as asked (S-24).
    pub unchanged: Vec<ClientId>,
    /// Beyond the member limit (S-27); always empty for a remove.
    pub refused: Vec<ClientId>,
    /// Those that the rules do not allow, by reason.
    pub forbidden: Vec<FailedMembers>,
    /// The sequence number of the change; `None` when nothing changed.
    pub sequence: Option<u64>,
    /// The conversation after the change.
    pub conversation: Conversation,
}

/// What an edit makes of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedConversation {
    /// All attributes from now on.
    pub attributes: Map<String, Value>,
    /// `mu` from now on.
    pub muted: Vec<ClientId>,
}

/// Decides, from a conversation as it is under its lock, what becomes of it. A refusal changes nothing.
pub type EditConversation = Box<dyn FnOnce(&Conversation) -> Result<EditedConversation, Refusal> + Send>;

/// A conversation query (P-75).
#[derive(Clone, Debug, Default)]
pub struct ConversationQuery {
    /// The `where` object; empty = conversations that contain the asking client.
    pub filter: Map<String, Value>,
    /// Comma list, `-key` descending; absent = newest `updatedAt` first.
    pub sort: Option<String>,
    /// Rows to pass over.
    pub skip: u32,
    /// 0 to 1000 rows.
    pub limit: u32,
    /// Also fetch the last message of the rows that contain the asking client (flag 2).
    pub with_last_message: bool,
    /// Leave the members out of the rows (flag 1).
    pub compact: bool,
    /// Look at temporary conversations only; otherwise at all others (P-76).
    pub temporary: bool,
}

/// One row of a query.
#[derive(Clone, Debug)]
pub struct FoundConversation {
    /// The row.
    pub conversation: Conversation,
    /// Its newest message, when asked for and present.
    pub last_message: Option<StoredMessage>,
}

/// Bytes of the answer to one query at most, about as they go to the client.
pub const QUERY_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Conversations.
#[async_trait]
pub trait Conversations: Send + Sync + 'static {
    /// Creates, or finds for `unique`, atomically for each set of members (S-8). `call` is for a conversation that is
    /// really created.
    async fn create_conversation(
        &self,
        app: &AppId,
        new: NewConversation,
        call: Option<CallFor<Conversation>>,
    ) -> Result<Committed<CreatedConversation>, StoreError>;

    /// `None` when the conversation does not exist, or is a temporary one whose life is over.
    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// Conversations that match, in order (P-75 … P-77).
    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError>;

    /// Changes attributes and mutes under the conversation's lock, and sets `updatedAt`; answers the conversation after it.
    /// `None` when it does not exist.
    async fn edit_conversation(
        &self,
        app: &AppId,
        id: &ConversationId,
        edit: EditConversation,
    ) -> Result<Option<Result<Conversation, Refusal>>, StoreError>;

    /// Adds members up to `member_limit` in all. `call` is for when at least one member is added.
    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        member_limit: usize,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Result<Committed<MembershipChange>, MembersUnchanged>, StoreError>;

    /// Removes members. `call` is for when at least one member is removed.
    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Result<Committed<MembershipChange>, MembersUnchanged>, StoreError>;

    /// Deletes temporary conversations whose life is over, with all that is stored of them: some of them, or a part of one, so
    /// that no other write waits for long. True when there may be more.
    async fn delete_expired_conversations(&self) -> Result<bool, StoreError>;
}
