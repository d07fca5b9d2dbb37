//! Whose turn it is to compute. A guest queues within its app first, and with what its app may have of the turns then among
//! all: so apps take turns, and not calls.

use std::future::poll_fn;
use std::mem;
use std::task::Poll;

use crate::sync::{Arc, Semaphore, SemaphorePermit};

/// The turns of all apps together.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

/// The line of one app's guests.
#[derive(Debug)]
pub struct AppTurns(Semaphore);

/// The right to compute for a tick; given back when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    // First, so that the next call of this app finds the turn free.
    _of_all: Option<SemaphorePermit<'a>>,
    _of_app: Option<SemaphorePermit<'a>>,
}

impl Turns {
    /// So many guests compute at a time.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

impl AppTurns {
    /// So many guests of the app are among those of others at a time.
    pub fn new(count: usize) -> Self {
        Self(Semaphore::new(count))
    }

    /// Waits for a turn. Both lines are first come, first served; a call that stops waiting leaves them.
    pub async fn next<'a>(&'a self, turns: &'a Turns) -> Turn<'a> {
        // They are never closed.
        let of_app = self.0.acquire().await.ok();
        let of_all = turns.0.acquire().await.ok();
        // This holds the turn, so that calls queue for the next one now, in the order of the apps. A cancelled call
        // ends here.
        to_the_end_of_the_line().await;
        Turn { _of_all: of_all, _of_app: of_app }
    }
}

/// Lets all other tasks go first. Tokio's own yield waits for the next look at the sockets, and then comes before them.
fn to_the_end_of_the_line() -> impl Future<Output = ()> + Send {
    let mut stopped = false;
    poll_fn(move |context| {
        if mem::replace(&mut stopped, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
