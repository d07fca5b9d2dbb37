//! The order in which one socket is written.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::delivery::{Event, ReplyGate};
use crate::ids::{ClientId, ConversationId};
use crate::protocol::pushes::changed_conversation;

/// A finished reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// The encoded command.
    pub(super) frame: Bytes,
    /// What the request was about.
    pub(super) conversation: Option<ConversationId>,
    /// To be told when the frame has been written.
    pub(super) gate: Option<ReplyGate>,
}

/// A push with its place in the order.
#[derive(Debug)]
pub(super) struct Push {
    /// The receiver.
    pub(super) client: ClientId,
    /// What happened.
    pub(super) event: Event,
    /// Not to be written before it opens.
    pub(super) gate: Option<ReplyGate>,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write this reply.
    Reply(Reply),
    /// Write this push.
    Push(Push),
    /// Ask again at this time.
    At(Instant),
    /// Ask again after more has been queued or a reply has been written.
    Idle,
}

/// Replies and pushes that wait for one socket.
///
/// Pushes keep their order. Replies overtake pushes: a waiting user comes first. But a reply stays behind changes of
/// its own conversation that only wait for time: the client would apply the older state after the newer (P-45).
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    replies: VecDeque<Reply>,
    pushes: VecDeque<Push>,
}

impl WriteQueue {
    /// Queues a reply.
    pub(super) fn reply(&mut self, reply: Reply) {
        self.replies.push_back(reply);
    }

    /// Queues a push.
    pub(super) fn push(&mut self, push: Push) {
        self.pushes.push_back(push);
    }

    /// Frames that wait.
    pub(super) fn len(&self) -> usize {
        self.replies.len() + self.pushes.len()
    }

    /// Takes the next frame that may be written.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if let Some(free) = self.replies.iter().position(|reply| !self.has_changes_before(reply))
            && let Some(reply) = self.replies.remove(free)
        {
            return Next::Reply(reply);
        }
        let opens_at = match self.pushes.front() {
            None => return Next::Idle,
            Some(Push { gate: None, .. }) => now,
            Some(Push { gate: Some(gate), .. }) => match gate.opens_at() {
                Some(time) => time,
                None => return Next::Idle,
            },
        };
        if opens_at > now {
            return Next::At(opens_at);
        }
        self.pushes.pop_front().map_or(Next::Idle, Next::Push)
    }

    /// Takes the replies in their order, for a socket that is about to close.
    pub(super) fn take_replies(&mut self) -> VecDeque<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Pushes behind one whose cause has not been answered do not count: that answer could be the reply itself, or one
    /// that waits for it.
    fn has_changes_before(&self, reply: &Reply) -> bool {
        let Some(conversation) = &reply.conversation else { return false };
        self.pushes
            .iter()
            .take_while(|push| push.gate.as_ref().is_none_or(|gate| gate.opens_at().is_some()))
            .any(|push| changed_conversation(&push.event) == Some(conversation))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use bytes::Bytes;

    use super::{Next, Push, Reply, WriteQueue};
    use crate::delivery::{ChangedMembers, DeliveredMessage, Event, GAP_AFTER_REPLY, ReplyGate};
    use crate::ids::{ClientId, ConversationId, MessageId};
    use crate::store::MessageBody;
    use crate::timestamp::Timestamp;

    fn push(conversation: &str, by: &str, gate: Option<&ReplyGate>) -> Push {
        let event = Event::MembersJoined(ChangedMembers {
            conversation: ConversationId::new(conversation),
            members: Arc::from([]),
            by: ClientId::new(by),
            updated_at: Timestamp(0),
            server_timestamp: None,
        });
        Push { client: ClientId::new("alice"), event, gate: gate.cloned() }
    }

    fn message(conversation: &str, from: &str, gate: Option<&ReplyGate>) -> Push {
        let event = Event::Message(Arc::new(DeliveredMessage {
            conversation: ConversationId::new(conversation),
            id: MessageId::new("m"),
            from: ClientId::new(from),
            timestamp: Timestamp(0),
            body: MessageBody::Text(String::new()),
            mentions: Vec::new(),
            mention_all: false,
            transient: false,
        }));
        Push { client: ClientId::new("alice"), event, gate: gate.cloned() }
    }

    fn reply(name: &'static str, conversation: Option<&str>, gate: Option<&ReplyGate>) -> Reply {
        Reply {
            frame: Bytes::from_static(name.as_bytes()),
            conversation: conversation.map(ConversationId::new),
            gate: gate.cloned(),
        }
    }

    /// The names of all that may be written by `now`, marking replies as written.
    fn written(queue: &mut WriteQueue, now: Instant) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            match queue.next(now) {
                Next::Reply(reply) => {
                    if let Some(gate) = reply.gate {
                        gate.reply_written();
                    }
                    names.push(String::from_utf8(reply.frame.to_vec()).unwrap());
                }
                Next::Push(Push { event: Event::MembersJoined(change), .. }) => names.push(change.by.to_string()),
                Next::Push(Push { event: Event::Message(message), .. }) => names.push(message.from.to_string()),
                Next::Push(_) => unreachable!(),
                Next::At(_) | Next::Idle => return names,
            }
        }
    }

    #[test]
    fn a_held_push_waits_for_its_reply_and_the_gap() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        queue.push(push("c", "held", Some(&gate)));
        assert!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY * 10).is_empty());
        queue.reply(reply("reply", Some("c"), Some(&gate)));
        assert_eq!(written(&mut queue, Instant::now()), ["reply"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY), ["held"]);
    }

    #[test]
    fn pushes_keep_their_order_behind_a_held_one() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        queue.push(push("c", "held", Some(&gate)));
        queue.push(push("c", "later", None));
        assert!(written(&mut queue, Instant::now()).is_empty());
        gate.reply_written();
        assert_eq!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY), ["held", "later"]);
    }

    #[test]
    fn a_reply_overtakes_pushes_of_other_conversations_only() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        gate.reply_written();
        queue.push(push("c", "held", Some(&gate)));
        queue.reply(reply("same", Some("c"), None));
        queue.reply(reply("other", Some("d"), None));
        queue.reply(reply("none", None, None));
        assert_eq!(written(&mut queue, Instant::now()), ["other", "none"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY), ["held", "same"]);
    }

    #[test]
    fn a_reply_does_not_wait_for_messages() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        gate.reply_written();
        queue.push(message("c", "held", Some(&gate)));
        queue.reply(reply("ack", Some("c"), None));
        assert_eq!(written(&mut queue, Instant::now()), ["ack"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY), ["held"]);
    }

    #[test]
    fn requests_of_two_sessions_in_one_conversation_do_not_wait_for_each_other() {
        let (mut queue, first, second) = (WriteQueue::default(), ReplyGate::default(), ReplyGate::default());
        queue.push(push("c", "first", Some(&first)));
        queue.push(push("c", "second", Some(&second)));
        queue.reply(reply("second reply", Some("c"), Some(&second)));
        queue.reply(reply("first reply", Some("c"), Some(&first)));
        assert_eq!(written(&mut queue, Instant::now()), ["second reply", "first reply"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP_AFTER_REPLY), ["first", "second"]);
    }
}
