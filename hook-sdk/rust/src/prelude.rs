//! Everything that a hook needs: `use hook_sdk::prelude::*;`.
//!
//! Inside an annotated function `println!` and similar macros are already those of this crate. Other functions need
//! `use hook_sdk::println;` by name, because what a glob imports cannot stand in for the `println!` of `std`, which
//! writes nowhere in a module.

pub use crate::{Context, Environment, Failure, Result, function, hook};
pub use crate::{debug, error, info, trace, warn};
pub use hook_types::{
    ClientOfflineParams, ClientOnlineParams, ClientSignParams, ClientSignReply, Content, ConversationAddParams,
    ConversationAddReply, ConversationAddedParams, ConversationChange, ConversationRemoveParams,
    ConversationRemoveReply, ConversationRemovedParams, ConversationStartParams, ConversationStartReply,
    ConversationStartedParams, ConversationUpdateParams, ConversationUpdateReply, MessageReceivedParams,
    MessageReceivedReply, MessageSentParams, MessageUpdateParams, MessageUpdateReply, NoReply, PushMessage,
    ReceiversOfflineParams, ReceiversOfflineReply, UnreadableContent,
};
