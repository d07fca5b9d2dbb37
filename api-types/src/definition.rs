//! Functions of a module.

use serde::{Deserialize, Serialize};

/// One function of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// As in `/1.1/functions/{name}`.
    pub name: String,
    /// Only callers with the master key or the hook key may call it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}
