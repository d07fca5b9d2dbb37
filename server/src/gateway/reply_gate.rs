//! What holds an event back until its cause has been answered.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Pushes that a request causes on its own socket wait this long after its reply, and a reply that shows a conversation
/// waits this long after a push that changed it. The client needs 2 ms (P-8): it applies a push later than a reply.
pub const GAP: Duration = Duration::from_millis(10);

/// Opens [`GAP`] after the reply of one request was written (P-45).
///
/// An event takes its place in the queue of the socket when the operation happens (P-46), so that events of one
/// conversation keep the order of the operations, and waits there for its gate.
#[derive(Clone, Debug, Default)]
pub struct ReplyGate {
    opens_at: Arc<OnceLock<Instant>>,
}

impl ReplyGate {
    /// Tells that the reply has been written now.
    pub fn reply_written(&self) {
        self.opens_at.get_or_init(|| Instant::now() + GAP);
    }

    /// When held events may be written; `None` before the reply.
    pub fn opens_at(&self) -> Option<Instant> {
        self.opens_at.get().copied()
    }
}
