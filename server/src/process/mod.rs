//! A server as a process: its start and its end, its data folder, its log.

pub(crate) mod data_folder;
pub(crate) mod disk;
pub(crate) mod lifecycle;
mod line_queue;
pub mod log;
pub(crate) mod node;
pub mod output_streams;
