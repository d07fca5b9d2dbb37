//! The one thread that writes. It takes every waiting command, runs them in one transaction, commits once and then
//! answers all of them, so that the disk's sync is shared and an answered write is on disk.

mod command;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hookd_im_core::store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::command::{Command, Progress, command};
use super::error::WorkError;

/// Commands waiting. A full queue makes callers wait, within their deadline.
const QUEUE_CAPACITY: usize = 1024;

/// Commands in one commit. Bounds how long the first one waits for the rest.
const BATCH_LIMIT: usize = 256;

/// What the writer has done since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteCounts {
    /// Commands that were committed.
    pub commands: u64,
    /// Transactions, each with one sync of the disk.
    pub commits: u64,
}

#[derive(Default)]
struct Counters {
    commands: AtomicU64,
    commits: AtomicU64,
}

/// Why a write is not answered with what it did.
#[derive(Debug)]
pub(super) enum Unanswered<T> {
    /// It changed nothing, and will not.
    Refused(StoreError),
    /// It was begun, and nothing has been heard of its commit. With what it did, where it has got so far: true if the
    /// commit succeeds.
    Unknown(Option<T>),
}

/// Handle of the thread. Dropping it lets the thread finish the queue and closes the file.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
    deadline: Duration,
}

impl Writer {
    /// `deadline` bounds each call, its wait in the queue included.
    pub(super) fn start(connection: Connection, deadline: Duration) -> Result<Self, StoreError> {
        let (queue, commands) = mpsc::channel(QUEUE_CAPACITY);
        let counters = Arc::new(Counters::default());
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let counters = Arc::clone(&counters);
                move || write_until_closed(connection, commands, &counters)
            })
            .map_err(|error| StoreError::Database(Box::new(error)))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), counters, deadline })
    }

    /// Runs `work` in a savepoint: its error undoes it and leaves the neighbours alone. The answer comes after the commit.
    /// Work that has not begun at the deadline, or when the caller goes away, never runs.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, Unanswered<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, WorkError> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or(Unanswered::Refused(StoreError::Closed))?;
        let (command, mut answer, watch) = command(work);
        let answered = timeout(self.deadline, async {
            queue.send(command).await.map_err(|_| StoreError::Closed)?;
            (&mut answer).await.map_err(|_| StoreError::Closed)
        });
        let unheard = match answered.await {
            Ok(Ok(answer)) => return answer.map_err(Unanswered::Refused),
            Ok(Err(closed)) => closed,
            Err(_) => StoreError::TimedOut { operation, limit: self.deadline },
        };
        Err(match watch.give_up() {
            Progress::Answered => match answer.try_recv() {
                Ok(answer) => return answer.map_err(Unanswered::Refused),
                Err(_) => Unanswered::Unknown(None),
            },
            Progress::Waiting | Progress::GivenUp => Unanswered::Refused(unheard),
            Progress::Done(Err(failed)) => Unanswered::Refused(failed),
            Progress::Begun => Unanswered::Unknown(None),
            Progress::Done(Ok(done)) => Unanswered::Unknown(Some(done)),
        })
    }

    pub(super) fn counts(&self) -> WriteCounts {
        WriteCounts {
            commands: self.counters.commands.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread had panicked");
        }
    }
}

fn write_until_closed(mut connection: Connection, mut queue: mpsc::Receiver<Box<dyn Command>>, counters: &Counters) {
    let mut batch = Vec::with_capacity(BATCH_LIMIT);
    while queue.blocking_recv_many(&mut batch, BATCH_LIMIT) > 0 {
        batch.retain(|command| !command.is_given_up());
        if batch.is_empty() {
            continue;
        }
        let committed = commit_batch(&mut connection, &mut batch).map_err(Arc::new);
        match &committed {
            Ok(()) => {
                let commands = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                counters.commands.fetch_add(commands, Ordering::Relaxed);
                counters.commits.fetch_add(1, Ordering::Relaxed);
                metrics::counter!("hookd_store_commands_total").increment(commands);
                metrics::counter!("hookd_store_commits_total").increment(1);
            }
            Err(error) => tracing::error!(%error, commands = batch.len(), "the store could not commit"),
        }
        for command in batch.drain(..) {
            command.answer(committed.clone());
        }
    }
}

