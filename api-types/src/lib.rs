//! Names that two or more crates share: environments, isolation, reserved hooks, headers of hookd's own.

mod environment;
pub mod headers;
mod hooks;
mod isolation;

pub use environment::{Environment, UnknownEnvironment};
pub use hooks::{FunctionKind, HookKind, IM_HOOKS};
pub use isolation::{Isolation, UnknownIsolation};
