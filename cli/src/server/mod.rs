//! Engine and IM core: in one process and on one port, or each in a process of its own.

mod adapters;
mod compose;
mod connections;
mod control;
mod data_folder;
mod directory;
mod disk;
mod forward;
mod hook_queues;
mod lifecycle;
mod listen;
mod metrics;
mod prometheus;
mod traces;

pub use compose::{CommonConfig, ENGINE_ADDRESS, EngineOptions, ImConfig, Server};
pub use lifecycle::stop_on_signal;
pub use traces::Traces;
