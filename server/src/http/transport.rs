//! The socket of a connection, as long as it has a place and its peer reads the written bytes.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::admission::Place;

/// A peer that takes nothing for this long, while more waits to be written, loses the connection.
pub const UNREAD_TIME: Duration = Duration::from_secs(30);

/// Owns the place: the place is given back when the socket is dropped, in any task.
pub struct Transport<I> {
    io: I,
    place: Place,
    /// None once the connection is a known one.
    lost: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    unread: Option<Pin<Box<Sleep>>>,
}

impl<I> Transport<I> {
    pub fn new(io: I, place: Place) -> Self {
        Self { io, lost: place.lost().map(Box::pin), place, unread: None }
    }

    fn poll_place(&mut self, context: &mut Context<'_>) -> Result<()> {
        let Some(lost) = &mut self.lost else { return Ok(()) };
        if self.place.is_known() {
            self.lost = None;
        } else if lost.as_mut().poll(context).is_ready() {
            return Err(Error::new(ErrorKind::ConnectionAborted, "other connections took its place"));
        }
        Ok(())
    }

    /// What became of a write, unless the peer has taken nothing for too long.
    fn poll_written<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.unread = None;
                Poll::Ready(written)
            }
            Poll::Pending => {
                self.poll_place(context)?;
                ready!(self.unread.get_or_insert_with(|| Box::pin(sleep(UNREAD_TIME))).as_mut().poll(context));
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the peer does not read")))
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Transport<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.poll_place(context)?;
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Transport<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.poll_written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, pieces);
        self.poll_written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        // Sockets have nothing to flush: a caller that waits here has not written anything.
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
