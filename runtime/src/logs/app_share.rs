//! The share of one app in the resources of all readers of logs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::history::LogsError;
use crate::fair_turns::Holder;

/// Each answer holds its lines in memory until they were sent, also to a reader that is slow.
const ANSWERS: usize = 4;
/// An answer takes milliseconds, unless its reader is slow: then the next one is refused in time for its own caller.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// Outlives changes of settings and keys.
#[derive(Debug, Default)]
pub(crate) struct LogShare {
    /// Turns to have the log read.
    pub(crate) reads: Holder,
    /// Answers with kept lines that are on their way.
    pub(crate) answers: LogAnswers,
}

/// Answers with kept lines of an app's log: so many at a time, the next ones wait for a while.
#[derive(Debug)]
pub(crate) struct LogAnswers(Arc<Semaphore>);

impl Default for LogAnswers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ANSWERS)))
    }
}

impl LogAnswers {
    /// A place for one answer.
    ///
    /// # Errors
    /// [`LogsError::TooMany`] after a while without a free place.
    pub(crate) async fn begin(&self) -> Result<OwnedSemaphorePermit, LogsError> {
        let place = timeout(ANSWER_WAIT, self.0.clone().acquire_owned()).await;
        // The semaphore is never closed.
        place.ok().and_then(Result::ok).ok_or(LogsError::TooMany { limit: ANSWERS })
    }
}
