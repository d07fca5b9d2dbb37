//! The threads that serve requests and sessions.

use std::cell::Cell;
use std::io;

use hookd_runtime::long_calls_compute;
use tokio::runtime::{Builder, Runtime};

/// The runtime of a server.
///
/// A thread of it that wakes up for a request waits until whoever runs on its core pauses, instead of taking the core at
/// once. Whoever runs there is often the caller, about to send more requests, and an interruption for each makes both sides
/// slower. The share of the core stays the same. While long calls compute, threads take their cores at once, for
/// otherwise everybody would wait for them.
///
/// # Errors
/// When the system gives it no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().on_thread_park(choose_wake_up).build()
}

/// How a thread that wakes up treats the one that runs on its core.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WakeUp {
    Preempts,
    Waits,
    /// An operator chose another policy for the process, or the system knows no other.
    AsGiven,
}

thread_local! {
    static WAKE_UP: Cell<WakeUp> = Cell::new(given());
}

/// Before a thread goes to sleep, for waking up is what it is about.
fn choose_wake_up() {
    let now = WAKE_UP.get();
    let wanted = if long_calls_compute() { WakeUp::Preempts } else { WakeUp::Waits };
    if now != wanted && now != WakeUp::AsGiven {
        WAKE_UP.set(adopt(wanted));
    }
}

fn given() -> WakeUp {
    // SAFETY: it takes no memory.
    match unsafe { libc::sched_getscheduler(0) } {
        libc::SCHED_OTHER => WakeUp::Preempts,
        _ => WakeUp::AsGiven,
    }
}

/// What came of it: some systems and sandboxes forbid a change, which costs speed and nothing else.
fn adopt(wanted: WakeUp) -> WakeUp {
    let policy = if wanted == WakeUp::Waits { libc::SCHED_BATCH } else { libc::SCHED_OTHER };
    let no_priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: it reads the parameter, which outlives the call, and keeps no pointer.
    match unsafe { libc::sched_setscheduler(0, policy, &raw const no_priority) } {
        0 => wanted,
        _ => WakeUp::AsGiven,
    }
}
