//! What each app may have of something at a time, so that no app takes another one's share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::ids::AppId;

/// Apps that nothing is taken for are forgotten when so many are known.
const SWEEP_AT: usize = 256;

/// A share of the same size for every app.
#[derive(Debug)]
pub struct AppShares {
    size: usize,
    apps: Mutex<HashMap<AppId, Arc<Semaphore>>>,
}

impl AppShares {
    /// Shares of `size` permits.
    pub fn new(size: usize) -> Self {
        Self { size: size.min(Semaphore::MAX_PERMITS), apps: Mutex::default() }
    }

    /// The share of an app. Permits are to be taken as owned ones: a share that is all there is forgotten.
    pub fn of(&self, app: &AppId) -> Arc<Semaphore> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = apps.get(app) {
            return share.clone();
        }
        if apps.len() >= SWEEP_AT {
            // A caller that waits for permits or has some refers to the share.
            apps.retain(|_, share| Arc::strong_count(share) > 1);
        }
        apps.entry(app.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.size))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{AppShares, SWEEP_AT};
    use crate::ids::AppId;

    #[test]
    fn an_app_that_took_its_share_leaves_those_of_others_alone_and_gets_no_second_one() {
        let shares = AppShares::new(2);
        let hungry = AppId::new("hungry");
        let taken = shares.of(&hungry).try_acquire_many_owned(2).unwrap();
        for number in 0..2 * SWEEP_AT {
            assert_eq!(shares.of(&AppId::new(number.to_string())).available_permits(), 2);
        }
        assert_eq!(shares.of(&hungry).available_permits(), 0);
        drop(taken);
        assert_eq!(shares.of(&hungry).available_permits(), 2);
        assert!(shares.apps.lock().unwrap().len() <= SWEEP_AT + 1);
    }
}
