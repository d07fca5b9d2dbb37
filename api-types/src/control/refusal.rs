//! A call that was refused or failed.

use serde::{Deserialize, Serialize};

/// The body of every answer with an error status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// Why, for people.
    pub error: String,
}
