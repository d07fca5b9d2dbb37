//! Names that only the platform may call, and what their calls are for.

use self::FunctionKind::{BlockingHook, NotificationHook};

/// What a function is for, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A hook whose reply is awaited and obeyed.
    BlockingHook,
    /// A hook whose reply nobody reads.
    NotificationHook,
    /// Anything else.
    Function,
}

/// The 14 reserved hooks of LeanCloud IM (§2.1), and three of our own (EC-10).
const RESERVED: [(&str, FunctionKind); 17] = [
    ("_messageReceived", BlockingHook),
    ("_messageSent", NotificationHook),
    ("_receiversOffline", BlockingHook),
    ("_messageUpdate", BlockingHook),
    ("_conversationStart", BlockingHook),
    ("_conversationStarted", NotificationHook),
    ("_conversationAdd", BlockingHook),
    ("_conversationAdded", NotificationHook),
    ("_conversationRemove", BlockingHook),
    ("_conversationRemoved", NotificationHook),
    ("_conversationUpdate", BlockingHook),
    ("_clientOnline", NotificationHook),
    ("_clientOffline", NotificationHook),
    ("_rtmClientSign", BlockingHook),
    ("_eventReceived", BlockingHook),
    ("_eventSent", NotificationHook),
    ("_serviceEvent", NotificationHook),
];

impl FunctionKind {
    /// The kind of a function with this name.
    pub fn of(name: &str) -> Self {
        let reserved = |name: &str| RESERVED.iter().find(|(hook, _)| *hook == name).map(|(_, kind)| *kind);
        if name.starts_with('_') { reserved(name).unwrap_or(Self::Function) } else { Self::Function }
    }

    /// True when a call needs the hook key. Other names may begin with an underscore as they like.
    pub(super) fn is_reserved(self) -> bool {
        self != Self::Function
    }
}
