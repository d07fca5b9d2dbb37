//! What one app has of what all apps share.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call_chain::MAX_CALLS;
use crate::fair_turns::Holder;
use crate::sandbox::AppMemory;

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

/// Answers with kept lines of an app's log: so many at a time, the next ones wait.
#[derive(Debug)]
pub(crate) struct LogAnswers(Arc<Semaphore>);

impl Default for LogAnswers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOG_ANSWERS)))
    }
}

impl LogAnswers {
    /// A place for one answer; `None` is never the case, for the semaphore is not closed.
    pub(crate) async fn begin(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.ok()
    }
}
