//! The reply that a request in work owes its client.

use crate::delivery::{Outbox, Outgoing, ReplyGate};
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::protocol::frame::encode;
use crate::protocol::replies::Recipient;
use crate::protocol::wire::GenericCommand;

/// Makes sure that every request is answered once: dropped without an answer, as by a panic of the use case, it answers
/// 4200. Pushes that wait for the answer would otherwise wait for ever.
pub(super) struct PendingReply {
    outbox: Outbox,
    recipient: Recipient,
    conversation: Option<ConversationId>,
    gate: ReplyGate,
    answered: bool,
}

impl PendingReply {
    /// An answer that is due.
    pub(super) fn new(
        outbox: Outbox,
        recipient: Recipient,
        conversation: Option<ConversationId>,
        gate: ReplyGate,
    ) -> Self {
        Self { outbox, recipient, conversation, gate, answered: false }
    }

    /// Queues the answer. A request without a serial number gets none (P-25).
    pub(super) fn send(mut self, reply: &GenericCommand) {
        self.queue(Some(reply).filter(|reply| reply.i.is_some()));
    }

    /// Ends without an answer, where the protocol wants none.
    pub(super) fn skip(mut self) {
        self.queue(None);
    }

    fn queue(&mut self, reply: Option<&GenericCommand>) {
        self.answered = true;
        let Some(reply) = reply else { return self.gate.reply_written() };
        let (conversation, gate) = (self.conversation.take(), Some(self.gate.clone()));
        if self.outbox.send(Outgoing::Reply { frame: encode(reply), conversation, gate }).is_err() {
            self.outbox.close_slow_reader();
        }
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        if !self.answered {
            let reply = self.recipient.error(&RequestError::code(Code::InternalError));
            self.queue(Some(&reply).filter(|reply| reply.i.is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PendingReply;
    use crate::delivery::{Outbox, Outgoing, ReplyGate};
    use crate::protocol::Encoding;
    use crate::protocol::replies::Recipient;

    #[test]
    fn a_request_that_ends_without_an_answer_is_answered_with_an_error() {
        let (outbox, mut outgoing) = Outbox::new();
        let recipient = Recipient { serial: Some(5), peer: None };
        drop(PendingReply::new(outbox, recipient, None, ReplyGate::default()));
        let Some(Outgoing::Reply { frame, .. }) = outgoing.try_recv().ok() else { unreachable!() };
        let reply = Encoding::Binary.decode(Encoding::Binary.frame(frame)).unwrap();
        assert_eq!((reply.i, reply.error_message.map(|error| error.code)), (Some(5), Some(4200)));
    }

    #[test]
    fn pushes_do_not_wait_for_a_reply_that_nobody_wants() {
        let (outbox, mut outgoing) = Outbox::new();
        let gate = ReplyGate::default();
        PendingReply::new(outbox, Recipient::default(), None, gate.clone()).skip();
        assert!(gate.opens_at().is_some());
        assert!(outgoing.try_recv().is_err());
    }
}
