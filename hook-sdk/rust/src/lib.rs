//! Write hooks for hookd: one annotated function each.
//!
//! ```
//! use hook_sdk::prelude::*;
//!
//! #[hook]
//! fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
//!     // The words as their readers see them, however they are written in `message.content`.
//!     let Ok(content) = message.read_content() else {
//!         return Ok(MessageReceivedReply::drop(9002, "this message cannot be read"));
//!     };
//!     if content.contains("cheap watches") {
//!         return Ok(MessageReceivedReply::drop(9001, "no advertising here"));
//!     }
//!     Ok(MessageReceivedReply::pass())
//! }
//! ```
//!
//! The type of the params says which hook it is; a crate may hold any number of hooks, one per kind, and of
//! [functions](function) that clients call. `hookd build` makes a WebAssembly module of the crate; `cargo test` runs its
//! tests on the developer's machine, where a hook is an ordinary function, and [`call`] calls it as the engine does.
//!
//! What is printed ([`println!`], [`eprintln!`] …) or logged ([`info!`], [`warn!`] …) goes to the app's log, and so does what
//! a panic says. A module that never prints or logs has no log at all, and is faster for it; the feature `log` gives it
//! one, for its panics and for what its dependencies say through the crate `log`.
//!
//! A text in a rich message may be written in many ways (`cr\u0061p`), and so may any other JSON of strangers: a filter looks
//! at [`read_content`](types::MessageReceivedParams::read_content), and read other JSON with [`json`].
//!
//! Addresses and secrets of other services belong into the app's environment variables (`hookd env set`): [`env::var`].
//!
//! A fresh instance serves each call, so nothing is left of the one before. What is to stay goes to [`leancache`]; [`http`]
//! sends HTTP requests to the hosts that the app allows.

mod context;
pub mod env;
mod failure;
pub mod http;
pub mod leancache;
pub mod log;
pub mod prelude;
mod print;
mod registry;

#[cfg(target_family = "wasm")]
#[rustfmt::skip]
mod bindings;
#[cfg(target_family = "wasm")]
mod guest;

pub use context::{Context, Environment};
pub use failure::{Failure, Result};
#[doc(inline)]
pub use foreign_json as json;
pub use hook_sdk_macros::{function, hook};
pub use hook_types as types;
pub use registry::{IntoReply, call, functions};

/// What the attributes expand to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::guest::SESSION;
    pub use crate::log::Session;
    pub use crate::registry::{Function, Link, name_entry, not_reserved, run_function, run_hook};
    pub use hook_types::{Hook, Params};
    pub use inventory::submit;
    pub use serde::de::IgnoredAny as Ignored;
}
