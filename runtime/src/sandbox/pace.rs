//! Long calls: a guest that computes on after its first tick goes to threads of its own, at low priority, so that the
//! threads that serve sockets, and with them the calls of others, never wait for it.
//!
//! Almost every call is over within its first tick and meets nothing of this. What counts afterwards is CPU time, for a tick
//! may have passed while the thread of a short call had no core. On those threads a guest needs a turn for every tick. An
//! app's guests queue among themselves first, so apps take turns, and not calls. The next calls of an app whose guests
//! were long lately go there from their start: their first ticks would add up otherwise.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::context::TokioContext;
use tokio_util::task::AbortOnDropHandle;

use super::cpu_time::CpuTime;
use super::turns::{AppTurns, Turns};

/// Long guests that compute at the same time: one core is left for all other work.
static TURNS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).max(1)
});
/// What times are counted from, to fit into an atomic number.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Measured CPU time that makes a call a long one: less than a tick, for few threads get all of their core.
const LONG: Duration = Duration::from_millis(1);
/// How long an app counts as heavy after one of its guests was long.
const HEAVY_TIME: Duration = Duration::from_secs(1);
/// All other work gets a core at once, and long guests still get about a tenth of a core that is never free.
const NICENESS: i32 = 10;

thread_local! {
    /// A guest on this thread stopped because its tick is over.
    static TICK_IS_OVER: Cell<bool> = const { Cell::new(false) };
}

/// Stops a guest at the end of its tick. It has no waker: its poller asks [`AppPace::run`] for the next tick.
pub(super) fn end_of_tick() -> Pin<Box<dyn Future<Output = ()> + Send>> {
    TICK_IS_OVER.set(true);
    Box::pin(stop_once())
}

/// Pending once, and then ready.
fn stop_once() -> impl Future<Output = ()> + Send {
    let mut stopped = false;
    poll_fn(move |_| if mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}

/// A call that can go on on another thread.
pub(crate) type Guest<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A long call ended without an outcome.
#[derive(Debug, Error)]
pub(crate) enum Lost {
    /// The engine is going away.
    #[error("the engine is shutting down")]
    Shutdown,
    /// A defect of the engine.
    #[error("the engine failed while the function ran")]
    Panicked,
}

/// Where the long calls of all apps go on. When it is dropped, it stops with its running calls.
pub(crate) struct LongCallThreads(Option<Runtime>);

impl LongCallThreads {
    pub(crate) fn start() -> io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .worker_threads(*TURNS)
            .thread_name("hookd-long-call")
            .on_thread_start(|| {
                if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                    tracing::warn!("long calls run at the priority of all others: {error}");
                }
            })
            // A tick is long: a call that was woken must not wait for many of them.
            .global_queue_interval(1)
            .build()?;
        Ok(Self(Some(threads)))
    }

    pub(super) fn calls(&self) -> io::Result<LongCalls> {
        let threads = self.0.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        Ok(LongCalls { threads: threads.handle().clone(), turns: Turns::new(*TURNS) })
    }
}

impl Drop for LongCallThreads {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            // Does not wait for guests: the engine may be dropped inside a task.
            threads.shutdown_background();
        }
    }
}

/// The way to those threads, and the turns of all apps on them.
#[derive(Clone)]
pub(super) struct LongCalls {
    threads: Handle,
    turns: Turns,
}

/// The turns of one app, and whether it needs them.
#[derive(Debug)]
pub(crate) struct AppPace {
    turns: AppTurns,
    /// Milliseconds after `EPOCH`; 0 when no guest ever was long.
    heavy_until: AtomicU64,
}

impl Default for AppPace {
    fn default() -> Self {
        Self { turns: AppTurns::new(*TURNS), heavy_until: AtomicU64::new(0) }
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
    /// Runs a guest to its end; one that is dropped on the way is stopped at the end of its tick.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        long_calls: &LongCalls,
        mut guest: Guest<T>,
    ) -> Result<T, Lost> {
        let mut cpu_time = CpuTime::default();
        if !self.is_heavy() {
            let mut met_a_tick = false;
            loop {
                let measuring = met_a_tick.then(|| cpu_time.measure());
                let stopped = poll_once(&mut guest).await;
                drop(measuring);
                match stopped {
                    Stop::Done(output) => return Ok(output),
                    Stop::Waits => stop_once().await,
                    Stop::TickIsOver if cpu_time.total() >= LONG => break,
                    Stop::TickIsOver => met_a_tick = true,
                }
            }
        }
        // Only the guest computes there: a connection that it opens outlives it, and serves the calls of others.
        let guest = Box::pin(TokioContext::new(guest, Handle::current()));
        let going_on = self.clone().take_turns(long_calls.turns.clone(), guest, cpu_time);
        let ended = AbortOnDropHandle::new(long_calls.threads.spawn(going_on)).await;
        ended.map_err(|error| if error.is_panic() { Lost::Panicked } else { Lost::Shutdown })
    }

