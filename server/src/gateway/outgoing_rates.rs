//! How many messages go out to the clients of an app in a second (S-27).
//!
//! Every message to a session counts. Beyond the rate those are dropped that clients do not count on: messages that nobody stores.
//! Messages of the history always go out (S-46): a client that missed one would not know.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use hookd_im_core::delivery::{DeliveredMessage, Event};
use hookd_im_core::ids::AppId;
use hookd_im_core::store::ConversationKind;
use metrics::{counter, describe_counter};

const DROPPED: &str = "hookd_outgoing_messages_dropped_total";

type Limiter = RateLimiter<
    NotKeyed,
    InMemoryState,
    MonotonicClock,
    NoOpMiddleware<<MonotonicClock as governor::clock::Clock>::Instant>,
>;

/// Gives the metric its help text. Called once, after the recorder is installed.
pub(crate) fn describe() {
    describe_counter!(DROPPED, "Messages to sessions that were dropped because their app sends out too many.");
}

/// What the apps send out.
#[derive(Default)]
pub(super) struct OutgoingRates(RwLock<HashMap<AppId, OfApp>>);

#[derive(Clone)]
struct OfApp {
    per_second: NonZeroU32,
    limiter: Arc<Limiter>,
}

/// The rate of an app, for one event.
pub(super) struct OutgoingRate {
    limiter: Arc<Limiter>,
    is_droppable: bool,
}

impl OutgoingRates {
    /// For an event of an app that may send out so many messages in a second; `None` when the event does not count.
    pub(super) fn of(&self, app: &AppId, per_second: u32, event: &Event) -> Option<OutgoingRate> {
        let Event::Message(message) = event else { return None };
        let per_second = NonZeroU32::new(per_second)?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(app).cloned();
        let of_app = known.filter(|known| known.per_second == per_second).unwrap_or_else(|| {
            let clock = MonotonicClock;
            let limiter = RateLimiter::direct_with_clock(Quota::per_second(per_second), clock);
            let new = OfApp { per_second, limiter: Arc::new(limiter) };
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(app.clone(), new.clone());
            new
        });
        Some(OutgoingRate { limiter: of_app.limiter, is_droppable: is_droppable(message) })
    }

    /// Forgets an app that was deleted.
    pub(super) fn forget_app(&self, app: &AppId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(app);
    }
}

impl OutgoingRate {
    /// Counts the event for one session; false when it is dropped.
    pub(super) fn lets_through(&self) -> bool {
        let is_within = self.limiter.check().is_ok() || !self.is_droppable;
        if !is_within {
            counter!(DROPPED).increment(1);
        }
        is_within
    }
}

fn is_droppable(message: &DeliveredMessage) -> bool {
    message.transient || message.kind == ConversationKind::ChatRoom
}
