//! LeanCache without I/O: which commands of Redis an app may use, where their keys are, and a store in memory that serves
//! them.
//!
//! The engine checks every command here for all backends, and uses the store when no Redis is configured.
//! The SDK takes the same store for `cargo test` on a developer's machine. It depends on nothing: hook authors compile it.
//!
//! ```
//! use hookd_leancache::{Command, Reply, Space};
//!
//! let mut space = Space::new(1 << 20);
//! let command = Command::check(vec![b"INCR".to_vec(), b"visits".to_vec()]).unwrap();
//! assert_eq!(space.execute(&command, 0, 1 << 20), Reply::Integer(1));
//! assert!(Command::check(vec![b"FLUSHALL".to_vec()]).is_err());
//! ```

mod refusal;
mod reply;
mod store;

pub use refusal::{MAX_ARGUMENTS, Refusal};
pub use reply::{Data, PART_BYTES, Reply};
pub use store::{Command, Keys, Space, names};
