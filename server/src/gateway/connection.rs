//! One socket, owned by one loop: reads commands, writes replies and pushes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::Shared;
use super::closing::{self, Closing};
use super::dispatch::{Dispatcher, Socket};
use super::on_login::OnLogin;
use super::queue::{Next, Push, Reply, WriteQueue};
use crate::gateway::outgoing::{OUTGOING_CAPACITY, Outgoing, OutgoingReceiver, OutgoingSender};
use crate::gateway::protocol::frame::encode;
use crate::gateway::protocol::{Encoding, pushes};
use hookd_im_core::error::Code;

/// Frames that are written before the socket is read again, and about how many bytes.
const WRITE_BATCH: usize = 64;
const WRITE_BATCH_BYTES: usize = 256 * 1024;

/// How long requests in work may go on once the server stops: the longest hook (15 s), and the storing of the message.
const LAST_ANSWERS: Duration = Duration::from_secs(17);

/// A socket after its handshake.
pub(super) struct Connection<S> {
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
    encoding: Encoding,
    outgoing: OutgoingReceiver,
    sender: OutgoingSender,
    queue: WriteQueue,
    dispatcher: Dispatcher,
    /// One permit for each request in work, with one more for the frame that is being waited for.
    slots: Arc<Semaphore>,
    last_read: Instant,
    /// Until a client has logged in.
    on_login: Option<OnLogin>,
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes a socket over.
    pub(super) fn new(
        shared: Arc<Shared>,
        socket: WebSocketStream<S>,
        encoding: Encoding,
        (at, outgoing): (Socket, OutgoingReceiver),
        on_login: Option<OnLogin>,
    ) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(shared.config.requests_per_connection.max(1))),
            sender: at.sender.clone(),
            dispatcher: Dispatcher::new(shared.clone(), at),
            queue: WriteQueue::default(),
            last_read: Instant::now(),
            on_login,
            shared,
            socket,
            encoding,
            outgoing,
        }
    }

    /// Serves the socket to its end.
    pub(super) async fn run(mut self) {
        let closing = self.serve().await;
        tracing::debug!(?closing, "a connection ends");
        if closing == Closing::Shutdown && timeout(LAST_ANSWERS, self.finish_requests()).await.is_err() {
            tracing::warn!("requests of a connection were still in work after {LAST_ANSWERS:?}");
        }
        self.dispatcher.end_sessions(closing.error());
        if closing != Closing::SlowReader && closing.frame().is_some() && self.write_last_replies().await.is_err() {
            return;
        }
        if let Some((code, reason)) = closing.frame() {
            let readable = !matches!(closing, Closing::FrameTooLong | Closing::BrokenFraming);
            closing::close(self.socket, code, reason, readable).await;
        }
    }

    async fn serve(&mut self) -> Closing {
        loop {
            let wake = match self.write_ready().await {
                Ok(wake) => wake,
                Err(closing) => return closing,
            };
            let (deadline, late) = self.deadline();
            let alarm = wake.map_or(deadline, |wake| wake.min(deadline));
            let has_room = self.queue.len() < OUTGOING_CAPACITY;
            let (slots, socket) = (self.slots.clone(), &mut self.socket);
            // No further request is read while too many are in work; TCP then slows the client down.
            let read = async {
                let slot = slots.acquire_owned().await;
                (socket.next().await, slot)
            };
            let step = tokio::select! {
                () = self.shared.shutdown.cancelled() => return Closing::Shutdown,
                () = self.sender.slow_reader() => return Closing::SlowReader,
                Some(outgoing) = self.outgoing.recv(), if has_room => self.take(outgoing),
                () = sleep_until(alarm.into()) => {
                    if Instant::now() >= deadline { Err(Closing::Code(late)) } else { Ok(()) }
                }
                (frame, slot) = read => match slot {
                    Ok(slot) => self.received(frame, slot).await,
                    Err(_) => Err(Closing::Shutdown),
                },
            };
            if let Err(closing) = step {
                return closing;
            }
            if self.dispatcher.idle_since().is_none()
                && let Some(on_login) = self.on_login.take()
            {
                on_login.call();
            }
        }
    }

    /// Reads nothing more, and writes the answers of the requests in work as they come.
    async fn finish_requests(&mut self) {
        let all = u32::try_from(self.shared.config.requests_per_connection.max(1)).unwrap_or(u32::MAX);
        let finished = self.slots.clone().acquire_many_owned(all);
        tokio::pin!(finished);
        loop {
            let Ok(wake) = self.write_ready().await else { return };
            let alarm = wake.unwrap_or_else(|| Instant::now() + LAST_ANSWERS);
            let step = tokio::select! {
                biased;
                () = self.sender.slow_reader() => return,
                Some(outgoing) = self.outgoing.recv() => self.take(outgoing),
                _ = &mut finished => break,
                () = sleep_until(alarm.into()) => Ok(()),
            };
            if step.is_err() {
                return;
            }
        }
        // The last answer may have come between the look at the queue and the end of its request.
        if let Ok(outgoing) = self.outgoing.try_recv() {
            // Any message closes the socket now.
            let _ = self.take(outgoing);
        }
    }

    /// When the socket has been useless for too long, and the code that says so (P-31).
    fn deadline(&self) -> (Instant, Code) {
        let read = self.last_read + self.shared.config.read_timeout;
        match self.dispatcher.idle_since() {
            Some(since) if since + self.shared.config.login_timeout < read => {
                (since + self.shared.config.login_timeout, Code::LoginTimeout)
            }
            _ => (read, Code::ReadTimeout),
        }
    }

    async fn received(
        &mut self,
        frame: Option<Result<Message, SocketError>>,
        slot: OwnedSemaphorePermit,
    ) -> Result<(), Closing> {
        let message = match frame {
            None => return Err(Closing::PeerGone),
            Some(Err(error)) => {
                return Err(Closing::of(&error));
            }
            Some(Ok(message)) => message,
        };
        self.last_read = Instant::now();
        match message {
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => Err(Closing::PeerGone),
            data => {
                let command = self.encoding.decode(data).map_err(|error| {
                    tracing::debug!(%error, "a frame is malformed");
                    Closing::Code(Code::UnparseableRawMessage)
                })?;
                // Boxed: else every idle connection keeps room for a command and for a log-in, 13 KiB.
                Box::pin(self.dispatcher.dispatch(command, slot, &mut self.queue)).await
            }
        }
    }

    /// Takes everything over that waits in the sender.
    fn take(&mut self, first: Box<Outgoing>) -> Result<(), Closing> {
        let mut next = Some(first);
        while let Some(outgoing) = next {
            match *outgoing {
                Outgoing::Reply { frame, shows, gate, held } => self.queue.reply(Reply { frame, shows, gate, held }),
                Outgoing::Event { client, event, gate, held, .. } => {
                    self.queue.push(Push { client, event, gate, held });
                }
                Outgoing::Close { code, reason } => return Err(Closing::ByServer { code, reason }),
            }
            next = if self.queue.len() < OUTGOING_CAPACITY { self.outgoing.try_recv().ok() } else { None };
        }
        Ok(())
    }

    /// Writes what may be written now; answers when there will be more.
    async fn write_ready(&mut self) -> Result<Option<Instant>, Closing> {
        loop {
            let now = Instant::now();
            let (mut frames, mut gates, mut rooms, mut wake) = (Vec::new(), Vec::new(), Vec::new(), None);
            let mut bytes = 0;
            while frames.len() < WRITE_BATCH && bytes < WRITE_BATCH_BYTES {
                match self.queue.next(now) {
                    Next::Reply(reply) => {
                        gates.extend(reply.gate);
                        rooms.push(reply.held);
                        bytes += reply.frame.len();
                        frames.push(self.encoding.frame(reply.frame));
                    }
                    Next::Push(push) => {
                        let frame = encode(&pushes::push(&push.client, &push.event));
                        rooms.push(push.held);
                        bytes += frame.len();
                        frames.push(self.encoding.frame(frame));
                    }
                    Next::At(time) => {
                        wake = Some(time);
                        break;
                    }
                    Next::Idle => break,
                }
            }
            if frames.is_empty() {
                return Ok(wake);
            }
            let full = frames.len() >= WRITE_BATCH || bytes >= WRITE_BATCH_BYTES;
            self.write(frames).await?;
            drop(rooms);
            for gate in &gates {
                gate.reply_written();
            }
            self.queue.written(Instant::now());
            if full {
                return Ok(Some(now));
            }
        }
    }

    async fn write(&mut self, frames: Vec<Message>) -> Result<(), Closing> {
        let socket = &mut self.socket;
        let all = async {
            for frame in frames {
                socket.feed(frame).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            written = timeout(self.shared.config.write_timeout, all) => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Closing::PeerGone),
                Err(_) => Err(Closing::SlowReader),
            },
            () = self.sender.slow_reader() => Err(Closing::SlowReader),
        }
    }

    /// Errors reach the client before the close does (P-33).
    async fn write_last_replies(&mut self) -> Result<(), Closing> {
        let replies = self.queue.take_replies();
        let frames: Vec<_> = replies.into_iter().map(|reply| self.encoding.frame(reply.frame)).collect();
        if frames.is_empty() { Ok(()) } else { self.write(frames).await }
    }
}
