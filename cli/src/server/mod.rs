//! Engine and IM core in one process, on one port.

mod adapters;
mod compose;
mod control;
mod lifecycle;
mod prometheus;

pub use compose::{Server, ServerConfig};
pub use lifecycle::stop_on_signal;
