//! What every test uses: a server of its own, the modules built beforehand, and scenes played by real clients.

mod clock;
mod control;
#[allow(dead_code, reason = "the engine's own tests use the rest")]
#[path = "../../../runtime/tests/support/guest.rs"]
mod guest;
mod http;
mod leanengine;
mod modules;
mod output;
mod peer;
mod processes;
mod redis;
mod scene;
mod server;
mod streams;

pub use clock::{Clock, FAKETIME};
pub use control::{Control, build_name, good, numbered_probe};
pub use guest::Guest;
pub use http::http_client;
pub use leanengine::LeanEngine;
pub use modules::{example_project, leanengine_project, module, workspace};
pub use output::{MESSAGE, assert_refused, code, stderr, stdout};
pub use peer::{AppKeys, Peer, Sdk};
pub use processes::Shape;
pub use redis::Redis;
pub use scene::Facts;
pub use server::{Server, hookd, hookd_in};
pub use streams::Streams;
