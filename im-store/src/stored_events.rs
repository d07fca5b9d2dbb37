//! One order of messages and changes of members.

use std::collections::HashSet;

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{
    ConversationKind, EventRange, MEMBER_CHANGES_AT_ONCE, MemberChange, StoredEvent, StoredEvents,
};

/// What was read of a conversation, all of one moment.
pub(crate) struct Read {
    pub(crate) kind: ConversationKind,
    /// The present members.
    pub(crate) members: Vec<ClientId>,
    pub(crate) last_sequence: u64,
    /// The first ones of the range, in their order.
    pub(crate) messages: Vec<StoredEvent>,
    /// The newest ones of the range, newest first, one more than are looked at.
    pub(crate) changes: Vec<MemberChange>,
}

impl Read {
    /// The events of the range, and the members after the last of them.
    pub(crate) fn into_events(self, range: EventRange) -> StoredEvents {
        let Self { kind, members, last_sequence, messages, mut changes } = self;
        let is_cut = changes.len() > MEMBER_CHANGES_AT_ONCE;
        changes.truncate(MEMBER_CHANGES_AT_ONCE);
        let first = if is_cut { changes.last().map_or(0, |oldest| oldest.sequence) } else { 0 };
        // The messages end somewhere because of the limit; behind that nothing is known of them.
        let is_full = messages.len() >= range.limit;
        let last = messages.last().filter(|_| is_full).map_or(u64::MAX, StoredEvent::sequence);
        let mut events: Vec<StoredEvent> = messages;
        events.extend(changes.iter().cloned().map(StoredEvent::MembersChanged));
        events.retain(|event| (first..=last).contains(&event.sequence()));
        events.sort_by_key(StoredEvent::sequence);
        events.truncate(range.limit);
        let end = events.last().map(StoredEvent::sequence);
        let mut members: HashSet<ClientId> = members.into_iter().collect();
        changes.iter().filter(|change| end.is_some_and(|end| change.sequence > end)).for_each(|change| {
            if change.is_join {
                members.retain(|member| !change.members.contains(member));
            } else {
                members.extend(change.members.iter().cloned());
            }
        });
        StoredEvents { kind, events, members: members.into_iter().collect(), last_sequence }
    }
}
