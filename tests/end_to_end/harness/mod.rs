//! What every test uses: a server of its own, the modules built beforehand, and scenes played by real clients.

mod modules;
mod scene;
mod server;

pub use modules::{module, workspace};
pub use scene::Facts;
pub use server::{Server, hookd, hookd_in, stderr};
