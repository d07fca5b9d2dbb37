//! The outgoing queue of one socket.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::byte_budget::{EVENT_BYTES, HeldBytes, SocketBytes};
use super::reply_gate::ReplyGate;
use hookd_im_core::delivery::{Event, Priority};
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
    // Boxed: the channel makes room for 32 items at once, and an idle connection keeps it.
    queue: mpsc::Sender<Box<Outgoing>>,
    bytes: SocketBytes,
    slow_reader: CancellationToken,
}

/// The receiving side, owned by the loop that writes the socket.
pub type OutgoingReceiver = mpsc::Receiver<Box<Outgoing>>;

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

    /// What an event takes until it is written. `None`: one that may be dropped is, where too much waits (S-45).
    ///
    /// # Errors
    /// [`QueueFull`]: the caller closes the connection as a slow reader.
    pub fn hold(&self, event: &Event) -> Result<Option<HeldBytes>, QueueFull> {
        if event.droppable().is_some_and(|priority| self.quarters_left() < quarters_needed(priority)) {
            tracing::debug!("a message of low or normal priority is dropped: its reader is slow");
            return Ok(None);
        }
        self.bytes.for_event(event).map(Some).ok_or(QueueFull)
    }

    /// Quarters of the queue that are free, by frames or by bytes.
    fn quarters_left(&self) -> usize {
        (self.queue.capacity() * 4 / OUTGOING_CAPACITY).min(self.bytes.event_bytes_left() * 4 / EVENT_BYTES)
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
        self.queue.try_send(Box::new(outgoing)).map_err(|_| QueueFull)
    }
}

/// Low ones go first, so that there is room for others when it gets worse.
fn quarters_needed(priority: Priority) -> usize {
    match priority {
        Priority::Low => 2,
        Priority::Normal => 1,
        Priority::High => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookd_im_core::delivery::{DeliveredMessage, Event, Priority};
    use hookd_im_core::ids::{ClientId, ConversationId, MessageId};
    use hookd_im_core::store::{ConversationKind, MessageBody};
    use hookd_im_core::timestamp::Timestamp;

    use super::Outgoing;
    use super::{OUTGOING_CAPACITY, OutgoingSender};

    fn message(kind: ConversationKind, priority: Priority, body: &str) -> Event {
        Event::Message(Arc::new(DeliveredMessage {
            conversation: ConversationId::new("c"),
            kind,
            id: MessageId::new("m"),
            from: ClientId::new("tom"),
            timestamp: Timestamp(0),
            sequence: Some(2),
            body: MessageBody::Text(body.to_owned()),
            mentions: Vec::new(),
            mention_all: false,
            transient: false,
            priority,
        }))
    }

    /// S-45, S-46. Nobody reads; answers how many messages wait when the queue takes no more, or after many.
    fn queued(kind: ConversationKind, priority: Priority, body: &str) -> (usize, bool) {
        let (sender, mut queue) = OutgoingSender::new();
        let push = |_| {
            let event = message(kind, priority, body);
            let Ok(held) = sender.hold(&event) else { return false };
            let Some(held) = held else { return true };
            sender.send(Outgoing::Event { client: ClientId::new("jerry"), event, gate: None, held }).is_ok()
        };
        let is_taken = (0..2 * OUTGOING_CAPACITY).all(push);
        let mut waiting = 0;
        while queue.try_recv().is_ok() {
            waiting += 1;
        }
        (waiting, is_taken)
    }

    #[test]
    fn messages_of_low_and_normal_priority_are_dropped_before_the_reader_is() {
        use ConversationKind::{Basic, ChatRoom};
        let (quarter, half) = (OUTGOING_CAPACITY / 4, OUTGOING_CAPACITY / 2);
        assert_eq!(queued(ChatRoom, Priority::Low, "x"), (half + 1, true));
        assert_eq!(queued(ChatRoom, Priority::Normal, "x"), (3 * quarter + 1, true));
        assert_eq!(queued(ChatRoom, Priority::High, "x"), (OUTGOING_CAPACITY, false));
        assert_eq!(queued(Basic, Priority::Low, "x"), (OUTGOING_CAPACITY, false));
    }

    #[test]
    fn many_bytes_make_a_queue_full_too() {
        let (waiting, is_taken) = queued(ConversationKind::ChatRoom, Priority::Low, &"x".repeat(5000));
        assert!(is_taken && waiting < 500, "{waiting}");
    }
}
