//! The machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// True when no certificate can be checked, and libraries that try it panic.
pub fn clock_is_before_1970() -> bool {
    SystemTime::now() < UNIX_EPOCH
}
