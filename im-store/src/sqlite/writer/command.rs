//! A write on its way through the writer's thread, and what its caller can know of it meanwhile.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookd_im_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::sqlite::error::{WorkError, of_commit};

/// What a commit came to, for all of its commands.
pub(super) type CommitResult = Result<(), Arc<rusqlite::Error>>;

/// As the thread sees it.
pub(super) trait Command: Send {
    /// No caller waits for the answer any more, and the command has not run yet.
    fn is_given_up(&self) -> bool;
    /// True when its changes are to be kept. One that was given up does nothing.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the caller.
    fn answer(self: Box<Self>, committed: CommitResult);
}

/// How far a command has got. Its caller and the thread agree on the moment after which it cannot be cancelled.
#[derive(Debug)]
pub(super) enum Progress<T> {
    /// It has not begun.
    Waiting,
    /// It never will.
    GivenUp,
    /// It runs.
    Begun,
    /// It ran; the commit decides whether that holds. An error undid it already.
    Done(Result<T, StoreError>),
    /// The answer is on its way.
    Answered,
}

type Shared<T> = Arc<Mutex<Progress<T>>>;

/// The caller's side. Dropping it gives a command up that has not begun.
pub(super) struct Watch<T> {
    progress: Shared<T>,
}

impl<T> Watch<T> {
    /// Cancels a command that has not begun, and returns how far it had got.
    pub(super) fn give_up(&self) -> Progress<T> {
        let mut progress = lock(&self.progress);
        match *progress {
            Progress::Begun => Progress::Begun,
            Progress::Answered => Progress::Answered,
            _ => mem::replace(&mut *progress, Progress::GivenUp),
        }
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        let mut progress = lock(&self.progress);
        if matches!(*progress, Progress::Waiting) {
            *progress = Progress::GivenUp;
        }
    }
}

struct Pending<T, F> {
    work: Option<F>,
    progress: Shared<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// Where the answer of a command comes.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A command, where its answer comes, and where its progress is seen.
pub(super) fn command<T, F>(work: F) -> (Box<dyn Command>, Answer<T>, Watch<T>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, WorkError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let progress = Arc::new(Mutex::new(Progress::Waiting));
    let watch = Watch { progress: progress.clone() };
    (Box::new(Pending { work: Some(work), progress, reply }), answer, watch)
}

impl<T, F> Command for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, WorkError> + Send,
{
    fn is_given_up(&self) -> bool {
        matches!(*lock(&self.progress), Progress::GivenUp)
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let mut progress = lock(&self.progress);
        if matches!(*progress, Progress::GivenUp) {
            return false;
        }
        *progress = Progress::Begun;
        drop(progress);
        let Some(outcome) = self.work.take().map(|work| work(connection).map_err(StoreError::from)) else {
            return false;
        };
        let keep = outcome.is_ok();
        *lock(&self.progress) = Progress::Done(outcome);
        keep
    }

    fn answer(self: Box<Self>, committed: CommitResult) {
        // Held until the answer is sent: a caller that finds it answered finds the answer.
        let mut progress = lock(&self.progress);
        let outcome = match mem::replace(&mut *progress, Progress::Answered) {
            Progress::Done(outcome) => Some(outcome),
            Progress::Waiting | Progress::Begun | Progress::GivenUp | Progress::Answered => None,
        };
        let answer = match (outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(of_commit(error)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // Not delivered = the caller's deadline has passed; it has its error already.
        let _ = self.reply.send(answer);
    }
}

fn lock<T>(progress: &Shared<T>) -> MutexGuard<'_, Progress<T>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
