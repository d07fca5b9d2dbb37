//! The answer to `/__engine/1/ping`.

use serde::{Deserialize, Serialize};

/// A server that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The program that runs functions, such as `hookd-0.1.0`.
    pub runtime: String,
    /// hookd's version.
    pub version: String,
}
