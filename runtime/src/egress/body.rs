//! Bodies on their way to and from a function.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::CallBudget;
use super::open_bodies::{Open, RequestPermits, Slot, locked};

/// A body whose bytes are taken from the budget, and which ends with the call.
pub(super) struct CountedBody {
    slot: Arc<Slot>,
    budget: Arc<CallBudget>,
    /// How long it may take until the next piece.
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl CountedBody {
    /// `permits` are given back when the body is gone.
    pub(super) fn new(
        body: WasiBody,
        budget: Arc<CallBudget>,
        pause: Option<Duration>,
        permits: Option<RequestPermits>,
    ) -> Self {
        let pause = pause.map(|pause| (pause, Box::pin(sleep_until(Instant::now() + pause))));
        Self { slot: budget.bodies.open(Open { body, waiting: None, _permits: permits }), budget, pause }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let polled = match &mut *locked(&this.slot) {
            Some(open) => {
                let polled = Pin::new(&mut open.body).poll_frame(context);
                if polled.is_pending() {
                    open.waiting = Some(context.waker().clone());
                }
                polled
            }
            None => return Poll::Ready(Some(Err(Error::ConnectionTerminated))),
        };
        let Poll::Ready(frame) = polled else {
            let Some((_, pause)) = &mut this.pause else { return Poll::Pending };
            ready!(pause.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        if let Some((pause, until)) = &mut this.pause {
            until.as_mut().reset(Instant::now() + *pause);
        }
        if let Some(Ok(frame)) = &frame {
            let taken = match frame.trailers_ref() {
                Some(trailers) => this.budget.take_headers(trailers),
                None => this.budget.take_bytes(frame.data_ref().map_or(0, |data| data.len() as u64)),
            };
            if let Err(error) = taken {
                return Poll::Ready(Some(Err(error)));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        locked(&self.slot).as_ref().is_some_and(|open| open.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        locked(&self.slot).as_ref().map_or_else(SizeHint::new, |open| open.body.size_hint())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;
    use api_types::Limits;

    fn budget(http_bytes: u64) -> Arc<CallBudget> {
        Arc::new(CallBudget::new(&Limits { http_bytes, ..Limits::default() }))
    }

    fn endless() -> WasiBody {
        StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, Error>>()).boxed_unsync()
    }

    fn permits() -> (Arc<Semaphore>, RequestPermits) {
        let all = Arc::new(Semaphore::new(2));
        let permit = || all.clone().try_acquire_owned().unwrap();
        (all.clone(), (permit(), permit()))
    }

    #[tokio::test]
    async fn a_body_that_is_left_open_is_closed_with_the_call_and_gives_its_permits_back() {
        let budget = budget(100);
        let (all, permits) = permits();
        let mut kept = CountedBody::new(endless(), budget.clone(), None, Some(permits));
        assert_eq!(all.available_permits(), 0);
        budget.end_call();
        assert_eq!(all.available_permits(), 2, "the guest still holds the body");
        assert!(matches!(kept.frame().await, Some(Err(Error::ConnectionTerminated))));
    }

    #[tokio::test]
    async fn a_reader_of_a_body_learns_of_the_end_of_its_call() {
        let budget = budget(100);
        let mut kept = CountedBody::new(endless(), budget.clone(), None, None);
        let waiting = tokio::spawn(async move { kept.frame().await.is_some_and(|frame| frame.is_err()) });
        tokio::task::yield_now().await;
        budget.end_call();
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_body_that_is_opened_after_the_call_is_closed_at_once() {
        let budget = budget(100);
        budget.end_call();
        let (all, permits) = permits();
        let mut late = CountedBody::new(endless(), budget, None, Some(permits));
        assert_eq!(all.available_permits(), 2);
        assert!(matches!(late.frame().await, Some(Err(Error::ConnectionTerminated))));
    }

    #[tokio::test]
    async fn trailers_count() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-long", "a".repeat(200).parse().unwrap());
        let body = Full::from("ok").map_err(|_| Error::ConnectionTerminated);
        let body = body.with_trailers(async { Some(Ok(trailers)) }).boxed_unsync();
        let refused = CountedBody::new(body, budget(100), None, None).collect().await.unwrap_err();
        assert!(refused.to_string().contains("`http_bytes` of 100"), "{refused}");
    }
}
