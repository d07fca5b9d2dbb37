//! The requests of one connection, from their heads to the last byte of their answers.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response, Version};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Every answer over HTTP/2 may take so long, and longer by its size: there a peer can leave one unread and go on with others.
const DELIVERY_TIME: Duration = Duration::from_secs(60);

/// Slower than any network that people use for chat.
const DELIVERY_BYTES_PER_SECOND: u64 = 8 << 10;

/// Pieces of an answer from which on it is known when the last of them was sent; smaller ones cost little.
const TRACKED_BYTES: usize = 16 << 10;

/// The activity on a connection.
pub struct Exchanges {
    opened: Instant,
    /// Requests so far.
    begun: AtomicU64,
    in_flight: AtomicUsize,
    /// Milliseconds after the connection was opened: when nothing was in flight any more.
    quiet_since: AtomicU64,
    /// Answers over HTTP/2, by the times until which they must be taken.
    deliveries: Mutex<BTreeSet<(Instant, u64)>>,
    /// Cancelled to end all incomplete bodies.
    cut: CancellationToken,
}

/// One request that is not over.
struct Exchange {
    all: Arc<Exchanges>,
    delivery: Option<(Instant, u64)>,
}

impl Exchanges {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            begun: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            deliveries: Mutex::default(),
            cut: CancellationToken::new(),
        })
    }

    /// Has a request answered; it is in flight until its answer was sent or given up.
    pub async fn run<F>(
        self: Arc<Self>,
        request: Request<Incoming>,
        answer: impl FnOnce(Request<RequestBody>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut exchange = Exchange { all: self.clone(), delivery: None };
        let version = request.version();
        let cut = self.cut.clone();
        let response = answer(request.map(|incoming| RequestBody { incoming, cut, is_cut: None })).await;
        if let (Version::HTTP_2, Some(bytes)) = (version, response.body().size_hint().exact()) {
            exchange.must_be_delivered(bytes, number);
        }
        let exchange = Arc::new(exchange);
        response.map(|body| Body::new(ResponseBody { body, exchange }))
    }

    /// True while a request is not over.
    pub fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// True when no request ever came.
    pub fn is_unused(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    /// How long nothing has been in flight.
    pub fn quiet_time(&self) -> Duration {
        let since = Duration::from_millis(self.quiet_since.load(Ordering::Relaxed));
        if self.is_busy() { Duration::ZERO } else { self.opened.elapsed().saturating_sub(since) }
    }

    /// True when the peer leaves an answer unread.
    pub fn is_delivery_overdue(&self) -> bool {
        self.deliveries().first().is_some_and(|(until, _)| *until <= Instant::now())
    }

    /// Ends the bodies that are not complete, also those to come.
    pub fn cut_bodies(&self) {
        self.cut.cancel();
    }

    fn deliveries(&self) -> MutexGuard<'_, BTreeSet<(Instant, u64)>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    fn must_be_delivered(&mut self, bytes: u64, number: u64) {
        let time = DELIVERY_TIME + Duration::from_secs(bytes / DELIVERY_BYTES_PER_SECOND);
        let delivery = (Instant::now() + time, number);
        self.all.deliveries().insert(delivery);
        self.delivery = Some(delivery);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(delivery) = &self.delivery {
            self.all.deliveries().remove(delivery);
        }
        let now = u64::try_from(self.all.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.all.quiet_since.store(now, Ordering::Relaxed);
        self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a request. Its reader bounds the time; it ends early when the server stops.
pub struct RequestBody {
    incoming: Incoming,
    cut: CancellationToken,
    is_cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::other)));
        }
        let cut = self.cut.clone();
        let is_cut = self.is_cut.get_or_insert_with(|| Box::pin(cut.cancelled_owned()));
        is_cut.as_mut().poll(context).map(|()| Some(Err(Error::new(ErrorKind::TimedOut, "the server stops"))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// The body of an answer; holds its exchange until the last byte of it is sent.
struct ResponseBody {
    body: Body,
    exchange: Arc<Exchange>,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let exchange = self.exchange.clone();
        Pin::new(&mut self.body).poll_frame(context).map_ok(|frame| {
            frame.map_data(|bytes| match bytes.len() {
                TRACKED_BYTES.. => Bytes::from_owner(Piece { bytes, _exchange: exchange }),
                _ => bytes,
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A piece of an answer on its way.
struct Piece {
    bytes: Bytes,
    _exchange: Arc<Exchange>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
