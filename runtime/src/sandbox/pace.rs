//! Long calls: who computes for more than a tick waits for turns, so that the threads that serve sockets, and with them the
//! calls of others, are never all taken.
//!
//! Almost every call is over within its first tick and meets nothing of this. A guest that goes on needs a turn for every
//! further tick; there are as many turns at a time as cores but one. An app's guests queue among themselves first, so apps
//! take turns, and not calls. An app whose guests needed turns lately gets its next calls queued from their start: its
//! first ticks would add up otherwise.

use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// Long guests that compute at the same time.
static TURNS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).max(1)
});
/// What times are counted from, to fit into an atomic number.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
/// How long an app counts as heavy after one of its guests needed a turn.
const HEAVY_TIME: Duration = Duration::from_secs(1);

thread_local! {
    /// A guest on this thread stopped because its tick is over.
    static TICK_IS_OVER: Cell<bool> = const { Cell::new(false) };
}

/// Stops a guest at the end of its tick. Nobody wakes it: whoever polls it asks [`AppPace::run`] for the next tick.
pub(super) fn end_of_tick() -> Pin<Box<dyn Future<Output = ()> + Send>> {
    TICK_IS_OVER.set(true);
    Box::pin(stop_once())
}

/// Pending once, and then ready.
fn stop_once() -> impl Future<Output = ()> + Send {
    let mut stopped = false;
    poll_fn(move |_| if mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}

/// The turns of all apps.
pub(super) struct Turns(Semaphore);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(*TURNS))
    }
}

/// The turns of one app, and whether it needs them.
#[derive(Debug)]
pub(crate) struct AppPace {
    turns: Semaphore,
    /// Milliseconds after `EPOCH`; 0 when no guest ever needed a turn.
    heavy_until: AtomicU64,
}

impl Default for AppPace {
    fn default() -> Self {
        Self { turns: Semaphore::new(*TURNS), heavy_until: AtomicU64::new(0) }
    }
}

/// How a guest stopped.
enum Stop<T> {
    Done(T),
    /// It would compute on.
    TickIsOver,
    /// It waits for something; its task will be woken.
    Waits,
}

impl AppPace {
    /// Runs a guest to its end.
    pub(super) async fn run<T>(&self, turns: &Turns, now: Instant, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        if !self.is_heavy(now) {
            loop {
                match poll_once(guest.as_mut(), |poll| poll()).await {
                    Stop::Done(output) => return output,
                    Stop::Waits => stop_once().await,
                    Stop::TickIsOver => break,
                }
            }
        }
        loop {
            // Nobody closes them. Both queues are first come, first served.
            let own = self.turns.acquire().await;
            let turn = turns.0.acquire().await;
            let stopped = poll_once(guest.as_mut(), beside_the_workers).await;
            drop((turn, own));
            match stopped {
                Stop::Done(output) => return output,
                Stop::Waits => stop_once().await,
                Stop::TickIsOver => {
                    self.heavy_until.store(since_epoch(Instant::now() + HEAVY_TIME), Ordering::Relaxed);
                    // The deadline of the call is looked at between two ticks.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn is_heavy(&self, now: Instant) -> bool {
        match self.heavy_until.load(Ordering::Relaxed) {
            0 => false,
            until => since_epoch(now) < until,
        }
    }
}

fn since_epoch(time: Instant) -> u64 {
    u64::try_from(time.saturating_duration_since(*EPOCH).as_millis()).unwrap_or(u64::MAX)
}

/// Polls the guest in the way that `how` polls.
async fn poll_once<T>(
    mut guest: Pin<&mut impl Future<Output = T>>,
    how: fn(&mut dyn FnMut() -> Poll<T>) -> Poll<T>,
) -> Stop<T> {
    poll_fn(|context| {
        TICK_IS_OVER.set(false);
        Poll::Ready(match how(&mut || guest.as_mut().poll(context)) {
            Poll::Ready(output) => Stop::Done(output),
            Poll::Pending if TICK_IS_OVER.take() => Stop::TickIsOver,
            Poll::Pending => Stop::Waits,
        })
    })
    .await
}

/// Computes on this thread, while another one takes over its sockets, timers and tasks.
fn beside_the_workers<T>(poll: &mut dyn FnMut() -> Poll<T>) -> Poll<T> {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(poll),
        // The only thread there is.
        _ => poll(),
    }
}
