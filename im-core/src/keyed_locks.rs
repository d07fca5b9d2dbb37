//! Locks by key: one for each conversation that is being changed, one for each message that is being sent.

use std::collections::HashMap;
use std::hash::Hash;

use crate::ids::{AppId, ConversationId};
use crate::sync::{Arc, AsyncMutex, Mutex, OwnedMutexGuard, PoisonError};

type Lock = Arc<AsyncMutex<()>>;

/// Fair, asynchronous locks: the task that asks first gets the lock first. An unused lock takes no memory.
#[derive(Debug)]
pub struct KeyedLocks<K: Eq + Hash> {
    locks: Mutex<HashMap<K, Entry>>,
}

/// Held over a read of the conversation, a write to the store and the fan-out that follows, never while a hook runs. No
/// holder takes a second one.
pub type ConversationLocks = KeyedLocks<(AppId, ConversationId)>;

/// A key that is held or waited for.
#[derive(Debug, Default)]
struct Entry {
    lock: Lock,
    claims: usize,
}

/// The lock of one conversation, held.
pub type ConversationGuard<'a> = KeyedGuard<'a, (AppId, ConversationId)>;

/// Releases the key when dropped.
#[derive(Debug)]
pub struct KeyedGuard<'a, K: Eq + Hash> {
    // Dropped before the claim: the last claim takes the entry away.
    _held: OwnedMutexGuard<()>,
    _claim: Claim<'a, K>,
}

impl ConversationLocks {
    /// Waits for the conversation. Every holder before has only the store to wait for.
    pub async fn lock(&self, app: &AppId, conversation: &ConversationId) -> ConversationGuard<'_> {
        self.lock_key((app.clone(), conversation.clone())).await
    }
}

impl<K: Eq + Hash> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self { locks: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone> KeyedLocks<K> {
    /// Waits until all tasks that asked for the key before have released it.
    pub async fn lock_key(&self, key: K) -> KeyedGuard<'_, K> {
        let (claim, lock) = self.claim(key);
        let held = lock.lock_owned().await;
        KeyedGuard { _held: held, _claim: claim }
    }

    fn claim(&self, key: K) -> (Claim<'_, K>, Lock) {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = locks.entry(key.clone()).or_default();
        entry.claims += 1;
        (Claim { locks: self, key }, entry.lock.clone())
    }
}

/// Keeps the entry of a key alive, while waiting too.
#[derive(Debug)]
struct Claim<'a, K: Eq + Hash> {
    locks: &'a KeyedLocks<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        let mut locks = self.locks.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = locks.get_mut(&self.key) else { return };
        entry.claims = entry.claims.saturating_sub(1);
        if entry.claims == 0 {
            locks.remove(&self.key);
        }
    }
}
