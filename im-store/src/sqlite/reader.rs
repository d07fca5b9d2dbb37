//! Read-only connections beside the writer. A read that begins after a write was answered sees it (P-47): each read
//! is a transaction of its own, and WAL shows it everything committed before.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hookd_im_core::store::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::WorkError;
use super::{STATEMENT_CACHE, keep_plans};

/// Virtual-machine steps between looks at the clock: well under a millisecond.
const STEPS_BETWEEN_DEADLINE_CHECKS: i32 = 10_000;

/// A small pool. Callers beyond its size wait, within their deadline. Reads hardly wait for the disk, so more than a few at
/// a time only share the same processors.
pub(super) struct Readers {
    /// One permit for each connection in `idle`.
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    deadline: Duration,
}

impl Readers {
    /// `deadline` bounds each call, its wait for a connection included.
    pub(super) fn open(path: &Path, connections: usize, deadline: Duration) -> Result<Self, StoreError> {
        let permits = Arc::new(Semaphore::new(connections));
        let connections = (0..connections)
            .map(|_| {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(path, flags)?;
                keep_plans(&connection)?;
                connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
                Ok(connection)
            })
            .collect::<Result<Vec<_>, WorkError>>()?;
        Ok(Self { permits, idle: Arc::new(Mutex::new(connections)), deadline })
    }

    /// Runs `work` on one snapshot of the data. SQL that is still running at the deadline is stopped.
    pub(super) async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, WorkError> + Send + 'static,
    {
        let waits = Instant::now() + self.deadline;
        self.read_within(operation, (waits, self.deadline), move |connection, _| work(connection)).await
    }

    /// As [`Self::read`], with a wait for a connection until `waits` and so much time from then on; `work` learns when
    /// that is over.
    pub(super) async fn read_within<T, F>(
        &self,
        operation: &'static str,
        (waits, budget): (Instant, Duration),
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Instant) -> Result<T, WorkError> + Send + 'static,
    {
        let permit = timeout(left(waits), Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| StoreError::TimedOut { operation, limit: self.deadline })?
            .map_err(|_| StoreError::Closed)?;
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or(StoreError::Closed)?;
        let mut lease = Lease { connection: Some(connection), idle: Arc::clone(&self.idle), _permit: permit };
        let until = waits.min(Instant::now() + budget);
        let reading = spawn_blocking(move || {
            let connection = lease.connection.as_mut().ok_or(StoreError::Closed)?;
            read_until(connection, until, work)
        });
        let timed_out = || StoreError::TimedOut { operation, limit: budget };
        // The thread stops by itself when its time is over; the second timeout covers work outside of SQL.
        match timeout(left(until), reading).await {
            Ok(Ok(Err(WorkError::Sqlite(error)))) if is_interruption(&error) => Err(timed_out()),
            Ok(Ok(outcome)) => outcome.map_err(StoreError::from),
            Ok(Err(stopped)) => Err(StoreError::Database(Box::new(stopped))),
            Err(_) => Err(timed_out()),
        }
    }
}

/// Tokio's clock may stand elsewhere than the system's, in tests.
fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// A connection in use; it goes back in any case.
struct Lease {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

fn read_until<T>(
    connection: &mut Connection,
    until: Instant,
    work: impl FnOnce(&Connection, Instant) -> Result<T, WorkError>,
) -> Result<T, WorkError> {
    connection.progress_handler(STEPS_BETWEEN_DEADLINE_CHECKS, Some(move || Instant::now() >= until))?;
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    work(&snapshot, until)
}

fn is_interruption(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::Readers;
    use crate::sqlite::error::WorkError;

    const CONNECTIONS: usize = 4;

    fn endless(connection: &Connection) -> Result<i64, WorkError> {
        let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn endless_reads_end_at_the_deadline_and_give_their_connections_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
        let readers = Readers::open(&path, CONNECTIONS, Duration::from_millis(200)).unwrap();
        let outcomes = join_all((0..CONNECTIONS * 2).map(|_| readers.read("endless", endless))).await;
        for outcome in outcomes {
            assert!(matches!(outcome, Err(StoreError::TimedOut { operation: "endless", .. })), "{outcome:?}");
        }
        let all = readers.permits.acquire_many(u32::try_from(CONNECTIONS).unwrap()).await.unwrap();
        assert_eq!(readers.idle.lock().unwrap().len(), CONNECTIONS);
        drop(all);
        let one: i64 = readers.read("one", |c| Ok(c.query_row("SELECT 1", [], |row| row.get(0))?)).await.unwrap();
        assert_eq!(one, 1);
    }
}
