//! Names that only the platform may call.

/// The 14 reserved hooks of LeanCloud IM (§2.1), and three of our own (EC-10).
const RESERVED: [&str; 17] = [
    "_messageReceived",
    "_messageSent",
    "_receiversOffline",
    "_messageUpdate",
    "_conversationStart",
    "_conversationStarted",
    "_conversationAdd",
    "_conversationAdded",
    "_conversationRemove",
    "_conversationRemoved",
    "_conversationUpdate",
    "_clientOnline",
    "_clientOffline",
    "_rtmClientSign",
    "_eventReceived",
    "_eventSent",
    "_serviceEvent",
];

/// True when a call needs the hook key. Other names may begin with an underscore as they like.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with('_') && RESERVED.contains(&name)
}

/// Hooks that may come more than once, and are counted by whoever calls them.
const NOTIFICATIONS: [&str; 6] = [
    "_messageSent",
    "_conversationStarted",
    "_conversationAdded",
    "_conversationRemoved",
    "_clientOnline",
    "_clientOffline",
];

/// True when nobody waits for the hook's reply.
pub(super) fn is_notification(name: &str) -> bool {
    NOTIFICATIONS.contains(&name)
}
