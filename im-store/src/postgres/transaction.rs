//! Writes that are transactions of their own, and finding out whether one happened whose commit is not answered.

use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::Database;
use super::error::{is_refusal, store_error};
use super::pool::Connection;

/// Between two looks for a write whose commit is not answered: the server may be starting.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long the whole of a write may take, and finding out whether it happened.
#[derive(Clone, Copy)]
pub(super) struct WriteLimits {
    /// Its wait for a connection, its statements and its commit.
    pub(super) write: Duration,
    /// From the end of that on.
    pub(super) look: Duration,
}

/// Why a write is not answered with what it did.
enum Unanswered<T> {
    /// It did not happen.
    Refused(StoreError),
    /// It happened, if the commit succeeded.
    Unknown(T),
}

impl Database {
    /// A write whose only trace is its answer.
    pub(super) async fn write<T, F>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Connection>, Timestamp) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let deadline = Instant::now() + self.limits.write;
        self.try_write((operation, deadline), work).await.map_err(|unanswered| match unanswered {
            Unanswered::Refused(error) => error,
            Unanswered::Unknown(_) => StoreError::OutcomeUnknown { operation },
        })
    }

    /// A write whose commit may stay unanswered. Then `happened` finds out, from what it did, whether it was done.
    pub(super) async fn write_and_read_back<T, F, L>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Connection>, Timestamp) -> F,
        happened: impl Fn(Arc<Connection>, T) -> L,
    ) -> Result<T, StoreError>
    where
        T: Clone,
        F: Future<Output = Result<T, StoreError>>,
        L: Future<Output = Result<bool, StoreError>>,
    {
        let deadline = Instant::now() + self.limits.write;
        match self.try_write((operation, deadline), work).await {
            Ok(done) => Ok(done),
            Err(Unanswered::Refused(error)) => Err(error),
            Err(Unanswered::Unknown(done)) => {
                let until = deadline + self.limits.look;
                let is_done = self.find_out(until, |connection| happened(connection, done.clone())).await;
                if is_done { Ok(done) } else { Err(StoreError::OutcomeUnknown { operation }) }
            }
        }
    }

    /// Looks until something is found or the time is over. What is not found may be there later: the server may still
    /// work on the commit.
    pub(super) async fn find_out<L>(&self, until: Instant, look: impl Fn(Arc<Connection>) -> L) -> bool
    where
        L: Future<Output = Result<bool, StoreError>>,
    {
        let looking = async {
            loop {
                let limit = until.saturating_duration_since(Instant::now());
                // A look that fails leaves the outcome as unknown as it was.
                if let Ok(true) = self.pool.read(("the outcome of a write", limit), &look).await {
                    return;
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout_at(until, looking).await.is_ok()
    }

    async fn try_write<T, F>(
        &self,
        (operation, deadline): (&'static str, Instant),
        work: impl FnOnce(Arc<Connection>, Timestamp) -> F,
    ) -> Result<T, Unanswered<T>>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let timed_out = || Unanswered::Refused(StoreError::TimedOut { operation, limit: self.limits.write });
        let working = async {
            let connection = Arc::new(self.pool.transaction().await?);
            let done = work(connection.clone(), (self.clock)()).await?;
            Ok((connection, done))
        };
        let worked = timeout_at(deadline, working).await.map_err(|_| timed_out())?;
        let (connection, done) = worked.map_err(Unanswered::Refused)?;
        match timeout_at(deadline, connection.batch_execute("COMMIT")).await {
            Ok(Ok(())) => {
                if let Some(connection) = Arc::into_inner(connection) {
                    connection.give_back();
                }
                count_commit(1);
                Ok(done)
            }
            Ok(Err(error)) if is_refusal(&error) => Err(Unanswered::Refused(store_error(error))),
            Ok(Err(_)) | Err(_) => Err(Unanswered::Unknown(done)),
        }
    }
}

/// Counts a commit of so many writes.
pub(super) fn count_commit(writes: usize) {
    metrics::counter!("hookd_store_commands_total").increment(u64::try_from(writes).unwrap_or(u64::MAX));
    metrics::counter!("hookd_store_commits_total").increment(1);
}
