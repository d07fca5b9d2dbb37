//! Engine and IM core: in one process and on one port, or each in a process of its own.

mod accept;
mod adapters;
mod admission;
mod compose;
mod connections;
mod control;
mod data_folder;
mod directory;
mod disk;
mod exchange;
mod forward;
mod forwarding_trust;
mod hook_queues;
mod lifecycle;
mod listen;
pub mod log;
mod metrics;
mod prometheus;
mod traces;
mod transport;

pub use compose::{CommonConfig, ENGINE_ADDRESS, EngineOptions, ImConfig, Server};
pub use lifecycle::{HangUp, stop_on_signal};
pub use traces::Traces;
