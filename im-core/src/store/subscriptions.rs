//! Clients that subscribe to service conversations.

use async_trait::async_trait;

use super::{CallFor, Committed, FailedMembers, MembersUnchanged, MembershipRequest, StoreError};
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// A client subscribes to a service conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The conversation.
    pub conversation: ConversationId,
    /// The subscriber.
    pub client: ClientId,
    /// Since when.
    pub subscribed_at: Timestamp,
    /// It has turned offline push off.
    pub is_muted: bool,
}

/// What became of a wish to subscribe, or to end that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionChange {
    /// The client subscribes now and did not before, or the reverse.
    pub is_changed: bool,
    /// Why the client does not subscribe, if so.
    pub failed: Vec<FailedMembers>,
}

/// What a change of a subscription is answered with.
pub type ChangedSubscription = Result<Committed<SubscriptionChange>, MembersUnchanged>;

/// A part of the list of subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberPage {
    /// Those that come after this one; absent: from the first. None come after a client that does not subscribe.
    pub after: Option<ClientId>,
    /// So many at most.
    pub limit: u32,
}

/// Subscriptions.
#[async_trait]
pub trait Subscriptions: Send + Sync + 'static {
    /// Lets the client that asks subscribe, if the rules allow it and it has fewer than `limit` subscriptions. One that subscribes
    /// already keeps its time. `call` is for a new subscription.
    async fn subscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        request: &MembershipRequest,
        limit: usize,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError>;

    /// Ends the subscription of a client, if there is one. `call` is for then.
    async fn unsubscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError>;

    /// Turns offline push off for a subscriber, or on; false when the client does not subscribe.
    async fn mute_subscription(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        is_muted: bool,
    ) -> Result<bool, StoreError>;

    /// The subscriptions of a client to these conversations, in no order.
    async fn subscriptions(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<Subscription>, StoreError>;

    /// All conversations that a client subscribes to, in no order.
    async fn subscribed(&self, app: &AppId, client: &ClientId) -> Result<Vec<ConversationId>, StoreError>;

    /// Those among these clients that subscribe and have turned offline push off, in no order.
    async fn muted_subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Vec<ClientId>, StoreError>;

    /// A part of the list of subscribers, in the order of their times, then of the bytes of their ids.
    async fn subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        page: &SubscriberPage,
    ) -> Result<Vec<Subscription>, StoreError>;

    /// The number of subscribers, which is kept and not counted.
    async fn count_subscribers(&self, app: &AppId, conversation: &ConversationId) -> Result<u64, StoreError>;
}
