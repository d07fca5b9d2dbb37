//! LeanCache of an app, for the commands of its owner.

use std::time::Duration;

use hookd_leancache::Reply;
use tokio::time::Instant;

use super::Engine;
use crate::apps::App;
use crate::leancache::{CacheBudget, CacheError};
use api_types::Limits;

/// How long deleting an app waits for its cache to be cleared.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(5);

impl Engine {
    /// Carries commands of LeanCache out in the app's key space, each given as its words, as its functions may: the same
    /// commands, and at most as many and as much at once as `limits` allow one call.
    ///
    /// # Errors
    /// As a function would meet them.
    pub async fn cache(
        &self,
        app: &App,
        commands: Vec<Vec<Vec<u8>>>,
        limits: &Limits,
    ) -> Result<Vec<Reply>, CacheError> {
        let deadline = Instant::now() + limits.deadline();
        CacheBudget::new(self.0.cache.clone(), limits, Some(deadline)).run(&app.id, commands).await
    }

    /// Deletes the keys of a deleted app. Its id is not given again, so no app can
    /// reach keys that stay behind when Redis is down.
    pub(super) async fn clear_cache(&self, app_id: &str) {
        if let Err(error) = self.0.cache.clear(app_id, Instant::now() + CLEAR_TIMEOUT).await {
            tracing::warn!(app_id, %error, "the cache of a deleted app was not cleared");
        }
    }
}
