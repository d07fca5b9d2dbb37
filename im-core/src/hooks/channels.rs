//! Hooks as targets of calls in the store's table.

use hook_types::{ClientOffline, ClientOnline, Hook as _, HookKind};

use crate::ids::Channel;

/// Of calls about sessions.
const PRESENCE: &str = "presence";

/// The cause of a dead letter whose call this program cannot read.
pub(super) const UNREADABLE: &str = "unreadable";

/// The channel of a hook: its own, except that online and offline share one, which keeps their order.
pub fn channel_of(hook: &str) -> Channel {
    Channel::new(if [ClientOnline::NAME, ClientOffline::NAME].contains(&hook) { PRESENCE } else { hook })
}

/// The channels of all notification hooks.
pub fn channels() -> impl Iterator<Item = Channel> {
    let hooks = hook_types::hook::IM_HOOKS.iter().filter(|(hook, kind)| {
        // Its channel is that of `_clientOnline`.
        *kind == HookKind::Notification && *hook != ClientOffline::NAME
    });
    hooks.map(|(hook, _)| channel_of(hook))
}

/// The name as hook calls carry it; `None` for a hook that this program does not know.
pub(super) fn hook_named(name: &str) -> Option<&'static str> {
    hook_types::hook::IM_HOOKS.iter().map(|(hook, _)| *hook).find(|hook| *hook == name)
}
