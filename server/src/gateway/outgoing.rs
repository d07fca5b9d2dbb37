//! The outgoing queue of one socket.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::byte_budget::{HeldBytes, SocketBytes};
use super::reply_gate::ReplyGate;
use hookd_im_core::delivery::Event;
use hookd_im_core::ids::{ClientId, ConversationId};

/// Frames that may wait for one socket. A reader that falls further behind is closed, never buffered without bound; its
/// client reconnects and reads the history.
pub const OUTGOING_CAPACITY: usize = 4096;

/// The conversations whose state a reply shows to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shows {
    /// None: an `ack`, an error, messages of the history.
    Nothing,
    /// The one of the request.
    Conversation(ConversationId),
    /// Any: the rows of a query.
    Anything,
}

/// One thing to write to a socket.
#[derive(Debug)]
pub enum Outgoing {
    /// A reply. Overtakes waiting events, except changes of what it shows.
    Reply {
        /// The finished frame, not yet in the form of the sub-protocol.
        frame: bytes::Bytes,
        /// What the client reads from it.
        shows: Shows,
        /// Opens when the frame has been written.
        gate: Option<ReplyGate>,
        /// What a large answer takes until it is written.
        held: HeldBytes,
    },
    /// A push to one session of the socket. Events keep their order among themselves.
    Event {
        /// The receiver.
        client: ClientId,
        /// The push.
        event: Event,
        /// Not to be written before it opens.
        gate: Option<ReplyGate>,
        /// What it takes until it is written.
        held: HeldBytes,
    },
    /// Write what was queued before, then close with this WebSocket code and reason.
    Close {
        /// WebSocket close code.
        code: u16,
        /// Close reason.
        reason: &'static str,
    },
}

/// The socket reads too slowly, or is gone.
#[derive(Debug, Error)]
#[error("the outgoing queue of the connection is full or closed")]
pub struct QueueFull;

/// The sending side; cheap to clone.
#[derive(Clone, Debug)]
pub struct OutgoingSender {
    queue: mpsc::Sender<Outgoing>,
    bytes: SocketBytes,
    slow_reader: CancellationToken,
}

/// The receiving side, owned by the loop that writes the socket.
pub type OutgoingReceiver = mpsc::Receiver<Outgoing>;

impl OutgoingSender {
    /// A queue for one socket.
    pub fn new() -> (Self, OutgoingReceiver) {
        let (queue, receiver) = mpsc::channel(OUTGOING_CAPACITY);
        (Self { queue, bytes: SocketBytes::default(), slow_reader: CancellationToken::new() }, receiver)
    }

    /// Tells the writing loop to give the socket up.
    pub fn close_slow_reader(&self) {
        self.slow_reader.cancel();
    }

    /// Resolves once the socket is to be given up as a slow reader.
    pub async fn slow_reader(&self) {
        self.slow_reader.cancelled().await;
    }

    /// Queues an event for a session of the socket, without waiting.
    ///
    /// # Errors
    /// [`QueueFull`]: the caller closes the connection as a slow reader.
    pub fn push(&self, client: ClientId, event: Event, gate: Option<ReplyGate>) -> Result<(), QueueFull> {
        let held = self.bytes.for_event(&event).ok_or(QueueFull)?;
        self.send(Outgoing::Event { client, event, gate, held })
    }

    /// HeldBytes for an answer of at most so many bytes, of this socket and of what all sockets of an app share; `None` when
    /// there is none before `until`.
    pub async fn reserve_answer(&self, of_app: Arc<Semaphore>, bytes: usize, until: Instant) -> Option<HeldBytes> {
        self.bytes.for_answer(of_app, bytes, until).await
    }

    /// Queues without waiting.
    ///
    /// # Errors
    /// [`QueueFull`]: the caller closes the connection as a slow reader.
    pub fn send(&self, outgoing: Outgoing) -> Result<(), QueueFull> {
        self.queue.try_send(outgoing).map_err(|_| QueueFull)
    }
}
