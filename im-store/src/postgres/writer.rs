//! Messages that wait are stored together: one transaction, one sync of the server's disk. An answered message is committed.

mod progress;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{AppendedMessage, CallFor, NewMessage, StoreError};
use hookd_im_core::timestamp::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::progress::{Ended, Progress};
use super::append::{self, Append, Appended, CommitError, Writes};
use super::error::Shared;
use super::pool::{Connection, Pool, TRIES};
use super::transaction::count_commit;

/// Messages waiting. A full queue makes callers wait, within their deadline.
const QUEUE_CAPACITY: usize = 1024;

/// Messages in one commit. Bounds how long the first one waits for the rest.
const BATCH_LIMIT: usize = 256;

/// Transactions at a time: one is put together while another one waits for the disk. Two of them never are about the same
/// conversation, so that messages are stored in the order in which they came.
const COMMITS_AT_A_TIME: usize = 2;

/// How long a commit waits for as many messages as the last one had: its senders have their answers, and send the next ones.
const GATHERING: Duration = Duration::from_millis(1);

/// Connections that the writer needs.
pub(super) const CONNECTIONS: usize = COMMITS_AT_A_TIME;

/// Why a message is not answered with what was stored.
pub(super) enum Unanswered {
    /// It is not stored, and will not be.
    Refused(StoreError),
    /// It was sent to the database, and nothing is known of its commit. With what it became, where that is known: true if
    /// the commit succeeded.
    Unknown(Option<Appended>),
}

/// Handle of the task. Dropping it lets the task finish the queue.
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
    limit: Duration,
}

/// A message in the queue.
struct Waiting {
    append: Append,
    caller: Caller,
}

/// Who waits for it.
struct Caller {
    call: Option<CallFor<AppendedMessage>>,
    progress: Arc<Progress>,
    reply: oneshot::Sender<Result<Appended, Unanswered>>,
}

type Key = (AppId, ConversationId);

impl Waiting {
    fn key(&self) -> Key {
        (self.append.app.clone(), self.append.new.conversation.clone())
    }
}

impl Writer {
    /// `limit` bounds each call, its wait in the queue included.
    pub(super) fn start(pool: Arc<Pool>, clock: Clock, limit: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_CAPACITY);
        tokio::spawn(write_until_closed(waiting, Arc::new(Batches { pool, clock, limit })));
        Self { queue, limit }
    }

    /// Stores a message. One that has not begun at the deadline, or when the caller goes away, is never stored.
    pub(super) async fn append(
        &self,
        app: AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Appended, Unanswered> {
        let (reply, mut answer) = oneshot::channel();
        let progress = Arc::new(Progress::default());
        let given_up = GiveUp(progress.clone());
        let append = Append { app, new, has_call: call.is_some() };
        let waiting = Waiting { append, caller: Caller { call, progress, reply } };
        let answered = timeout(self.limit, async {
            self.queue.send(waiting).await.map_err(|_| StoreError::Closed)?;
            (&mut answer).await.map_err(|_| StoreError::Closed)
        });
        let unheard = match answered.await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(closed)) => closed,
            Err(_) => StoreError::TimedOut { operation: "append message", limit: self.limit },
        };
        match given_up.0.give_up() {
            Ended::NeverBegan => Err(Unanswered::Refused(unheard)),
            Ended::Unknown(done) => match answer.try_recv() {
                Ok(answer) => answer,
                Err(_) => Err(Unanswered::Unknown(done)),
            },
        }
    }
}

/// Gives a message up that has not begun when its caller goes away.
struct GiveUp(Arc<Progress>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

async fn write_until_closed(mut queue: mpsc::Receiver<Waiting>, batches: Arc<Batches>) {
    let mut waiting = VecDeque::new();
    let mut came = Vec::with_capacity(BATCH_LIMIT);
    let mut running = Running::default();
    let mut is_open = true;
    while is_open || !waiting.is_empty() || !running.tasks.is_empty() {
        let gathers = running.gathers.filter(|gathers| gathers.needs_more(waiting.len()));
        if gathers.is_none() {
            running.start_what_can(&mut waiting, &batches);
        }
        tokio::select! {
            received = queue.recv_many(&mut came, BATCH_LIMIT), if is_open && waiting.len() < QUEUE_CAPACITY => {
                is_open = received > 0;
                waiting.extend(came.drain(..));
            }
            Some(ended) = running.tasks.join_next_with_id() => running.ended(ended),
            () = sleep_until(gathers.map_or_else(Instant::now, |gathers| gathers.until)),
                if gathers.is_some() && !waiting.is_empty() => {}
            // Nothing is left, or what was left was given up.
            else => {}
        }
    }
}

/// Transactions on their way, with the conversations that they are about.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    keys: HashMap<Id, (HashSet<Key>, usize)>,
    gathers: Option<Gathers>,
}

