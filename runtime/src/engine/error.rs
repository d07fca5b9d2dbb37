//! Errors of the engine.

use thiserror::Error;

use crate::releases::MetadataError;
use api_types::InvalidLimits;

/// Why the engine did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder `{folder}`")]
    DataFolder {
        /// Its path.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The machine does not give what the pool needs.
    #[error("cannot set the sandbox up: {0}")]
    Sandbox(String),
    /// The database cannot be read.
    #[error("cannot open the engine's database")]
    Metadata(#[from] MetadataError),
    /// An app has limits that this version does not know.
    #[error("cannot apply the limits of an app")]
    Limits(#[from] InvalidLimits),
}
