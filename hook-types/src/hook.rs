//! The hooks themselves: their reserved names and what belongs to each.

pub use api_types::{HookKind, IM_HOOKS};
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "schema")]
use crate::schema::{self, HookSchema};
use crate::{
    ClientOfflineParams, ClientOnlineParams, ClientSignParams, ClientSignReply, ConversationAddParams,
    ConversationAddReply, ConversationAddedParams, ConversationRemoveParams, ConversationRemoveReply,
    ConversationRemovedParams, ConversationStartParams, ConversationStartReply, ConversationStartedParams,
    ConversationUpdateParams, ConversationUpdateReply, MessageReceivedParams, MessageReceivedReply, MessageSentParams,
    MessageUpdateParams, MessageUpdateReply, NoReply, ReceiversOfflineParams, ReceiversOfflineReply,
    reply::{BadReply, ReadReply, Reply, read},
};

/// One hook: its name, and the types of what goes in and comes out.
pub trait Hook {
    /// The reserved function name, for example `_messageReceived`.
    const NAME: &'static str;
    /// Whether the reply is awaited.
    const KIND: HookKind;
    /// The params of the hook.
    type Params: Params<Hook = Self>;
    /// What the hook may answer; the default is "no opinion".
    type Reply: Reply + Serialize + DeserializeOwned + Default;
}

/// Reads the JSON text that hook `H` answered, as JavaScript would. Of a notification hook the reply is not looked at.
///
/// # Errors
///
/// When the text is not JSON, or neither an object nor null.
pub fn read_reply<H: Hook>(json: &[u8]) -> Result<ReadReply<H::Reply>, BadReply> {
    if !H::Reply::IS_READ {
        return Ok(ReadReply { reply: H::Reply::default(), ignored_keys: Vec::new(), had_no_opinion: true });
    }
    read(&foreign_json::decode(json))
}

/// Params know their hook, so that a function's argument type says which hook it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the params of a hook",
    note = "a hook takes one of `MessageReceivedParams`, `ConversationStartParams` …; for a function that clients call, \
            use `#[function]`"
)]
pub trait Params: Serialize + DeserializeOwned {
    /// The hook that is called with these params.
    type Hook: Hook<Params = Self>;
}

macro_rules! hooks {
    ($($(#[doc = $doc:literal])* $hook:ident = $name:literal, $kind:ident, $params:ident -> $reply:ident;)*) => {
        /// Every hook with the schemas of its params and its reply, in the order of the contract.
        #[cfg(feature = "schema")]
        pub fn schemas() -> Vec<HookSchema> {
            vec![$(HookSchema {
                name: $name,
                type_name: stringify!($hook),
                description: concat!($($doc),*).trim(),
                kind: HookKind::$kind,
                params: schema::of::<$params>(),
                reply: schema::of::<$reply>(),
            }),*]
        }
    $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $hook;

        impl Hook for $hook {
            const NAME: &'static str = $name;
            const KIND: HookKind = HookKind::$kind;
            type Params = $params;
            type Reply = $reply;
        }

        impl Params for $params {
            type Hook = $hook;
        }
    )*};
}

hooks! {
    /// A message has reached the server and its receivers are known; it is not stored or delivered yet.
    MessageReceived = "_messageReceived", Blocking, MessageReceivedParams -> MessageReceivedReply;
    /// A message was delivered to the members that are online.
    MessageSent = "_messageSent", Notification, MessageSentParams -> NoReply;
    /// Some receivers are offline and a push is about to be sent. Never for chat rooms. Delays the push only.
    ReceiversOffline = "_receiversOffline", Blocking, ReceiversOfflineParams -> ReceiversOfflineReply;
    /// A message is about to be edited or recalled.
    MessageUpdate = "_messageUpdate", Blocking, MessageUpdateParams -> MessageUpdateReply;
    /// A conversation is about to be created.
    ConversationStart = "_conversationStart", Blocking, ConversationStartParams -> ConversationStartReply;
    /// A conversation was created.
    ConversationStarted = "_conversationStarted", Notification, ConversationStartedParams -> NoReply;
    /// Members are about to join or to be added; not fired for the first members of a new conversation.
    ConversationAdd = "_conversationAdd", Blocking, ConversationAddParams -> ConversationAddReply;
    /// Members joined or were added.
    ConversationAdded = "_conversationAdded", Notification, ConversationAddedParams -> NoReply;
    /// Members are about to be removed by another client; not fired when a member leaves.
    ConversationRemove = "_conversationRemove", Blocking, ConversationRemoveParams -> ConversationRemoveReply;
    /// Members were removed, or left.
    ConversationRemoved = "_conversationRemoved", Notification, ConversationRemovedParams -> NoReply;
    /// Attributes or the mute setting of a conversation are about to change.
    ConversationUpdate = "_conversationUpdate", Blocking, ConversationUpdateParams -> ConversationUpdateReply;
    /// A client logged in.
    ClientOnline = "_clientOnline", Notification, ClientOnlineParams -> NoReply;
    /// A client's session ended.
    ClientOffline = "_clientOffline", Notification, ClientOfflineParams -> NoReply;
    /// A built-in user asks for a login signature.
    ClientSign = "_rtmClientSign", Blocking, ClientSignParams -> ClientSignReply;
}
