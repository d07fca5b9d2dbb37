//! Requests on their way to the engine: so many at the same time, so that an engine that does not answer holds no more
//! descriptors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookd_im_core::ids::AppId;

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A caller that showed a key of this app.
    App(AppId),
    /// A caller that showed the admin key.
    Operator,
    /// All others together.
    Unknown,
}

/// An app may have as many permits as are left: one alone has half of them at most, and the next ones always find some.
#[derive(Clone)]
pub struct RequestPermits(Arc<Inner>);

struct Inner {
    count: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_holder: HashMap<Holder, usize>,
}

/// One permit, for as long as this lives.
pub struct RequestPermit {
    permits: RequestPermits,
    holder: Holder,
}

impl RequestPermits {
    /// So many.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Inner { count, taken: Mutex::default() }))
    }

    /// A permit, unless the holder has its share already.
    pub fn take(&self, holder: Holder) -> Option<RequestPermit> {
        let mut taken = self.taken();
        let left = self.0.count.saturating_sub(taken.all);
        let own = taken.by_holder.get(&holder).copied().unwrap_or_default();
        if own >= left {
            return None;
        }
        taken.all += 1;
        taken.by_holder.insert(holder.clone(), own + 1);
        drop(taken);
        Some(RequestPermit { permits: self.clone(), holder })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let mut taken = self.permits.taken();
        taken.all -= 1;
        if let Some(own) = taken.by_holder.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                taken.by_holder.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_app_leaves_half_and_the_next_one_finds_some() {
        let permits = RequestPermits::new(8);
        let take = |name: &str| permits.take(Holder::App(AppId::new(name)));
        let mut greedy: Vec<RequestPermit> = std::iter::from_fn(|| take("greedy")).collect();
        assert_eq!(greedy.len(), 4);
        let modest: Vec<RequestPermit> = std::iter::from_fn(|| take("modest")).collect();
        assert_eq!(modest.len(), 2);
        assert!(take("greedy").is_none());
        assert!(permits.take(Holder::Unknown).is_some());
        drop(modest);
        greedy.pop();
        assert!(take("greedy").is_some());
        drop(greedy);
        let taken = permits.taken();
        assert_eq!((taken.all, taken.by_holder.len()), (0, 0));
    }
}
