//! A connection that counts the exchanges on it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection was used for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionUse(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// How often something was written after something was read, or at first: requests, where none overlap.
    requests: AtomicU64,
    /// A byte came since the last of them began.
    answered: AtomicBool,
}

impl ConnectionUse {
    /// True while no byte of an answer has come to the last request, and it was not the connection's first.
    pub(crate) fn is_unanswered_again(&self) -> bool {
        self.is_used_again() && !self.0.answered.load(Ordering::Acquire)
    }

    /// True when the last request was not the connection's first.
    pub(crate) fn is_used_again(&self) -> bool {
        self.0.requests.load(Ordering::Acquire) > 1
    }

    fn wrote(&self) {
        let is_first = self.0.requests.load(Ordering::Acquire) == 0;
        if is_first || self.0.answered.swap(false, Ordering::AcqRel) {
            self.0.requests.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn read(&self) {
        self.0.answered.store(true, Ordering::Release);
    }
}

/// A connection of HTTP/1 whose use is known. A connector makes it, in a `TokioIo`.
#[derive(Debug)]
pub struct Watched<S, P = ()> {
    stream: S,
    used: ConnectionUse,
    _place: P,
}

impl<S> Watched<S> {
    /// A connection that was not used yet.
    pub fn new(stream: S) -> Self {
        Self::with_place(stream, ())
    }
}

impl<S, P> Watched<S, P> {
    /// The same, with its place among connections whose number is bounded. The place is dropped with the connection.
    pub fn with_place(stream: S, place: P) -> Self {
        Self { stream, used: ConnectionUse::default(), _place: place }
    }
}

impl<S, P> Connection for Watched<S, P> {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.used.clone())
    }
}

impl<S: AsyncRead + Unpin, P: Unpin> AsyncRead for Watched<S, P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.used.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Watched<S, P> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.used.wrote();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.used.wrote();
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }
}
