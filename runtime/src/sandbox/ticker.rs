//! The clock of guests: a thread that moves the engine's epoch while calls run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest computes before others get their turn: short, because they wait for it; long enough that the switches
/// cost nothing.
const TICK: Duration = Duration::from_millis(2);
/// Ticks without a call until the thread sleeps: waking it costs a system call, which a busy engine should not pay.
const IDLE_TICKS: u32 = 100;
/// How soon a sleeping thread notices that the engine is gone.
const IDLE_SLEEP: Duration = Duration::from_secs(1);

/// Ticks while at least one [`Running`] lives.
#[derive(Debug)]
pub(super) struct Ticker {
    activity: Arc<Activity>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Activity {
    calls: AtomicUsize,
    asleep: AtomicBool,
}

/// A call in progress.
pub(super) struct Running<'a>(&'a Activity);

impl Ticker {
    pub(super) fn start(engine: &Engine) -> io::Result<Self> {
        let engine = engine.weak();
        let activity = Arc::new(Activity::default());
        let watched = activity.clone();
        // A thread of its own: a task would not run when guests hold all workers, which is when it is needed.
        let handle = thread::Builder::new().name("hookd-ticker".to_owned()).spawn(move || {
            let mut idle_ticks = 0;
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
                idle_ticks = if watched.calls.load(Ordering::SeqCst) == 0 { idle_ticks + 1 } else { 0 };
                if idle_ticks > IDLE_TICKS {
                    watched.sleep();
                    idle_ticks = 0;
                }
            }
        })?;
        Ok(Self { activity, thread: handle.thread().clone() })
    }

    /// Calls that run now.
    pub(super) fn running(&self) -> usize {
        self.activity.calls.load(Ordering::Relaxed)
    }

    pub(super) fn run(&self) -> Running<'_> {
        self.activity.calls.fetch_add(1, Ordering::SeqCst);
        if self.activity.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.activity)
    }
}

impl Activity {
    fn sleep(&self) {
        // Announced before the last look at the count: a thread that counts up after that look sees the announcement.
        self.asleep.store(true, Ordering::SeqCst);
        if self.calls.load(Ordering::SeqCst) == 0 {
            thread::park_timeout(IDLE_SLEEP);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}