/// What the next transaction waits for.
#[derive(Clone, Copy)]
struct Gathers {
    messages: usize,
    until: Instant,
}

impl Gathers {
    fn needs_more(&self, waiting: usize) -> bool {
        waiting < self.messages && Instant::now() < self.until
    }
}

impl Running {
    fn start_what_can(&mut self, waiting: &mut VecDeque<Waiting>, batches: &Arc<Batches>) {
        while self.tasks.len() < COMMITS_AT_A_TIME {
            let (batch, keys) = self.take_batch(waiting);
            if batch.is_empty() {
                return;
            }
            let (batches, messages) = (batches.clone(), batch.len());
            let task = self.tasks.spawn(async move { batches.store(batch).await });
            self.keys.insert(task.id(), (keys, messages));
            self.gathers = None;
        }
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        if let Err(failed) = ended {
            tracing::error!(%failed, "messages are not answered: storing them panicked");
        }
        if let Some((_, messages)) = self.keys.remove(&id) {
            self.gathers = Some(Gathers { messages, until: Instant::now() + GATHERING });
        }
    }

    /// The messages that wait, in their order, without those of conversations in work.
    fn take_batch(&self, waiting: &mut VecDeque<Waiting>) -> (Vec<Waiting>, HashSet<Key>) {
        let (mut batch, mut keys) = (Vec::new(), HashSet::new());
        let mut left = VecDeque::with_capacity(waiting.len());
        for one in waiting.drain(..) {
            let key = one.key();
            if one.caller.progress.is_given_up() {
                continue;
            }
            if batch.len() < BATCH_LIMIT && !self.keys.values().any(|(busy, _)| busy.contains(&key)) {
                keys.insert(key);
                batch.push(one);
            } else {
                left.push_back(one);
            }
        }
        *waiting = left;
        (batch, keys)
    }
}

/// Stores batches.
struct Batches {
    pool: Arc<Pool>,
    clock: Clock,
    limit: Duration,
}

impl Batches {
    async fn store(&self, batch: Vec<Waiting>) {
        let deadline = Instant::now() + self.limit;
        let (appends, callers): (Vec<Append>, Vec<Caller>) =
            batch.into_iter().map(|Waiting { append, caller }| (append, caller)).unzip();
        let locked = timeout_at(deadline, self.lock(&appends)).await;
        let timed_out = || StoreError::TimedOut { operation: "append message", limit: self.limit };
        let (connection, mut writes) = match locked.unwrap_or_else(|_| Err(timed_out())) {
            Ok(locked) => locked,
            Err(error) => return refuse(callers, error),
        };
        let mut begun = Vec::with_capacity(callers.len());
        for (at, (append, mut caller)) in appends.into_iter().zip(callers).enumerate() {
            if caller.progress.begin() {
                let appended = writes.add(at, append, caller.call.take());
                caller.progress.becomes(appended.clone());
                begun.push((caller, appended));
            }
        }
        let committed = timeout_at(deadline, writes.commit(&connection)).await;
        match committed.unwrap_or(Err(CommitError::Unknown)) {
            Ok(()) => {
                connection.give_back();
                count_commit(begun.len());
                begun.into_iter().for_each(|(caller, appended)| caller.answer(Ok(appended)));
            }
            Err(CommitError::Refused(error)) => refuse(begun.into_iter().map(|(caller, _)| caller), error),
            Err(CommitError::Unknown) => {
                let answer = |(caller, appended): (Caller, Appended)| {
                    caller.answer(Err(Unanswered::Unknown(Some(appended))));
                };
                begun.into_iter().for_each(answer);
            }
        }
    }

    /// A connection that is closed already says nothing of the server.
    async fn lock(&self, appends: &[Append]) -> Result<(Connection, Writes), StoreError> {
        let mut tries = 0;
        loop {
            let connection = self.pool.connection().await?;
            let now = (self.clock)();
            match append::lock(&connection, appends, now).await {
                Ok(locked) => return Ok((connection, Writes::new(locked, now))),
                Err(error) if tries < TRIES && append::is_worth_another_connection(&error) => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Caller {
    fn answer(self, answer: Result<Appended, Unanswered>) {
        // Not delivered = the caller's deadline has passed; it has its error already.
        let _ = self.reply.send(answer);
    }
}

fn refuse(callers: impl IntoIterator<Item = Caller>, error: StoreError) {
    tracing::error!(error = &error as &dyn std::error::Error, "messages are not stored");
    let error = Shared::new(error);
    callers.into_iter().for_each(|caller| caller.answer(Err(Unanswered::Refused(error.for_one()))));
}
