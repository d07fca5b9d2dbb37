//! The bounds of one call's requests.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use http::HeaderMap;
use wasmtime_wasi_http::Error;

use super::open_bodies::OpenBodies;
use api_types::Limits;

/// Counts down; shared by all requests of a call.
#[derive(Debug)]
pub(crate) struct CallBudget {
    requests: AtomicU32,
    bytes: AtomicU64,
    max_requests: u32,
    max_bytes: u64,
    /// So that a guest that tries on and on fills no log.
    reported: AtomicBool,
    /// The bodies of the call that are open now.
    pub(super) bodies: OpenBodies,
}

impl CallBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            requests: AtomicU32::new(limits.http_requests),
            bytes: AtomicU64::new(limits.http_bytes),
            max_requests: limits.http_requests,
            max_bytes: limits.http_bytes,
            reported: AtomicBool::new(false),
            bodies: OpenBodies::default(),
        }
    }

    pub(super) fn take_request(&self) -> Result<(), Error> {
        let taken = self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map(drop).map_err(|_| used_up("http_requests", self.max_requests.into()))
    }

    pub(super) fn take_bytes(&self, bytes: u64) -> Result<(), Error> {
        let taken = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| {
            // Nothing more goes through: what was refused would otherwise come in smaller pieces.
            self.bytes.store(0, Ordering::Relaxed);
            used_up("http_bytes", self.max_bytes)
        })
    }

    /// The names and values of headers, and what stands between them on the wire.
    pub(super) fn take_headers(&self, headers: &HeaderMap) -> Result<(), Error> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        self.take_bytes(bytes as u64)
    }

    /// Requests and bytes that were used of it.
    pub(crate) fn used(&self) -> (u32, u64) {
        let (requests, bytes) = (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        (self.max_requests - requests, self.max_bytes - bytes)
    }

    /// Closes what the guest left open. Its instance may wait a long time for the next call, and would keep connections and
    /// places of other functions meanwhile.
    pub(crate) fn end_call(&self) {
        self.bodies.close();
    }

    /// True once.
    pub(super) fn is_first_report(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }
}

fn used_up(limit: &str, value: u64) -> Error {
    Error::InternalError(Some(format!(
        "the call's limit `{limit}` of {value} is used up; `hookd settings --limit {limit}=...` raises it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> CallBudget {
        CallBudget::new(&Limits { http_requests: 2, http_bytes: 10, ..Limits::default() })
    }

    #[test]
    fn requests_over_the_budget_are_refused_with_name_and_value() {
        let budget = budget();
        assert!(budget.take_request().is_ok() && budget.take_request().is_ok());
        let refused = budget.take_request().unwrap_err().to_string();
        assert!(refused.contains("`http_requests` of 2"), "{refused}");
    }

    #[test]
    fn after_bytes_were_refused_no_byte_goes_through() {
        let budget = budget();
        assert!(budget.take_bytes(4).is_ok());
        let refused = budget.take_bytes(7).unwrap_err().to_string();
        assert!(refused.contains("`http_bytes` of 10"), "{refused}");
        assert!(budget.take_bytes(1).is_err());
    }
}
