//! The threads that serve requests and sessions where hooks run.

use std::cell::Cell;
use std::io;

use hookd_runtime::long_calls_compute;
use tokio::runtime::{Builder, Runtime};

/// The runtime of a server with an engine. An IM core alone does not know whether functions compute on its machine, and has
/// an ordinary one.
///
/// A thread of it that wakes up for a request waits until whoever runs on its core pauses, instead of taking the core at
/// once. Whoever runs there is often the caller, about to send more requests, and an interruption for each makes both sides
/// slower. The share of the core stays the same. While long calls compute, threads take their cores at once, for
/// otherwise everybody would wait for them.
///
/// An operator's choice of another policy for the process stays as it is.
///
/// # Errors
/// When the system gives it no threads.
pub fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    // SAFETY: it takes no memory.
    if unsafe { libc::sched_getscheduler(0) } == libc::SCHED_OTHER {
        // A thread has the policy of whoever started it; those that only wait for disks keep the usual one.
        builder.on_thread_start(|| set_policy(libc::SCHED_OTHER));
        // What counts is how it wakes up.
        builder.on_thread_park(choose_policy);
    }
    builder.enable_all().build()
}

thread_local! {
    static POLICY: Cell<libc::c_int> = const { Cell::new(libc::SCHED_OTHER) };
}

fn choose_policy() {
    let wanted = if long_calls_compute() { libc::SCHED_OTHER } else { libc::SCHED_BATCH };
    if POLICY.replace(wanted) != wanted {
        set_policy(wanted);
    }
}

fn set_policy(policy: libc::c_int) {
    let no_priority = libc::sched_param { sched_priority: 0 };
    // Some sandboxes forbid it, which costs speed and nothing else.
    // SAFETY: it reads the parameter, which outlives the call, and keeps no pointer.
    let _ = unsafe { libc::sched_setscheduler(0, policy, &raw const no_priority) };
}
