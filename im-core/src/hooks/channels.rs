//! Hooks as targets of calls in the store's table.

use hook_types::{ClientOffline, ClientOnline, Hook as _, HookKind, ReceiversOffline};

use crate::ids::Channel;

/// Of calls about sessions.
const PRESENCE: &str = "presence";

/// Of pushes on their way to an app's gateway: channel and target.
pub(super) const PUSH: &str = "push";

/// The cause of a dead letter whose call this program cannot read.
pub(super) const UNREADABLE: &str = "unreadable";

/// The channel of a hook: its own, except that online and offline share one, which keeps their order.
pub fn channel_of(hook: &str) -> Channel {
    Channel::new(if [ClientOnline::NAME, ClientOffline::NAME].contains(&hook) { PRESENCE } else { hook })
}

/// The channels of all notification hooks, of `_receiversOffline`, and of pushes.
pub fn channels() -> impl Iterator<Item = Channel> {
    let hooks = hook_types::hook::IM_HOOKS.iter().filter(|(hook, kind)| {
        // Its channel is that of `_clientOnline`.
        *kind == HookKind::Notification && *hook != ClientOffline::NAME
    });
    hooks.map(|(hook, _)| *hook).chain([ReceiversOffline::NAME, PUSH]).map(channel_of)
}

/// The name of a hook, or of another target, as calls carry it; `None` for one that this program does not know.
pub(super) fn target_named(name: &str) -> Option<&'static str> {
    hook_types::hook::IM_HOOKS.iter().map(|(hook, _)| *hook).chain([PUSH]).find(|target| *target == name)
}
