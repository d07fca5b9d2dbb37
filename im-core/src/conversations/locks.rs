//! One lock for each conversation that is being changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::ids::{AppId, ConversationId};

type Key = (AppId, ConversationId);
type Lock = Arc<tokio::sync::Mutex<()>>;

/// Keyed, fair, asynchronous locks: whoever asks first gets it first. A lock nobody holds or waits for takes no memory.
///
/// Held over a write to the store and the fan-out that follows, never while a hook runs. No holder takes a second one.
#[derive(Debug, Default)]
pub struct ConversationLocks {
    locks: Mutex<HashMap<Key, Lock>>,
}

/// Releases the conversation when dropped.
#[derive(Debug)]
pub struct ConversationGuard<'a> {
    // Dropped before the claim: the claim frees the entry when nobody else refers to it.
    _held: OwnedMutexGuard<()>,
    _claim: Claim<'a>,
}

impl ConversationLocks {
    /// Waits for the conversation. Every holder before has only a write to the store to wait for.
    pub async fn lock(&self, app: &AppId, conversation: &ConversationId) -> ConversationGuard<'_> {
        let claim = self.claim((app.clone(), conversation.clone()));
        let held = claim.lock.clone().lock_owned().await;
        ConversationGuard { _held: held, _claim: claim }
    }

    fn claim(&self, key: Key) -> Claim<'_> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = locks.entry(key.clone()).or_default().clone();
        Claim { locks: self, key, lock }
    }
}

/// Keeps the entry of a conversation alive, while waiting too.
#[derive(Debug)]
struct Claim<'a> {
    locks: &'a ConversationLocks,
    key: Key,
    lock: Lock,
}

impl Drop for Claim<'_> {
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
