//! Model tests of locks and turns: files of other crates, compiled with stand-ins for their locks. A scheduler decides at
//! each operation of a lock who goes on, and tries thousands of orders (crate `shuttle`).
//!
//! Not for what waits on sockets, stores or time.

pub mod ids;
pub mod sync;

#[path = "../../../im-core/src/conversations/locks.rs"]
pub mod conversation_locks;

#[path = "../../../runtime/src/sandbox/turns.rs"]
pub mod turns;