    async fn take_turns<T>(self: Arc<Self>, of_all: Turns, mut guest: Guest<T>, mut cpu_time: CpuTime) -> T {
        loop {
            let turn = self.turns.next(&of_all).await;
            let measuring = cpu_time.measure();
            let stopped = poll_once(&mut guest).await;
            drop(measuring);
            drop(turn);
            match stopped {
                Stop::Done(output) => return output,
                Stop::Waits => stop_once().await,
                Stop::TickIsOver if cpu_time.total() >= LONG => {
                    self.heavy_until.store(since_epoch(Instant::now() + HEAVY_TIME), Ordering::Relaxed);
                }
                Stop::TickIsOver => {}
            }
        }
    }

    fn is_heavy(&self) -> bool {
        match self.heavy_until.load(Ordering::Relaxed) {
            0 => false,
            until => since_epoch(Instant::now()) < until,
        }
    }
}

fn since_epoch(time: Instant) -> u64 {
    u64::try_from(time.saturating_duration_since(*EPOCH).as_millis()).unwrap_or(u64::MAX)
}

async fn poll_once<T>(guest: &mut Guest<T>) -> Stop<T> {
    poll_fn(|context| {
        TICK_IS_OVER.set(false);
        Poll::Ready(match guest.as_mut().poll(context) {
            Poll::Ready(output) => Stop::Done(output),
            Poll::Pending if TICK_IS_OVER.take() => Stop::TickIsOver,
            Poll::Pending => Stop::Waits,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::cpu_time::{clock_of_thread, used_by_guest};
    use super::*;

    fn compute(cpu_time: Duration) {
        let end = clock_of_thread() + cpu_time;
        while clock_of_thread() < end {}
    }

    #[tokio::test]
    async fn a_long_call_computes_on_its_own_threads_and_opens_connections_on_those_of_its_caller() {
        let threads = LongCallThreads::start().unwrap();
        let long_calls = threads.calls().unwrap();
        let place = || (thread::current().name().map(str::to_owned), Handle::current().id());
        let guest = async move {
            let first = place();
            while place() == first {
                compute(LONG);
                end_of_tick().await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            (first, place())
        };
        let pace = Arc::new(AppPace::default());
        let (first, later) = pace.run(&long_calls, Box::pin(guest)).await.unwrap();
        assert_eq!(first, place());
        assert_eq!(later, (Some("hookd-long-call".to_owned()), Handle::current().id()));
    }

    #[tokio::test]
    async fn a_guest_whose_thread_had_no_core_is_no_long_call() {
        let threads = LongCallThreads::start().unwrap();
        let long_calls = threads.calls().unwrap();
        let guest = async {
            for _ in 0..10 {
                end_of_tick().await;
            }
            assert!(used_by_guest() < LONG, "{:?} count for its limit", used_by_guest());
            thread::current().id()
        };
        let pace = Arc::new(AppPace::default());
        let thread = pace.run(&long_calls, Box::pin(guest)).await.unwrap();
        assert_eq!(thread, thread::current().id());
        assert!(!pace.is_heavy());
    }

    #[tokio::test]
    async fn waiting_in_between_makes_no_short_call_of_a_long_one() {
        let threads = LongCallThreads::start().unwrap();
        let long_calls = threads.calls().unwrap();
        let caller = thread::current().id();
        let guest = async move {
            while thread::current().id() == caller {
                end_of_tick().await;
                compute(LONG / 4);
                tokio::task::yield_now().await;
            }
        };
        Arc::new(AppPace::default()).run(&long_calls, Box::pin(guest)).await.unwrap();
    }

    #[tokio::test]
    async fn a_long_call_ends_with_the_engine() {
        let threads = LongCallThreads::start().unwrap();
        let long_calls = threads.calls().unwrap();
        let caller = thread::current().id();
        let guest = async move {
            while thread::current().id() == caller {
                compute(LONG);
                end_of_tick().await;
            }
            drop(threads);
            std::future::pending::<()>().await;
        };
        let ended = Arc::new(AppPace::default()).run(&long_calls, Box::pin(guest)).await;
        assert!(matches!(ended, Err(Lost::Shutdown)), "{ended:?}");
    }
}
