//! LeanCache: what an app's hooks keep between calls, in Redis.
//!
//! ```
//! use hook_sdk::leancache;
//! use std::time::Duration;
//!
//! # fn example() -> Result<(), leancache::Error> {
//! leancache::set_ex("greeting", "hello", Duration::from_secs(60))?;
//! let greeting: Option<String> = leancache::get("greeting")?;
//! assert_eq!(greeting.as_deref(), Some("hello"));
//!
//! let visits: i64 = leancache::incr("visits")?;
//! # assert_eq!(visits, 1);
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! Keys are the app's own: two apps never see each other's, staging and production of one app share theirs. Every function
//! is a round trip to Redis; a [`pipeline`] is one for many commands. What has no function here is sent by its name with
//! [`Command`].
//!
//! Errors are values: a hook that can do without its cache goes on, one that cannot returns the error with `?`.
//!
//! In `cargo test` a store in memory stands in for Redis, one for each test; see [`stand_in`].

mod command;
mod hashes;
mod keys;
mod lists;
mod reply;
mod sets;
mod sorted_sets;
#[cfg(not(target_family = "wasm"))]
pub mod stand_in;
mod strings;

use std::{error, fmt};

pub use command::{Command, ToArgument, pipeline};
pub use hashes::*;
pub use keys::*;
pub use lists::*;
pub use reply::{FromReply, Reply};
pub use sets::*;
pub use sorted_sets::*;
pub use strings::*;

/// What a command answers, or why it did not.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// LeanCache does not offer the command, or not with so many arguments. Nothing was carried out.
    Refused(String),
    /// The call has used up its commands or its bytes (the limits `cache_commands` and `cache_bytes` of the app).
    Exceeded(String),
    /// Redis did not answer in time, or is not there. The commands may have been carried out, or not.
    Unavailable(String),
    /// Redis answered with an error, for example `WRONGTYPE …`.
    Command(String),
    /// The reply is not of the type that was asked for.
    UnexpectedReply {
        /// The type.
        expected: &'static str,
        /// The kind of the reply.
        reply: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Exceeded(text) | Self::Unavailable(text) => f.write_str(text),
            Self::Command(text) => write!(f, "LeanCache answered `{text}`"),
            Self::UnexpectedReply { expected, reply } => {
                write!(f, "LeanCache answered {reply}; expected: {expected}")
            }
        }
    }
}

impl error::Error for Error {}

/// One round trip; a reply for each command.
fn send(commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>> {
    #[cfg(target_family = "wasm")]
    return crate::guest::leancache(commands);
    #[cfg(not(target_family = "wasm"))]
    return stand_in::run(commands);
}
