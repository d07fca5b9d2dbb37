//! The reply that a request in work owes its client.

use crate::gateway::byte_budget::HeldBytes;
use crate::gateway::outgoing::{Outgoing, OutgoingSender, Shows};
use crate::gateway::protocol::frame::encode;
use crate::gateway::protocol::replies::Recipient;
use crate::gateway::protocol::wire::{CommandType, GenericCommand};
use crate::gateway::reply_gate::ReplyGate;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::ConversationId;

/// Makes sure that every request is answered once: dropped without an answer, as by a panic of the use case, it answers
/// 4200. Pushes that wait for the answer would otherwise wait for ever.
pub(super) struct PendingReply {
    sender: OutgoingSender,
    recipient: Recipient,
    conversation: Option<ConversationId>,
    gate: ReplyGate,
    held: HeldBytes,
    answered: bool,
}

impl PendingReply {
    /// An answer that is due.
    pub(super) fn new(
        sender: OutgoingSender,
        recipient: Recipient,
        conversation: Option<ConversationId>,
        gate: ReplyGate,
    ) -> Self {
        Self { sender, recipient, conversation, gate, held: HeldBytes::default(), answered: false }
    }

    /// Keeps the room that was taken for the answer.
    pub(super) fn keep(&mut self, held: HeldBytes) {
        self.held = held;
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
        let (shows, gate) = (shown_by(reply, self.conversation.as_ref()), Some(self.gate.clone()));
        let (frame, mut held) = (encode(reply), std::mem::take(&mut self.held));
        held.shrink_to(frame.len());
        if self.sender.send(Outgoing::Reply { frame, shows, gate, held }).is_err() {
            self.sender.close_slow_reader();
        }
    }
}

/// What the client reads from a reply about the conversation that the request named, if it named one.
fn shown_by(reply: &GenericCommand, named: Option<&ConversationId>) -> Shows {
    match &reply.conv_message {
        Some(conv) if reply.cmd() == CommandType::Conv => {
            let answered = conv.cid.as_deref().map(ConversationId::new);
            answered.or_else(|| named.cloned()).map_or(Shows::Anything, Shows::Conversation)
        }
        _ => Shows::Nothing,
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
    use super::{PendingReply, shown_by};
    use crate::gateway::outgoing::{Outgoing, OutgoingSender, Shows};
    use crate::gateway::protocol::Encoding;
    use crate::gateway::protocol::replies::Recipient;
    use crate::gateway::protocol::wire::{CommandType, ConvCommand, GenericCommand};
    use crate::gateway::reply_gate::ReplyGate;
    use hookd_im_core::ids::ConversationId;

    #[test]
    fn a_request_that_ends_without_an_answer_is_answered_with_an_error() {
        let (sender, mut outgoing) = OutgoingSender::new();
        let recipient = Recipient { serial: Some(5), peer: None };
        drop(PendingReply::new(sender, recipient, None, ReplyGate::default()));
        let Outgoing::Reply { frame, .. } = *outgoing.try_recv().unwrap() else { unreachable!() };
        let reply = Encoding::Binary.decode(Encoding::Binary.frame(frame)).unwrap();
        assert_eq!((reply.i, reply.error_message.map(|error| error.code)), (Some(5), Some(4200)));
    }

    #[test]
    fn replies_to_conversation_commands_show_a_conversation_or_any() {
        let reply = |command, conv: Option<ConvCommand>| {
            let reply = Recipient::default().reply(command, None);
            GenericCommand { conv_message: conv, ..reply }
        };
        let named = ConversationId::new("named");
        let conv = |cid: Option<&str>| Some(ConvCommand { cid: cid.map(str::to_owned), ..ConvCommand::default() });
        let shows = |reply: &GenericCommand, named| shown_by(reply, named);
        let one = |id| Shows::Conversation(ConversationId::new(id));
        assert_eq!(shows(&reply(CommandType::Conv, conv(Some("c"))), Some(&named)), one("c"));
        assert_eq!(shows(&reply(CommandType::Conv, conv(None)), Some(&named)), one("named"));
        assert_eq!(shows(&reply(CommandType::Conv, conv(None)), None), Shows::Anything);
        for command in [CommandType::Ack, CommandType::Error, CommandType::Logs] {
            assert_eq!(shows(&reply(command, None), Some(&named)), Shows::Nothing);
        }
    }

    #[test]
    fn pushes_do_not_wait_for_a_reply_that_is_not_wanted() {
        let (sender, mut outgoing) = OutgoingSender::new();
        let gate = ReplyGate::default();
        PendingReply::new(sender, Recipient::default(), None, gate.clone()).skip();
        assert!(gate.opens_at().is_some());
        assert!(outgoing.try_recv().is_err());
    }
}
