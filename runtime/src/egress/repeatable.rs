//! Requests that may have to be sent a second time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

/// How much of a body is kept for a second time.
const KEPT_BYTES: usize = 64 << 10;

/// A request whose connection may turn out to be one that the other side is just closing.
///
/// It may be sent twice when it has no body, or when its method is idempotent (RFC 9110, 9.2.2) and its body was kept.
pub(super) struct RepeatableRequest {
    parts: Parts,
    body: Arc<Mutex<Recorded>>,
}

/// A body, and what was read of it.
struct Recorded {
    source: WasiBody,
    pieces: Vec<Bytes>,
    bytes: usize,
    /// All that was read is kept.
    is_whole: bool,
    /// The source has no more.
    is_read: bool,
}

impl RepeatableRequest {
    pub(super) fn new(request: Request<WasiBody>) -> Self {
        let (parts, source) = request.into_parts();
        let recorded = Recorded { source, pieces: Vec::new(), bytes: 0, is_whole: true, is_read: false };
        Self { parts, body: Arc::new(Mutex::new(recorded)) }
    }

    /// The request, from its first byte on.
    pub(super) fn start(&self) -> Request<RecordedBody> {
        Request::from_parts(self.parts.clone(), RecordedBody { recorded: self.body.clone(), next: 0 })
    }

    /// True when the other side may get it twice, and all that went out is kept.
    pub(super) fn may_be_repeated(&self) -> bool {
        let body = locked(&self.body);
        let has_no_body = body.bytes == 0 && (body.is_read || body.source.is_end_stream());
        body.is_whole && (has_no_body || is_idempotent(&self.parts.method))
    }
}

fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}

impl Recorded {
    fn keep(&mut self, piece: &Frame<Bytes>) {
        match piece.data_ref() {
            Some(data) if self.is_whole && self.bytes + data.len() <= KEPT_BYTES => {
                self.bytes += data.len();
                self.pieces.push(data.clone());
            }
            _ => {
                self.is_whole = false;
                self.pieces = Vec::new();
            }
        }
    }
}

/// The body of a [`RepeatableRequest`], sent from its start.
pub(super) struct RecordedBody {
    recorded: Arc<Mutex<Recorded>>,
    /// Of the kept pieces.
    next: usize,
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let mut recorded = locked(&this.recorded);
        if let Some(piece) = recorded.pieces.get(this.next) {
            this.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if recorded.is_read {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut recorded.source).poll_frame(context));
        match &frame {
            Some(Ok(piece)) => {
                recorded.keep(piece);
                this.next = recorded.pieces.len();
            }
            Some(Err(_)) => recorded.is_whole = false,
            None => recorded.is_read = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let recorded = locked(&self.recorded);
        self.next == recorded.pieces.len() && (recorded.is_read || recorded.source.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let recorded = locked(&self.recorded);
        let kept: usize = recorded.pieces.iter().skip(self.next).map(Bytes::len).sum();
        let (kept, source) = (kept as u64, recorded.source.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(source.lower().saturating_add(kept));
        if let Some(upper) = source.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}

fn locked(recorded: &Mutex<Recorded>) -> MutexGuard<'_, Recorded> {
    recorded.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::{BodyExt as _, Empty, StreamBody};

    use super::*;

    /// A request with a body of these pieces.
    fn request(method: Method, pieces: &[&'static str]) -> RepeatableRequest {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        let body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
        RepeatableRequest::new(Request::builder().method(method).body(body).unwrap())
    }

    async fn sent(request: &RepeatableRequest) -> Bytes {
        request.start().into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn an_idempotent_request_is_whole_the_second_time_wherever_the_first_ended() {
        for first in 0..=3 {
            let request = request(Method::PUT, &["a", "bc", "d"]);
            let mut body = request.start().into_body();
            for _ in 0..first {
                body.frame().await.unwrap().unwrap();
            }
            assert!(request.may_be_repeated());
            assert_eq!(sent(&request).await, "abcd", "after {first} pieces");
        }
    }

    #[tokio::test]
    async fn a_post_is_repeated_only_when_its_body_turned_out_to_be_empty() {
        let with_body = request(Method::POST, &["a"]);
        sent(&with_body).await;
        assert!(!with_body.may_be_repeated());
        let unread = request(Method::POST, &[]);
        assert!(!unread.may_be_repeated(), "its body may come still");
        sent(&unread).await;
        assert!(unread.may_be_repeated());
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let without = Request::builder().method(Method::POST).body(body).unwrap();
        assert!(RepeatableRequest::new(without).may_be_repeated());
    }

    #[tokio::test]
    async fn a_long_body_goes_out_whole_and_once() {
        let long: &'static str = Box::leak("a".repeat(KEPT_BYTES).into_boxed_str());
        let request = request(Method::PUT, &[long, "b"]);
        assert_eq!(sent(&request).await.len(), KEPT_BYTES + 1);
        assert!(!request.may_be_repeated());
    }
}
