//! The members of conversations that are spoken in, so that a message does not read them all again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::delivery::Before;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::keyed_locks::ConversationGuard;
use crate::store::{Conversation, ConversationKind, Standing};
use crate::timestamp::Timestamp;

/// Members that are kept of one app, in bytes; the least used conversations go first.
const APP_BYTES: u64 = 16 * 1024 * 1024;

/// What a conversation takes besides its texts: the entry of the cache, versions and times.
const CONVERSATION_BYTES: usize = 400;

/// What a member takes besides its id.
const MEMBER_BYTES: usize = 40;

/// How long a change that this process has not seen, or not seen the end of, can be missed by messages that are not stored. For those
/// that are, the store compares the versions.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The members of a conversation, and what else a message from one of them needs.
#[derive(Clone, Debug)]
pub(crate) struct KnownMembers {
    /// All, in the order of joining. None in a chat room.
    pub(crate) members: Arc<[ClientId]>,
    /// Of the conversation.
    pub(crate) kind: ConversationKind,
    /// The version of the members.
    pub(crate) sequence: u64,
    /// The version of what the conversation holds about clients.
    pub(crate) standing_version: u64,
    /// The conversation then.
    pub(crate) before: Before,
}

/// Members of conversations by app. Only the holder of a conversation's lock puts one in or takes it out, so what is in it is as old as
/// the last change under that lock. A node beside others has none: they change members without that lock.
#[derive(Default)]
pub struct MemberCache {
    is_off: bool,
    of_app: Mutex<HashMap<AppId, Cache<ConversationId, KnownMembers>>>,
}

impl MemberCache {
    /// One that keeps nothing.
    pub(crate) fn off() -> Self {
        Self { is_off: true, of_app: Mutex::default() }
    }

    /// What is known of a conversation.
    pub(crate) fn get(&self, app: &AppId, conversation: &ConversationId) -> Option<KnownMembers> {
        if self.is_off { None } else { self.of_app(app).get(conversation) }
    }

    /// Keeps what was read under the lock. Not of a conversation where some client may not speak: there it depends on the sender. Not of a
    /// temporary one: its life may end.
    pub(crate) fn keep(&self, app: &AppId, read: &Standing, guard: &ConversationGuard<'_>) {
        let Standing { conversation, silenced, blocked, silenced_for_a_time, .. } = read;
        let is_same_for_all = [silenced, blocked, silenced_for_a_time].iter().all(|clients| clients.in_all == 0);
        if self.is_off || !is_same_for_all || conversation.kind == ConversationKind::Temporary {
            return;
        }
        self.put(app, &conversation.id, KnownMembers::from(conversation), guard);
    }

    /// Takes over the number and time of a message that was stored under the lock.
    pub(crate) fn note_stored(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (sequence, at): (u64, Timestamp),
        guard: &ConversationGuard<'_>,
    ) {
        if let Some(known) = self.get(app, conversation) {
            self.put(app, conversation, KnownMembers { before: known.before.after(sequence, at), ..known }, guard);
        }
    }

    /// Forgets a conversation whose members, or what they may do, are to be changed under the lock.
    pub(crate) fn forget(&self, app: &AppId, conversation: &ConversationId, _guard: &ConversationGuard<'_>) {
        if !self.is_off {
            self.of_app(app).invalidate(conversation);
        }
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget_app(&self, app: &AppId) {
        self.of_app.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
    }

    fn put(&self, app: &AppId, id: &ConversationId, known: KnownMembers, _guard: &ConversationGuard<'_>) {
        self.of_app(app).insert(id.clone(), known);
    }

    fn of_app(&self, app: &AppId) -> Cache<ConversationId, KnownMembers> {
        let mut apps = self.of_app.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = apps.get(app) {
            return cache.clone();
        }
        apps.entry(app.clone()).or_insert_with(new_cache).clone()
    }
}

impl std::fmt::Debug for MemberCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MemberCache").finish_non_exhaustive()
    }
}

impl From<&Conversation> for KnownMembers {
    fn from(found: &Conversation) -> Self {
        Self {
            members: Arc::from(found.members.as_slice()),
            kind: found.kind,
            sequence: found.members_sequence,
            standing_version: found.standing_version,
            before: Before::from(found),
        }
    }
}

fn new_cache() -> Cache<ConversationId, KnownMembers> {
    Cache::builder()
        .max_capacity(APP_BYTES)
        .weigher(weight)
        .eviction_policy(EvictionPolicy::lru())
        .time_to_live(KEPT_FOR)
        .build()
}

fn weight(conversation: &ConversationId, known: &KnownMembers) -> u32 {
    let members: usize = known.members.iter().map(|member| MEMBER_BYTES + member.as_str().len()).sum();
    u32::try_from(CONVERSATION_BYTES + conversation.as_str().len() + members).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{APP_BYTES, KnownMembers, MemberCache, new_cache, weight};
    use crate::delivery::{Before, Place};
    use crate::ids::{AppId, ClientId, ConversationId};
    use crate::keyed_locks::ConversationLocks;
    use crate::store::ConversationKind;
    use crate::timestamp::Timestamp;

    #[test]
    fn the_members_of_an_app_are_kept_up_to_some_bytes() {
        let members: Arc<[ClientId]> = (0..500).map(|number| ClientId::new(format!("{number:0>64}"))).collect();
        let (kind, cache) = (ConversationKind::Basic, new_cache());
        let id = |number: u32| ConversationId::new(format!("{number:0>24}"));
        let known = |number| {
            let before = Before::new(id(number), 1, Timestamp(0));
            KnownMembers { members: members.clone(), kind, sequence: 1, standing_version: 0, before }
        };
        let fitting = u32::try_from(APP_BYTES).unwrap() / weight(&id(0), &known(0));
        for number in 0..2 * fitting {
            cache.insert(id(number), known(number));
        }
        cache.run_pending_tasks();
        assert!(cache.weighted_size() <= APP_BYTES);
        assert!(cache.get(&id(2 * fitting - 1)).is_some(), "the newest stays");
    }
    #[tokio::test]
    async fn what_follows_a_stored_message_has_its_place_after_it() {
        let (app, id) = (AppId::new("demo"), ConversationId::new("64f0c0ffee0000000000a001"));
        let (cache, locks) = (MemberCache::default(), ConversationLocks::default());
        let guard = locks.lock(&app, &id).await;
        let before = Before::new(id.clone(), 1, Timestamp(0));
        let (members, kind) = (Arc::from([]), ConversationKind::ChatRoom);
        cache.put(&app, &id, KnownMembers { members, kind, sequence: 1, standing_version: 0, before }, &guard);
        cache.note_stored(&app, &id, (2, Timestamp(7)), &guard);
        let known = cache.get(&app, &id).unwrap();
        assert_eq!(Place::transient(&known.before), Place::after(id.clone(), 2));
        cache.forget(&app, &id, &guard);
        assert!(cache.get(&app, &id).is_none());
    }
}
