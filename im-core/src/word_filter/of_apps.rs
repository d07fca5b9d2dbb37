//! The filter of each app, made once for each list.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::censor::WordFilter;
use super::list::{WordList, WordListError};
use crate::ids::AppId;

/// The filters of the apps that have words, each with its list.
#[derive(Default)]
pub(crate) struct WordFilters {
    made: ArcSwap<HashMap<AppId, Made>>,
    /// Held while one is made, so that messages that come at once do not all make it.
    making: Mutex<()>,
}

#[derive(Clone)]
struct Made {
    list: WordList,
    filter: Option<Arc<WordFilter>>,
}

impl WordFilters {
    /// The filter of an app with this list; `None` when it filters nothing. Without a lock, except for the first time.
    ///
    /// # Errors
    /// No filter can be made of the list.
    pub(crate) async fn of(&self, app: &AppId, list: &WordList) -> Result<Option<Arc<WordFilter>>, WordListError> {
        if list.is_empty() {
            return Ok(None);
        }
        if let Some(made) = self.made(app, list) {
            return Ok(made.filter);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(made) = self.made(app, list) {
            return Ok(made.filter);
        }
        let of_list = list.clone();
        let making = tokio::task::spawn_blocking(move || WordFilter::new(&of_list)).await;
        let filter = making.map_err(|error| WordListError::Unusable(error.to_string()))??.map(Arc::new);
        let made = Made { list: list.clone(), filter: filter.clone() };
        self.made.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(app.clone(), made.clone());
            all
        });
        Ok(filter)
    }

    /// Forgets the filter of an app that has no words any more, or is gone.
    pub(crate) fn forget(&self, app: &AppId) {
        if self.made.load().contains_key(app) {
            self.made.rcu(|all| {
                let mut all = HashMap::clone(all);
                all.remove(app);
                all
            });
        }
    }

    fn made(&self, app: &AppId, list: &WordList) -> Option<Made> {
        self.made.load().get(app).filter(|made| made.list.is(list)).cloned()
    }
}
