//! What one call may send and receive.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::limits::Limits;

/// Counts down; shared by all requests of a call.
#[derive(Debug)]
pub(crate) struct CallBudget {
    requests: AtomicU32,
    bytes: AtomicU64,
    max_requests: u32,
    max_bytes: u64,
    /// So that a guest that tries on and on fills no log.
    reported: AtomicBool,
}

impl CallBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            requests: AtomicU32::new(limits.http_requests),
            bytes: AtomicU64::new(limits.http_bytes),
            max_requests: limits.http_requests,
            max_bytes: limits.http_bytes,
            reported: AtomicBool::new(false),
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

/// A body whose bytes are taken from the budget.
pub(super) struct CountedBody<T> {
    body: WasiBody,
    budget: Arc<CallBudget>,
    /// How long it may take until the next piece.
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
    /// Lives as long as the body.
    _held: T,
}

impl<T> CountedBody<T> {
    pub(super) fn new(body: WasiBody, budget: Arc<CallBudget>, pause: Option<Duration>, held: T) -> Self {
        let pause = pause.map(|pause| (pause, Box::pin(sleep_until(Instant::now() + pause))));
        Self { body, budget, pause, _held: held }
    }
}

impl<T: Unpin> Body for CountedBody<T> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let Some((_, pause)) = &mut this.pause else { return Poll::Pending };
            ready!(pause.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        if let Some((pause, until)) = &mut this.pause {
            until.as_mut().reset(Instant::now() + *pause);
        }
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            if let Err(error) = this.budget.take_bytes(bytes) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
