//! The backends of the store of `hookd-im-core`.

mod call_rules;
mod conversation_kind;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod member_set;
mod membership;
mod message_type;
pub mod postgres;
mod query;
mod receipts;
mod retention;
pub mod sqlite;
mod standing;
mod stored_events;
mod subscriptions;
mod views;
