//! Which channels have a worker. A worker that ends and a call that comes at the same moment do not miss each other: either
//! the worker goes on, or another one begins.

use std::collections::HashMap;
use std::hash::Hash;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The workers that live, by their channel. `S` is how one of them is reached.
pub struct Workers<K, S> {
    workers: Mutex<HashMap<K, Living<S>>>,
}

struct Living<S> {
    signals: S,
    /// There is news that the worker has not looked at.
    news: bool,
}

impl<K, S> Default for Workers<K, S> {
    fn default() -> Self {
        Self { workers: Mutex::new(HashMap::new()) }
    }
}

impl<K: Eq + Hash, S> Workers<K, S> {
    /// To be called after a call came into the table: signals the worker of its channel, or begins one.
    pub fn wake(&self, key: K, signal: impl FnOnce(&S), begin: impl FnOnce(&K) -> S) {
        let mut workers = self.workers();
        if let Some(living) = workers.get_mut(&key) {
            living.news = true;
            signal(&living.signals);
        } else {
            let signals = begin(&key);
            workers.insert(key, Living { signals, news: false });
        }
    }

    /// Called by a worker before it looks at the table.
    pub fn looks(&self, key: &K) {
        if let Some(living) = self.workers().get_mut(key) {
            living.news = false;
        }
    }

    /// Called by a worker that found nothing to do; false when a call came after it began to look: it looks again.
    pub fn may_end(&self, key: &K) -> bool {
        let mut workers = self.workers();
        let has_news = workers.get(key).is_some_and(|living| living.news);
        if !has_news {
            workers.remove(key);
        }
        !has_news
    }

    /// Called by a worker that ends in any case.
    pub fn ended(&self, key: &K) {
        self.workers().remove(key);
    }

    /// Does something with each worker that lives.
    pub fn for_each(&self, mut act: impl FnMut(&K, &S)) {
        self.workers().iter().for_each(|(key, living)| act(key, &living.signals));
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<K, Living<S>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
