//! Bytes that wait for one socket, and how many they may be.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use hookd_im_core::delivery::Event;

/// Bytes of events that may wait for one socket; a reader that falls further behind is closed.
pub const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of large answers that may wait for one socket. A client that asks for more waits until it has read some.
pub const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What waits takes held, and gives it back when it is dropped: written, or thrown away with its socket.
#[derive(Debug, Default)]
pub struct HeldBytes(Vec<OwnedSemaphorePermit>);

impl HeldBytes {
    /// Gives back what is not needed.
    pub fn shrink_to(&mut self, bytes: usize) {
        for taken in &mut self.0 {
            drop(taken.split(taken.num_permits().saturating_sub(bytes)));
        }
    }
}

/// The room of one socket.
#[derive(Clone, Debug)]
pub(super) struct SocketBytes {
    events: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Default for SocketBytes {
    fn default() -> Self {
        Self { events: Arc::new(Semaphore::new(EVENT_BYTES)), answers: Arc::new(Semaphore::new(ANSWER_BYTES)) }
    }
}

impl SocketBytes {
    /// `None` when there is none.
    pub(super) fn for_event(&self, event: &Event) -> Option<HeldBytes> {
        let taken = self.events.clone().try_acquire_many_owned(permits(event.bytes())).ok()?;
        Some(HeldBytes(vec![taken]))
    }

    /// Bytes that are left for events.
    pub(super) fn event_bytes_left(&self) -> usize {
        self.events.available_permits()
    }

    /// HeldBytes for an answer of at most so many bytes, of the socket and of what all sockets of an app share; `None` when
    /// there is none in time.
    pub(super) async fn for_answer(&self, of_app: Arc<Semaphore>, bytes: usize, until: Instant) -> Option<HeldBytes> {
        let bytes = permits(bytes.min(ANSWER_BYTES));
        let taking = async {
            let of_socket = self.answers.clone().acquire_many_owned(bytes).await.ok()?;
            // A socket that has no room of its own holds none of the others'.
            let of_app = of_app.acquire_many_owned(bytes).await.ok()?;
            Some(HeldBytes(vec![of_socket, of_app]))
        };
        timeout_at(until, taking).await.ok().flatten()
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
