//! Model tests of locks and turns: files of other crates, compiled with stand-ins for their locks. A scheduler decides at
//! each operation of a lock which task goes on, and tries thousands of orders (crate `shuttle`).
//!
//! That they find faults is a test of its own (`planted`). Not for what waits on sockets or stores; time passes as a test says.

pub mod ids;
pub mod sync;

#[path = "../../../im-core/src/keyed_locks.rs"]
pub mod conversation_locks;

#[path = "../../../runtime/src/fair_turns.rs"]
pub mod fair_turns;

#[path = "../../../runtime/src/sandbox/turns.rs"]
pub mod turns;

#[path = "../../../im-core/src/hooks/notifications/lease.rs"]
pub mod lease;

#[path = "../../../im-core/src/hooks/notifications/workers.rs"]
pub mod workers;

/// The same files, each with a fault that `build.rs` plants.
#[allow(dead_code, missing_docs, unused_variables, reason = "they are wrong on purpose")]
pub mod planted {
    pub mod forgotten_wake_up {
        include!(concat!(env!("OUT_DIR"), "/forgotten_wake_up.rs"));
    }

    pub mod no_line_of_the_app {
        include!(concat!(env!("OUT_DIR"), "/no_line_of_the_app.rs"));
    }

    pub mod kept_place {
        include!(concat!(env!("OUT_DIR"), "/kept_place.rs"));
    }

    pub mod no_second_look {
        include!(concat!(env!("OUT_DIR"), "/no_second_look.rs"));
    }

    pub mod kept_turn {
        include!(concat!(env!("OUT_DIR"), "/kept_turn.rs"));
    }

    pub mod uncounted_claims {
        include!(concat!(env!("OUT_DIR"), "/uncounted_claims.rs"));
    }

    pub mod kept_entry {
        include!(concat!(env!("OUT_DIR"), "/kept_entry.rs"));
    }

    pub mod unseen_news {
        include!(concat!(env!("OUT_DIR"), "/unseen_news.rs"));
    }

    pub mod kept_worker {
        include!(concat!(env!("OUT_DIR"), "/kept_worker.rs"));
    }

    pub mod kept_term {
        include!(concat!(env!("OUT_DIR"), "/kept_term.rs"));
    }

    pub mod endless_lease {
        include!(concat!(env!("OUT_DIR"), "/endless_lease.rs"));
    }

    pub mod unshared_locks {
        include!(concat!(env!("OUT_DIR"), "/unshared_locks.rs"));
    }
}
