//! Dead letters, for people.

use super::Notifications;
use crate::app::App;
use crate::hooks::queue::{DeadLetter, Letters, QueueError};

impl Notifications {
    /// The newest dead letters of an app, newest first, at most `limit`; with their params, which hold what users wrote,
    /// only where they are asked for.
    ///
    /// # Errors
    /// When a queue cannot be read.
    pub async fn dead_letters(
        &self,
        app: &App,
        letters: &Letters,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut found = Vec::new();
        for dispatcher in &self.shared.dispatchers {
            found.extend(dispatcher.queue().dead_letters(&app.id, letters, limit, with_params).await?);
        }
        found.sort_by_key(|letter| std::cmp::Reverse((letter.died_at, letter.id)));
        found.truncate(limit);
        Ok(found)
    }

    /// Queues dead letters again; answers their number.
    ///
    /// # Errors
    /// When a queue cannot be used; what was queued again until then stays so.
    pub async fn retry_dead_letters(&self, app: &App, letters: &Letters) -> Result<usize, QueueError> {
        let bound = self.shared.bound(app).await;
        let mut revived = 0;
        for dispatcher in &self.shared.dispatchers {
            let of_queue = dispatcher.queue().revive(&app.id, letters, bound).await?;
            if of_queue > 0 {
                crate::hooks::queue::Channel::all().for_each(|channel| dispatcher.wake(&app.id, channel));
            }
            revived += of_queue;
        }
        Ok(revived)
    }

    /// Throws dead letters away; answers their number.
    ///
    /// # Errors
    /// When a queue cannot be used.
    pub async fn drop_dead_letters(&self, app: &App, letters: &Letters) -> Result<usize, QueueError> {
        let mut dropped = 0;
        for dispatcher in &self.shared.dispatchers {
            dropped += dispatcher.queue().discard(&app.id, letters).await?;
        }
        Ok(dropped)
    }
}
