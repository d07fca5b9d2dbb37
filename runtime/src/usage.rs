//! What one call used of its limits, for the developer who tries a function out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Used by one call, what it did after its reply included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Zero where the guest was done within the first tick of two milliseconds: it is not measured then.
    pub cpu_time: Duration,
    /// Linear memory at the end, which is the most that it held.
    pub memory_bytes: u64,
    /// What it wrote to its log.
    pub log_bytes: usize,
    /// Lines of that.
    pub log_lines: u32,
    /// Commands sent to LeanCache.
    pub cache_commands: u32,
    /// As the limit `cache_bytes` counts.
    pub cache_bytes: usize,
    /// HTTP requests, those that were refused included.
    pub http_requests: u32,
    /// As the limit `http_bytes` counts.
    pub http_bytes: u64,
}

/// Where a call notes what it used. Most calls have none.
pub(crate) type UsageNote = Arc<Mutex<Usage>>;

pub(crate) fn note(usage: &UsageNote, change: impl FnOnce(&mut Usage)) {
    change(&mut usage.lock().unwrap_or_else(PoisonError::into_inner));
}
