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
mod error;
mod exchange;
mod forward;
mod forwarding_trust;
mod hook_queues;
mod lifecycle;
mod line_queue;
mod listen;
pub mod log;
mod metrics;
pub mod output_streams;
mod prometheus;
mod traces;
mod transport;

pub use compose::{CommonConfig, ENGINE_ADDRESS, EngineOptions, ImConfig, Server};
pub use data_folder::create_no_other;
pub use error::ServerError;
pub use lifecycle::{HangUp, stop_on_signal};
pub use traces::Traces;
