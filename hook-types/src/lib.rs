//! The params and the reply of every hook, as the JSON of the LeanEngine contract has them.
//!
//! One source of truth for the two sides of a hook call: the IM core writes [`Hook::Params`] and reads [`Hook::Reply`]
//! with [`read_reply`]; a hook, written with the SDK, does the reverse. Nothing here knows how the JSON travels.
//!
//! ```
//! use hook_types::{MessageReceived, MessageReceivedReply, read_reply};
//!
//! let reply = read_reply::<MessageReceived>(br#"{"drop": true, "code": 1234, "detail": "no"}"#)?.reply;
//! assert_eq!(reply, MessageReceivedReply::drop(1234, "no"));
//! # Ok::<(), hook_types::BadReply>(())
//! ```
//!
//! To add a hook: a params struct and a reply in the module of its subject, a marker with [`Hook`] in [`hook`], its
//! place in [`hook::IM_HOOKS`], and a sample in `tests/samples.rs`. The types for other languages are generated from these by
//! `generator/`.

pub mod hook;

mod client;
mod content;
mod conversation;
mod message;
mod reply;
#[cfg(feature = "schema")]
pub mod schema;

pub use client::{ClientOfflineParams, ClientOnlineParams, ClientSignParams, ClientSignReply};
pub use content::{Content, UnreadableContent};
pub use conversation::{
    ConversationAddParams, ConversationAddReply, ConversationAddedParams, ConversationChange, ConversationRemoveParams,
    ConversationRemoveReply, ConversationRemovedParams, ConversationReply, ConversationStartParams,
    ConversationStartReply, ConversationStartedParams, ConversationUpdateParams, ConversationUpdateReply,
};
pub use hook::{
    ClientOffline, ClientOnline, ClientSign, ConversationAdd, ConversationAdded, ConversationRemove,
    ConversationRemoved, ConversationStart, ConversationStarted, ConversationUpdate, Hook, HookKind, MessageReceived,
    MessageSent, MessageUpdate, Params, ReceiversOffline, read_reply,
};
pub use message::{
    AlwaysNull, MessageReceivedParams, MessageReceivedReply, MessageReply, MessageSentParams, MessageUpdateParams,
    MessageUpdateReply, PushMessage, ReceiversOfflineParams, ReceiversOfflineReply,
};
pub use reply::{BadReply, Fields, NoReply, ReadReply, Reply};
