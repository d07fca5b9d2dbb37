//! What one app has of what all apps share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::limiter::AppMemory;
use crate::call_chain::MAX_CALLS;
use crate::fair_turns::Holder;
use crate::logs::LogsError;

/// Outlives changes of settings and keys: an app keeps its resources when its limits change.
#[derive(Debug, Default)]
pub(crate) struct AppShares {
    /// Places for running calls, by how many calls wait for them.
    pub(crate) places: [Holder; MAX_CALLS],
    /// Turns to compile a module.
    pub(crate) compiling: Holder,
    /// Turns to be asked for definitions.
    pub(crate) definitions: Holder,
    /// Turns to have the log read.
    pub(crate) log_reads: Holder,
    /// Answers with kept lines of the log that are on their way.
    pub(crate) log_answers: LogAnswers,
    /// Linear memory, from the first call on.
    pub(crate) memory: OnceLock<Arc<AppMemory>>,
}

/// Each answer holds its lines in memory until they were sent, also to a reader that is slow.
const LOG_ANSWERS: usize = 4;
/// An answer takes milliseconds, unless its reader is slow: then the next one is refused in time for its own caller.
const LOG_ANSWER_WAIT: Duration = Duration::from_secs(2);

/// Answers with kept lines of an app's log: so many at a time, the next ones wait for a while.
#[derive(Debug)]
pub(crate) struct LogAnswers(Arc<Semaphore>);

impl Default for LogAnswers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOG_ANSWERS)))
    }
}

impl LogAnswers {
    /// A place for one answer.
    ///
    /// # Errors
    /// [`LogsError::TooMany`] after a while without a free place.
    pub(crate) async fn begin(&self) -> Result<OwnedSemaphorePermit, LogsError> {
        let place = timeout(LOG_ANSWER_WAIT, self.0.clone().acquire_owned()).await;
        // The semaphore is never closed.
        place.ok().and_then(Result::ok).ok_or(LogsError::TooMany { limit: LOG_ANSWERS })
    }
}
