//! How much a message matters to a session that reads too slowly.

use serde::{Deserialize, Serialize};

/// The priority of a message in a chat room, or of a transient one (S-43, S-45). Others have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// The first to be dropped.
    Low,
    /// Dropped when little room is left.
    #[default]
    Normal,
    /// Never dropped.
    High,
}

impl Priority {
    /// As on the wire: 1 high, 2 normal, 3 low. Other numbers are normal.
    pub fn of_number(number: Option<i32>) -> Self {
        match number {
            Some(1) => Self::High,
            Some(3) => Self::Low,
            _ => Self::Normal,
        }
    }
}
