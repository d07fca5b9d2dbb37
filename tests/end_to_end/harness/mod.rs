//! What every test uses: a server of its own, the modules built beforehand, and scenes played by real clients.

mod control;
mod modules;
mod scene;
mod server;

pub use control::{Control, build_name, good, numbered_probe};
pub use modules::{module, workspace};
pub use scene::Facts;
pub use server::{Server, hookd_in, stderr};
