//! Locks by key: one for each conversation that is being changed, one for each message that is being sent.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::ids::{AppId, ConversationId};

type Lock = Arc<tokio::sync::Mutex<()>>;

/// Fair, asynchronous locks: whoever asks first gets it first. A lock nobody holds or waits for takes no memory.
#[derive(Debug)]
pub struct KeyedLocks<K: Eq + Hash> {
    locks: Mutex<HashMap<K, Lock>>,
}

/// Held over a read of the conversation, a write to the store and the fan-out that follows, never while a hook runs. No
/// holder takes a second one.
pub type ConversationLocks = KeyedLocks<(AppId, ConversationId)>;

/// Releases the key when dropped.
#[derive(Debug)]
pub struct KeyedGuard<'a, K: Eq + Hash> {
    // Dropped before the claim: the claim frees the entry when nobody else refers to it.
    _held: OwnedMutexGuard<()>,
    _claim: Claim<'a, K>,
}

impl ConversationLocks {
    /// Waits for the conversation. Every holder before has only the store to wait for.
    pub async fn lock(&self, app: &AppId, conversation: &ConversationId) -> KeyedGuard<'_, (AppId, ConversationId)> {
        self.lock_key((app.clone(), conversation.clone())).await
    }
}

impl<K: Eq + Hash> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self { locks: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone> KeyedLocks<K> {
    /// Waits until whoever asked for the key before has let go of it.
    pub async fn lock_key(&self, key: K) -> KeyedGuard<'_, K> {
        let claim = self.claim(key);
        let held = claim.lock.clone().lock_owned().await;
        KeyedGuard { _held: held, _claim: claim }
    }

    fn claim(&self, key: K) -> Claim<'_, K> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = locks.entry(key.clone()).or_default().clone();
        Claim { locks: self, key, lock }
    }
}

/// Keeps the entry of a key alive, while waiting too.
#[derive(Debug)]
struct Claim<'a, K: Eq + Hash> {
    locks: &'a KeyedLocks<K>,
    key: K,
    lock: Lock,
}

impl<K: Eq + Hash> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        let mut locks = self.locks.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // The table's reference and this one; new claims are made under the table's lock only.
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::ConversationLocks;
    use crate::ids::{AppId, ConversationId};

    fn ids() -> (AppId, ConversationId) {
        (AppId::new("demo"), ConversationId::generate())
    }

    /// Polls once; true when the future is still waiting.
    async fn is_waiting<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_the_entry_is_freed_after_both() {
        let locks = ConversationLocks::default();
        let (app, conversation) = ids();
        let first = locks.lock(&app, &conversation).await;
        let mut second = pin!(locks.lock(&app, &conversation));
        assert!(is_waiting(second.as_mut()).await);
        drop(first);
        drop(second.await);
        assert!(locks.locks.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_nothing_behind() {
        let locks = ConversationLocks::default();
        let (app, conversation) = ids();
        let first = locks.lock(&app, &conversation).await;
        {
            let mut second = pin!(locks.lock(&app, &conversation));
            assert!(is_waiting(second.as_mut()).await);
        }
        drop(first);
        assert!(locks.locks.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn conversations_do_not_wait_for_each_other() {
        let locks = ConversationLocks::default();
        let (app, conversation) = ids();
        let _first = locks.lock(&app, &conversation).await;
        let _other = locks.lock(&app, &ConversationId::generate()).await;
        let _same_id_elsewhere = locks.lock(&AppId::new("other"), &conversation).await;
    }
}
