//! The store: everything that must outlive the process. One trait and one file for each entity; [`Store`] is their sum.
//!
//! What was written when a call returns is on disk. The backends are in the crate `hookd-im-store`.

mod bans;
mod calls;
mod conversation_kind;
mod conversations;
mod daily_users;
mod error;
mod member_limits;
mod member_rules;
mod message_changes;
mod messages;
mod missed_events;
mod new_call;
mod nodes;
mod receipts;
mod refused_conversations;
mod retention;
mod sessions;
mod settings;
mod standing;
mod stored_events;
mod subscriptions;
mod views;

pub use self::bans::{Ban, Bans};
pub use self::calls::{
    Backlog, Call, CallEntry, CallFor, CallLimits, CallOutcome, Calls, Claimed, Committed, DeadLetter,
    DeadLetterFilter, ImportedCall, LONGEST_WAIT, MakeCall, StoredCall,
};
pub use self::conversation_kind::{ConversationKind, Lifetime};
pub use self::conversations::{
    Conversation, ConversationQuery, Conversations, CreatedConversation, EditConversation, EditedConversation,
    FoundConversation, MembersUnchanged, MembershipChange, MembershipRequest, NewConversation, QUERY_ANSWER_BYTES,
};
pub use self::daily_users::{DailyUsers, Day};
pub use self::error::{QueryError, StoreError};
pub use self::member_limits::{FailedMembers, MemberRules};
pub use self::member_rules::{AskRules, OUTRANKED, Permitted, permitted_to_add, permitted_to_remove};
pub use self::message_changes::{EditMessage, EditedMessage, MessageChanges, MessageEdit};
pub use self::messages::{
    AppendedMessage, DEDUPLICATION_WINDOW, Direction, HistoryBound, HistoryQuery, MessageBody, Messages, NewMessage,
    NotAppended, StoredMessage,
};
pub use self::missed_events::{MissedEvent, MissedEvents};
pub use self::new_call::NewCall;
pub use self::nodes::Nodes;
pub use self::receipts::{
    ACKNOWLEDGED_AT_ONCE, Acknowledged, Delivered, MAX_UNREAD, MAX_UNREAD_CONVERSATIONS, MarkedRead, ReceiptMarks,
    ReceiptMessage, Receipts, UNREAD_CANDIDATES, UNREAD_SCAN, UnreadConversation,
};
pub use self::refused_conversations::{ConversationPage, RefusalChange, RefusedConversations};
pub use self::retention::{AgePage, ConversationAge, Retention};
pub use self::sessions::{EndedLogin, OpenSession, SessionEntry, Sessions};
pub use self::settings::Settings;
pub use self::standing::{
    ChangedStanding, ClientPage, DecideStanding, MemberInfo, Removal, Restricted, Restriction, Role, Standing,
    StandingChange, StandingDecision, Standings,
};
pub use self::stored_events::{
    EventRange, MEMBER_CHANGES_AT_ONCE, MemberChange, StoredEvent, StoredEventLog, StoredEvents,
};
pub use self::subscriptions::{ChangedSubscription, SubscriberPage, Subscription, SubscriptionChange, Subscriptions};
pub use self::views::{SUBSCRIPTIONS_REMEMBERED, Views};

/// All entities together.
pub trait Store:
    Settings
    + Conversations
    + Standings
    + RefusedConversations
    + Subscriptions
    + Views
    + Messages
    + MessageChanges
    + Receipts
    + StoredEventLog
    + MissedEvents
    + Retention
    + Sessions
    + Bans
    + DailyUsers
    + Calls
    + Nodes
{
}

impl<S> Store for S where
    S: Settings
        + Conversations
        + Standings
        + RefusedConversations
        + Subscriptions
        + Views
        + Messages
        + MessageChanges
        + Receipts
        + StoredEventLog
        + MissedEvents
        + Retention
        + Sessions
        + Bans
        + DailyUsers
        + Calls
        + Nodes
{
}