fn commit_batch(connection: &mut Connection, batch: &mut [Box<dyn Command>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for command in batch {
        run_in_savepoint(&transaction, command.as_mut())?;
        // A full disk or an I/O error makes SQLite roll the whole transaction back; a further savepoint would then
        // commit by itself while its neighbours are reported as failed.
        if transaction.is_autocommit() {
            break;
        }
    }
    transaction.commit()
}

/// An error leaves the savepoint open: the end of the transaction ends it.
fn run_in_savepoint(transaction: &Transaction<'_>, command: &mut dyn Command) -> rusqlite::Result<()> {
    // Not rusqlite's own savepoints, which parse their statements each time.
    let run = |sql| transaction.prepare_cached(sql)?.execute([]).map(drop);
    run("SAVEPOINT command")?;
    if !command.run(transaction) {
        run("ROLLBACK TO command")?;
    }
    run("RELEASE command")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::{Unanswered, Writer};
    use crate::sqlite::error::WorkError;

    fn writer(folder: &tempfile::TempDir, deadline: Duration) -> Writer {
        let connection = Connection::open(folder.path().join("test.db")).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT").unwrap();
        Writer::start(connection, deadline).unwrap()
    }

    fn insert(connection: &Connection, number: i64) -> Result<(), WorkError> {
        connection.execute("INSERT INTO numbers VALUES (?1)", [number])?;
        Ok(())
    }

    fn numbers(connection: &Connection) -> Result<Vec<i64>, WorkError> {
        let mut statement = connection.prepare("SELECT number FROM numbers ORDER BY number")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    #[tokio::test]
    async fn failing_command_is_undone_and_its_neighbours_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, Duration::from_secs(10));
        let (first, failing, last) = tokio::join!(
            writer.write("first", |connection| insert(connection, 1)),
            writer.write("failing", |connection| {
                insert(connection, 2)?;
                insert(connection, 1)
            }),
            writer.write("last", |connection| insert(connection, 3)),
        );
        first.unwrap();
        assert!(matches!(failing, Err(Unanswered::Refused(StoreError::Database(_)))));
        last.unwrap();
        assert_eq!(writer.write("read", numbers).await.unwrap(), [1, 3]);
    }

    #[tokio::test]
    async fn commands_that_wait_during_a_commit_share_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, Duration::from_secs(10));
        let (started, wait_started) = std::sync::mpsc::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let blocker = writer.write("blocker", move |_| {
            started.send(()).unwrap();
            wait_release.recv().unwrap();
            Ok(())
        });
        let others = async {
            let inserts =
                futures::future::join_all((0..100).map(|number| writer.write("insert", move |c| insert(c, number))));
            tokio::pin!(inserts);
            // One poll puts them all into the queue.
            assert!(futures::poll!(&mut inserts).is_pending());
            wait_started.recv().unwrap();
            release.send(()).unwrap();
            inserts.await
        };
        let (blocked, inserted) = tokio::join!(blocker, others);
        blocked.unwrap();
        assert!(inserted.iter().all(Result::is_ok));
        let counts = writer.counts();
        assert_eq!(counts.commands, 101);
        assert!(counts.commits <= 2, "{counts:?}");
    }

    #[tokio::test]
    async fn command_that_waits_beyond_its_deadline_never_runs() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, Duration::from_millis(200));
        let (started, wait_started) = std::sync::mpsc::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let blocker = writer.write("blocker", move |_| {
            started.send(()).unwrap();
            wait_release.recv().unwrap();
            Ok(())
        });
        let waiting = async {
            wait_started.recv().unwrap();
            writer.write("insert", |connection| insert(connection, 1)).await
        };
        let (blocked, waiting) = tokio::join!(blocker, waiting);
        assert!(matches!(blocked, Err(Unanswered::Unknown(None))), "it runs");
        assert!(matches!(waiting, Err(Unanswered::Refused(StoreError::TimedOut { operation: "insert", .. }))));
        release.send(()).unwrap();
        assert_eq!(writer.write("read", numbers).await.unwrap(), [] as [i64; 0]);
    }
}
