//! Bodies on their way to the engine and back, and how long they may stand still.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::remote_engine::RequestPermit;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// How far a request has come.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Step>>);

#[derive(Clone, Copy)]
struct Step {
    at: Instant,
    /// The engine has taken everything that the client has sent so far, and not all of it has come.
    waits_for_client: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Step { at: Instant::now(), waits_for_client: false })))
    }

    /// When nothing has moved for too long: the engine, or the client.
    pub(super) fn ends_at(&self, engine_time: Duration, client_time: Duration) -> Instant {
        let step = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        step.at + if step.waits_for_client { client_time } else { engine_time }
    }

    fn note(&self, waits_for_client: bool) {
        let mut step = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !(waits_for_client && step.waits_for_client) {
            *step = Step { at: Instant::now(), waits_for_client };
        }
    }
}

/// The body of a request, which notes its progress.
pub(super) struct Upload {
    pub(super) body: Body,
    pub(super) progress: Progress,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.progress.note(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. It breaks off when the engine leaves it standing for too long, while the client wants more.
pub(super) struct Download {
    body: Incoming,
    idle_time: Option<Duration>,
    idle: Option<Pin<Box<Sleep>>>,
    _permit: RequestPermit,
}

impl Download {
    /// Without a time it stands still for as long as it likes.
    pub(super) fn new(body: Incoming, idle_time: Option<Duration>, permit: RequestPermit) -> Self {
        Self { body, idle_time, idle: None, _permit: permit }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.idle = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::other)));
        }
        let Some(idle_time) = self.idle_time else { return Poll::Pending };
        ready!(self.idle.get_or_insert_with(|| Box::pin(sleep(idle_time))).as_mut().poll(context));
        Poll::Ready(Some(Err(Error::new(ErrorKind::TimedOut, "the engine does not go on with its answer"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
