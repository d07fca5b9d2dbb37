//! The order in which one socket is written.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::gateway::byte_budget::HeldBytes;
use crate::gateway::outgoing::Shows;
use crate::gateway::protocol::pushes::changed_conversation;
use crate::gateway::reply_gate::{GAP, ReplyGate};
use hookd_im_core::delivery::Event;
use hookd_im_core::ids::{ClientId, ConversationId};

/// A finished reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// The encoded command.
    pub(super) frame: Bytes,
    /// What the client reads from it.
    pub(super) shows: Shows,
    /// Gets a signal when the frame has been written.
    pub(super) gate: Option<ReplyGate>,
    /// What it takes until then.
    pub(super) held: HeldBytes,
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
    /// What it takes until it is written.
    pub(super) held: HeldBytes,
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
    /// Ask again after more has been queued or written.
    Idle,
}

/// Replies and pushes that wait for one socket.
///
/// Pushes keep their order. Replies overtake pushes: a waiting user comes first. But a reply that shows a conversation
/// stays behind the changes of it that were queued before and only wait for time, and [`GAP`] away from them, and before
/// those that were queued after it: the client would apply the older state after the newer (P-45).
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    replies: VecDeque<Queued<Reply>>,
    pushes: VecDeque<Queued<Push>>,
    /// Changes of conversations that were written less than the gap ago.
    changes: VecDeque<Change>,
    queued: u64,
}

#[derive(Debug)]
struct Queued<T> {
    /// Counts what was queued on this socket.
    number: u64,
    item: T,
}

#[derive(Debug)]
struct Change {
    conversation: ConversationId,
    number: u64,
    /// `None` while its frame is being written.
    written_at: Option<Instant>,
}

/// When a reply may be written.
enum Turn {
    Now,
    At(Instant),
    AfterPushes,
}

impl WriteQueue {
    /// Queues a reply.
    pub(super) fn reply(&mut self, reply: Reply) {
        let queued = self.number(reply);
        self.replies.push_back(queued);
    }

    /// Queues a push.
    pub(super) fn push(&mut self, push: Push) {
        let queued = self.number(push);
        self.pushes.push_back(queued);
    }

    /// Frames that wait.
    pub(super) fn len(&self) -> usize {
        self.replies.len() + self.pushes.len()
    }

    /// Tells that everything taken so far has been written by now.
    pub(super) fn written(&mut self, now: Instant) {
        for change in &mut self.changes {
            change.written_at.get_or_insert(now);
        }
    }

    /// Takes the next frame that may be written.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        while self.changes.front().is_some_and(|change| change.written_at.is_some_and(|at| at + GAP <= now)) {
            self.changes.pop_front();
        }
        let mut wake = None;
        for position in 0..self.replies.len() {
            match self.replies.get(position).map_or(Turn::AfterPushes, |reply| self.turn_of(reply)) {
                Turn::Now => {
                    if let Some(Queued { item, .. }) = self.replies.remove(position) {
                        return Next::Reply(item);
                    }
                }
                Turn::At(time) => wake = Some(wake.map_or(time, |wake: Instant| wake.min(time))),
                Turn::AfterPushes => {}
            }
        }
        match self.pushes.front().and_then(|push| self.opens_at(push, now)) {
            Some(time) if time <= now => self.take_push(),
            Some(time) => Next::At(wake.map_or(time, |wake| wake.min(time))),
            None => wake.map_or(Next::Idle, Next::At),
        }
    }

    /// Takes the replies in their order, for a socket that is about to close.
    pub(super) fn take_replies(&mut self) -> impl Iterator<Item = Reply> + use<> {
        std::mem::take(&mut self.replies).into_iter().map(|queued| queued.item)
    }

    fn number<T>(&mut self, item: T) -> Queued<T> {
        self.queued = self.queued.wrapping_add(1);
        Queued { number: self.queued, item }
    }

    fn take_push(&mut self) -> Next {
        let Some(Queued { number, item }) = self.pushes.pop_front() else { return Next::Idle };
        if let Some(conversation) = changed_conversation(&item.event) {
            self.changes.push_back(Change { conversation: conversation.clone(), number, written_at: None });
        }
        Next::Push(item)
    }

    /// Pushes behind one whose cause has not been answered do not count: that answer could be the reply itself, or one
    /// that waits for it.
    fn turn_of(&self, reply: &Queued<Reply>) -> Turn {
        if reply.item.shows == Shows::Nothing {
            return Turn::Now;
        }
        let waits = self
            .pushes
            .iter()
            .take_while(|push| push.number < reply.number)
            .take_while(|push| push.item.gate.as_ref().is_none_or(|gate| gate.opens_at().is_some()))
            .any(|push| reply.item.is_about(&push.item));
        if waits {
            return Turn::AfterPushes;
        }
        let before = |change: &&Change| change.number < reply.number && reply.item.shows(&change.conversation);
        let last = self.changes.iter().rev().find(before);
        match last.map(|change| change.written_at) {
            None => Turn::Now,
            Some(None) => Turn::AfterPushes,
            Some(Some(written_at)) => Turn::At(written_at + GAP),
        }
    }

    /// `None`: after something else has been written.
    fn opens_at(&self, push: &Queued<Push>, now: Instant) -> Option<Instant> {
        let is_behind = |reply: &Queued<Reply>| reply.number < push.number && reply.item.is_about(&push.item);
        if self.replies.iter().any(is_behind) {
            return None;
        }
        match &push.item.gate {
            None => Some(now),
            Some(gate) => gate.opens_at(),
        }
    }
}

