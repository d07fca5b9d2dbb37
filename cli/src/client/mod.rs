//! The developers' side: finds a server and talks to its control API.

mod admin;
mod answer;
mod api;
mod arguments;
mod functions;
mod link;
mod reach;
mod release_note;
mod request;

pub use admin::{AdminApi, Credential, GivenKeys};
pub use answer::Answer;
pub use api::Api;
pub use arguments::{AdminArguments, ServerArguments, Target, default_data_folder};
pub use functions::{Functions, check_name};
pub use link::{KnownKeys, Link};
pub use release_note::ReleaseNote;
