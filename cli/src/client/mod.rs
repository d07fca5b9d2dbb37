//! The developers' side: finds a server and talks to its control API.

mod api;
mod connection;

pub use api::{Api, DeployEvent};
pub use connection::{Connection, ServerArguments, Target, default_data_folder};