impl Reply {
    fn shows(&self, conversation: &ConversationId) -> bool {
        match &self.shows {
            Shows::Nothing => false,
            Shows::Conversation(shown) => shown == conversation,
            Shows::Anything => true,
        }
    }

    /// True when the push changes what the reply shows.
    fn is_about(&self, push: &Push) -> bool {
        changed_conversation(&push.event).is_some_and(|conversation| self.shows(conversation))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use bytes::Bytes;

    use super::{Next, Push, Reply, WriteQueue};
    use crate::gateway::byte_budget::HeldBytes;
    use crate::gateway::outgoing::Shows;
    use crate::gateway::reply_gate::{GAP, ReplyGate};
    use hookd_im_core::delivery::{ChangedMembers, DeliveredMessage, Event, Priority};
    use hookd_im_core::ids::{ClientId, ConversationId, MessageId};
    use hookd_im_core::store::{ConversationKind, MessageBody};
    use hookd_im_core::timestamp::Timestamp;

    fn push(conversation: &str, by: &str, gate: Option<&ReplyGate>) -> Push {
        let event = Event::MembersJoined(ChangedMembers {
            conversation: ConversationId::new(conversation),
            sequence: 1,
            members: Arc::from([]),
            by: ClientId::new(by),
            updated_at: Timestamp(0),
            server_timestamp: None,
        });
        Push { client: ClientId::new("alice"), event, gate: gate.cloned(), held: HeldBytes::default() }
    }

    fn message(conversation: &str, from: &str, gate: Option<&ReplyGate>) -> Push {
        let event = Event::Message(Arc::new(DeliveredMessage {
            conversation: ConversationId::new(conversation),
            kind: ConversationKind::Basic,
            id: MessageId::new("m"),
            from: ClientId::new(from),
            timestamp: Timestamp(0),
            sequence: Some(2),
            body: MessageBody::Text(String::new()),
            mentions: Vec::new(),
            mention_all: false,
            transient: false,
            priority: Priority::Normal,
        }));
        Push { client: ClientId::new("alice"), event, gate: gate.cloned(), held: HeldBytes::default() }
    }

    fn reply(name: &'static str, shows: Shows, gate: Option<&ReplyGate>) -> Reply {
        Reply { frame: Bytes::from_static(name.as_bytes()), shows, gate: gate.cloned(), held: HeldBytes::default() }
    }

    fn showing(conversation: &str) -> Shows {
        Shows::Conversation(ConversationId::new(conversation))
    }

    /// The names of all that may be written by `now`, marking them as written then.
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
                Next::At(_) | Next::Idle => break,
            }
        }
        queue.written(now);
        names
    }

    #[test]
    fn a_held_push_waits_for_its_reply_and_the_gap() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        queue.push(push("c", "held", Some(&gate)));
        assert!(written(&mut queue, Instant::now() + GAP * 10).is_empty());
        queue.reply(reply("reply", showing("c"), Some(&gate)));
        assert_eq!(written(&mut queue, Instant::now()), ["reply"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP), ["held"]);
    }

    #[test]
    fn pushes_keep_their_order_behind_a_held_one() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        queue.push(push("c", "held", Some(&gate)));
        queue.push(push("c", "later", None));
        assert!(written(&mut queue, Instant::now()).is_empty());
        gate.reply_written();
        assert_eq!(written(&mut queue, Instant::now() + GAP), ["held", "later"]);
    }

    #[test]
    fn a_reply_overtakes_pushes_of_other_conversations_only() {
        let (mut queue, gate) = (WriteQueue::default(), ReplyGate::default());
        gate.reply_written();
        queue.push(push("c", "held", Some(&gate)));
        queue.reply(reply("same", showing("c"), None));
        queue.reply(reply("other", showing("d"), None));
        queue.reply(reply("rows", Shows::Anything, None));
        queue.reply(reply("ack", Shows::Nothing, None));
        assert_eq!(written(&mut queue, Instant::now()), ["other", "ack"]);
        let opened = Instant::now() + GAP;
        assert_eq!(written(&mut queue, opened), ["held"]);
        assert_eq!(written(&mut queue, opened + GAP), ["same", "rows"]);
    }

    /// F-16.
    #[test]
    fn a_reply_keeps_the_gap_from_an_earlier_change_of_what_it_shows() {
        let (mut queue, now) = (WriteQueue::default(), Instant::now());
        queue.push(push("c", "change", None));
        assert_eq!(written(&mut queue, now), ["change"]);
        queue.reply(reply("reply", showing("c"), None));
        queue.reply(reply("rows", Shows::Anything, None));
        queue.reply(reply("other", showing("d"), None));
        queue.reply(reply("ack", Shows::Nothing, None));
        assert_eq!(written(&mut queue, now), ["other", "ack"]);
        assert!(matches!(queue.next(now), Next::At(time) if time == now + GAP));
        assert_eq!(written(&mut queue, now + GAP), ["reply", "rows"]);
    }

    #[test]
    fn a_reply_does_not_go_out_with_the_change_before_it() {
        let (mut queue, now) = (WriteQueue::default(), Instant::now());
        queue.push(push("c", "change", None));
        queue.reply(reply("reply", showing("c"), None));
        assert!(matches!(queue.next(now), Next::Push(_)));
        assert!(matches!(queue.next(now), Next::Idle), "the change is still being written");
        queue.written(now);
        assert!(matches!(queue.next(now), Next::At(time) if time == now + GAP));
    }

    #[test]
    fn changes_that_never_end_do_not_hold_a_reply_back_and_do_not_overtake_it() {
        let (mut queue, start) = (WriteQueue::default(), Instant::now());
        queue.push(push("c", "before", None));
        queue.reply(reply("reply", showing("c"), None));
        for _ in 0..3 {
            queue.push(push("c", "behind", None));
        }
        assert_eq!(written(&mut queue, start), ["before"]);
        queue.push(push("c", "behind", None));
        assert_eq!(written(&mut queue, start + GAP), ["reply", "behind", "behind", "behind", "behind"]);
    }

    #[test]
    fn messages_and_acks_wait_for_nothing() {
        let (mut queue, gate, now) = (WriteQueue::default(), ReplyGate::default(), Instant::now());
        queue.push(message("c", "hi", None));
        queue.push(push("c", "change", None));
        queue.reply(reply("reply", showing("c"), None));
        assert_eq!(written(&mut queue, now), ["hi", "change"]);
        queue.push(message("c", "more", None));
        queue.reply(reply("ack", Shows::Nothing, Some(&gate)));
        assert_eq!(written(&mut queue, now), ["ack", "more"]);
    }

    #[test]
    fn requests_of_two_sessions_in_one_conversation_do_not_wait_for_each_other() {
        let (mut queue, first, second) = (WriteQueue::default(), ReplyGate::default(), ReplyGate::default());
        queue.push(push("c", "first", Some(&first)));
        queue.push(push("c", "second", Some(&second)));
        queue.reply(reply("second reply", showing("c"), Some(&second)));
        queue.reply(reply("first reply", showing("c"), Some(&first)));
        assert_eq!(written(&mut queue, Instant::now()), ["second reply", "first reply"]);
        assert_eq!(written(&mut queue, Instant::now() + GAP), ["first", "second"]);
    }
}
