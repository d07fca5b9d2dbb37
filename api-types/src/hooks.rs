//! The reserved names of functions, and what their calls are for.

/// Whether the caller waits for a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// The IM core awaits the reply and applies it.
    Blocking,
    /// The reply is ignored.
    Notification,
}

/// Name and kind of every hook of LeanCloud IM, in the order of EC 2.1.
pub const IM_HOOKS: [(&str, HookKind); 14] = [
    ("_messageReceived", HookKind::Blocking),
    ("_messageSent", HookKind::Notification),
    ("_receiversOffline", HookKind::Blocking),
    ("_messageUpdate", HookKind::Blocking),
    ("_conversationStart", HookKind::Blocking),
    ("_conversationStarted", HookKind::Notification),
    ("_conversationAdd", HookKind::Blocking),
    ("_conversationAdded", HookKind::Notification),
    ("_conversationRemove", HookKind::Blocking),
    ("_conversationRemoved", HookKind::Notification),
    ("_conversationUpdate", HookKind::Blocking),
    ("_clientOnline", HookKind::Notification),
    ("_clientOffline", HookKind::Notification),
    ("_rtmClientSign", HookKind::Blocking),
];

/// Hooks of our own (EC-10).
const OWN_HOOKS: [(&str, HookKind); 3] = [
    ("_eventReceived", HookKind::Blocking),
    ("_eventSent", HookKind::Notification),
    ("_serviceEvent", HookKind::Notification),
];

/// The purpose of a function, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A hook whose reply the IM core awaits and applies.
    BlockingHook,
    /// A hook whose reply is ignored.
    NotificationHook,
    /// Anything else.
    Function,
}

impl FunctionKind {
    /// The kind of a function with this name.
    pub fn of(name: &str) -> Self {
        if !name.starts_with('_') {
            return Self::Function;
        }
        match IM_HOOKS.iter().chain(&OWN_HOOKS).find(|(hook, _)| *hook == name) {
            Some((_, HookKind::Blocking)) => Self::BlockingHook,
            Some((_, HookKind::Notification)) => Self::NotificationHook,
            None => Self::Function,
        }
    }

    /// True when a call needs the hook key. Other names may begin with an underscore as they like.
    pub fn is_reserved(self) -> bool {
        self != Self::Function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_function_is_for() {
        for (name, kind) in [
            ("_messageReceived", FunctionKind::BlockingHook),
            ("_messageSent", FunctionKind::NotificationHook),
            ("_eventReceived", FunctionKind::BlockingHook),
            ("messageReceived", FunctionKind::Function),
            ("_own", FunctionKind::Function),
        ] {
            assert_eq!(FunctionKind::of(name), kind, "{name}");
            assert_eq!(kind.is_reserved(), kind != FunctionKind::Function);
        }
    }
}
