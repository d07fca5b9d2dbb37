//! Names that two or more crates share: environments, isolation, reserved hooks, headers of hookd's own. With the feature
//! `host`, which hook projects do not need: the connection file, private files, times as text.

#[cfg(feature = "host")]
mod connection;
mod environment;
pub mod headers;
mod hooks;
mod isolation;
#[cfg(feature = "host")]
pub mod private_file;
#[cfg(feature = "host")]
pub mod rfc3339;

#[cfg(feature = "host")]
pub use connection::{Connection, ConnectionError, ConnectionFile};
pub use environment::{Environment, UnknownEnvironment};
pub use hooks::{FunctionKind, HookKind, IM_HOOKS};
pub use isolation::{Isolation, UnknownIsolation};
