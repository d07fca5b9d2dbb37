//! Which requests of a socket run one after another.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use hookd_im_core::ids::{ConversationId, SessionId};

/// Ended requests are swept out when this many have gathered.
const SWEEP_AT: usize = 128;

/// The last request of each (session, conversation). Requests with one key run in the order in which they came; others do
/// not wait for each other.
#[derive(Debug, Default)]
pub(super) struct RequestOrder {
    last: HashMap<(SessionId, ConversationId), CancellationToken>,
}

/// A request's place in the order.
#[derive(Debug)]
pub(super) struct Turn {
    /// Cancelled when the request before has ended; `None` when it may run at once.
    pub(super) previous: Option<CancellationToken>,
    /// Cancelled when this request has ended in any way.
    pub(super) done: CancellationToken,
}

impl RequestOrder {
    /// Puts a request at the end of its order.
    pub(super) fn join(&mut self, session: SessionId, conversation: Option<&ConversationId>) -> Turn {
        let done = CancellationToken::new();
        let Some(conversation) = conversation else { return Turn { previous: None, done } };
        if self.last.len() >= SWEEP_AT {
            self.last.retain(|_, last| !last.is_cancelled());
        }
        let previous = self.last.insert((session, conversation.clone()), done.clone());
        Turn { previous: previous.filter(|last| !last.is_cancelled()), done }
    }
}

#[cfg(test)]
mod tests {
    use super::RequestOrder;
    use hookd_im_core::ids::{ConversationId, SessionId};

    #[test]
    fn only_requests_of_one_session_in_one_conversation_wait_for_each_other() {
        let mut order = RequestOrder::default();
        let (session, conversation) = (SessionId(1), ConversationId::new("c"));
        let first = order.join(session, Some(&conversation));
        assert!(first.previous.is_none());
        assert!(order.join(session, Some(&conversation)).previous.is_some());
        assert!(order.join(SessionId(2), Some(&conversation)).previous.is_none());
        assert!(order.join(session, Some(&ConversationId::new("d"))).previous.is_none());
        assert!(order.join(session, None).previous.is_none());
    }

    #[test]
    fn no_request_waits_for_an_ended_request() {
        let mut order = RequestOrder::default();
        let (session, conversation) = (SessionId(1), ConversationId::new("c"));
        order.join(session, Some(&conversation)).done.cancel();
        assert!(order.join(session, Some(&conversation)).previous.is_none());
    }
}
