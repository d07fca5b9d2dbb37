//! Events for a session that has just logged in. A message is counted as unread or pushed, never both (P-46): the client would
//! count it twice.

use std::time::{Duration, Instant};

use hookd_im_core::delivery::{DeliveredMessage, Event, UnreadCounts};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::timestamp::Timestamp;

use super::byte_budget::HeldBytes;
use super::outgoing::OUTGOING_CAPACITY;
use super::reply_gate::ReplyGate;

/// A message that was counted may come to the delivery so much later: its sender waits for the store, and the store for the disk.
const LATEST_MESSAGE: Duration = Duration::from_secs(30);

/// An event that waits.
pub(super) struct WaitingEvent {
    pub(super) event: Event,
    pub(super) gate: Option<ReplyGate>,
    pub(super) held: HeldBytes,
}

/// How far a session is.
pub(super) enum LoginEvents {
    /// Its counts are not known yet: events wait for them, in their order.
    Waiting(Vec<WaitingEvent>),
    /// Messages of these conversations up to these times were counted.
    Counted {
        /// The conversations.
        until: Vec<(ConversationId, Timestamp)>,
        /// When it was told so.
        at: Instant,
    },
    /// Nothing was counted that may still come.
    Over,
}

impl LoginEvents {
    /// Keeps an event while the counts are not known; otherwise gives it back, if it is to be pushed. The error: too many wait.
    pub(super) fn pass(
        &mut self,
        client: &ClientId,
        waiting: WaitingEvent,
    ) -> Result<Option<WaitingEvent>, TooManyWait> {
        match self {
            // The session has ended, and is not told any counts.
            Self::Waiting(_) if matches!(waiting.event, Event::SessionClosed { .. }) => Ok(Some(waiting)),
            Self::Waiting(all) if all.len() >= OUTGOING_CAPACITY => Err(TooManyWait),
            Self::Waiting(all) => {
                all.push(waiting);
                Ok(None)
            }
            Self::Counted { at, .. } if at.elapsed() > LATEST_MESSAGE => {
                *self = Self::Over;
                Ok(Some(waiting))
            }
            Self::Counted { until, .. } => Ok((!is_counted(until, client, &waiting.event)).then_some(waiting)),
            Self::Over => Ok(Some(waiting)),
        }
    }

    /// The counts are known: answers the events that waited and were not counted.
    pub(super) fn counted(&mut self, client: &ClientId, counts: Option<&UnreadCounts>) -> Vec<WaitingEvent> {
        if !matches!(self, Self::Waiting(_)) {
            return Vec::new();
        }
        let until: Vec<_> = counts
            .into_iter()
            .flat_map(|counts| &counts.conversations)
            .map(|unread| (unread.conversation.clone(), unread.counted_until))
            .collect();
        let next = if until.is_empty() { Self::Over } else { Self::Counted { until, at: Instant::now() } };
        let Self::Waiting(waiting) = std::mem::replace(self, next) else { return Vec::new() };
        let Self::Counted { until, .. } = self else { return waiting };
        waiting.into_iter().filter(|waiting| !is_counted(until, client, &waiting.event)).collect()
    }
}

/// More events wait than a socket may have.
pub(super) struct TooManyWait;

/// Of its own messages a client counts none.
fn is_counted(until: &[(ConversationId, Timestamp)], client: &ClientId, event: &Event) -> bool {
    let Event::Message(message) = event else { return false };
    let DeliveredMessage { conversation, from, timestamp, transient, .. } = message.as_ref();
    !transient && from != client && until.iter().any(|(of, until)| of == conversation && timestamp <= until)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookd_im_core::delivery::{DeliveredMessage, Event, Priority, UnreadCounts};
    use hookd_im_core::ids::{ClientId, ConversationId, MessageId};
    use hookd_im_core::store::{ConversationKind, MessageBody, UnreadConversation};
    use hookd_im_core::timestamp::Timestamp;

    use super::{LoginEvents, OUTGOING_CAPACITY, WaitingEvent};
    use crate::gateway::byte_budget::HeldBytes;

    const COUNTED_UNTIL: i64 = 100;

    fn message(conversation: &str, from: &str, timestamp: i64) -> WaitingEvent {
        let message = DeliveredMessage {
            conversation: ConversationId::new(conversation),
            kind: ConversationKind::Basic,
            priority: Priority::Normal,
            id: MessageId::new("m"),
            from: ClientId::new(from),
            timestamp: Timestamp(timestamp),
            sequence: Some(1),
            body: MessageBody::Text(String::new()),
            mentions: Vec::new(),
            mention_all: false,
            transient: false,
        };
        WaitingEvent { event: Event::Message(Arc::new(message)), gate: None, held: HeldBytes::default() }
    }

    fn counts() -> UnreadCounts {
        let unread = UnreadConversation {
            conversation: ConversationId::new("counted"),
            kind: ConversationKind::Basic,
            count: 1,
            is_mentioned: false,
            last_message: None,
            counted_until: Timestamp(COUNTED_UNTIL),
            last_sequence: 2,
        };
        UnreadCounts { conversations: vec![unread], counted_at: Timestamp(COUNTED_UNTIL) }
    }

    /// P-46.
    #[test]
    fn a_message_is_counted_or_pushed_however_it_meets_the_counting() {
        let tom = ClientId::new("tom");
        let cases = [
            (message("counted", "jerry", COUNTED_UNTIL), false),
            (message("counted", "jerry", COUNTED_UNTIL + 1), true),
            (message("counted", "tom", COUNTED_UNTIL), true),
            (message("other", "jerry", COUNTED_UNTIL), true),
        ];
        for (at, (event, is_pushed)) in cases.into_iter().enumerate() {
            let again = WaitingEvent { event: event.event.clone(), gate: None, held: HeldBytes::default() };
            let mut events = LoginEvents::Waiting(Vec::new());
            assert!(matches!(events.pass(&tom, event), Ok(None)), "it waits");
            assert_eq!(!events.counted(&tom, Some(&counts())).is_empty(), is_pushed, "before the counting: {at}");
            assert_eq!(matches!(events.pass(&tom, again), Ok(Some(_))), is_pushed, "after the counting: {at}");
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let (tom, mut events) = (ClientId::new("tom"), LoginEvents::Waiting(Vec::new()));
        for _ in 0..OUTGOING_CAPACITY {
            assert!(events.pass(&tom, message("c", "jerry", 1)).is_ok());
        }
        assert!(events.pass(&tom, message("c", "jerry", 1)).is_err());
        assert_eq!(events.counted(&tom, None).len(), OUTGOING_CAPACITY);
    }
}
