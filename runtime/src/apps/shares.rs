//! What one app has of what all apps share.

use std::sync::{Arc, OnceLock};

use crate::call_chain::MAX_CALLS;
use crate::fair_turns::Holder;
use crate::sandbox::AppMemory;

/// Outlives changes of settings and keys: an app keeps its resources when its limits change.
#[derive(Debug, Default)]
pub(crate) struct AppShares {
    /// Places for running calls, by how many calls wait for them.
    pub(crate) places: [Holder; MAX_CALLS],
    /// Turns to compile a module.
    pub(crate) compiling: Holder,
    /// Turns to be asked for definitions.
    pub(crate) definitions: Holder,
    /// Turns to have the log read.
    pub(crate) log_reads: Holder,
    /// Turns to have a large body taken apart.
    pub(crate) parsing: Holder,
    /// Linear memory, from the first call on.
    pub(crate) memory: OnceLock<Arc<AppMemory>>,
}
