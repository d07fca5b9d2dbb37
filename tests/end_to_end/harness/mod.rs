//! What every test uses: a server of its own, the modules built beforehand, and scenes played by real clients.

mod modules;
mod peer;
mod scene;
mod server;

pub use modules::module;
pub use peer::{AppKeys, Peer, Sdk};
pub use scene::Facts;
pub use server::{Server, hookd_in, stderr};
