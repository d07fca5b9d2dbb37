//! Puts the events of this node and of others into the order of their conversations, and fetches what is missing.
//!
//! The way between nodes may lose events, double them, and change their order. Each stored event carries its number: the
//! receiver hands those of a conversation to the sessions of this node once and by their numbers. It holds back what is ahead
//! for a moment, and then reads the missing ones from the store.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use moka::sync::Cache;
use tokio::sync::Notify;
use tokio::time::{Instant, interval, sleep_until};

use super::order::{Held, Order};
use super::{Delivery, DeliveryNotice, Envelope, Newest, OwnedPush, Position, Recipient, recovered};
use crate::actor::Origin;
use crate::ids::{AppId, ConversationId, MessageId, SessionId};
use crate::keyed_locks::ConversationLocks;
use crate::store::{EventRange, StoredEventLog};
use crate::timestamp::Timestamp;

/// Parts of the conversations; those of different parts do not wait for each other.
const SHARDS: usize = 16;

/// Conversations whose events are read at a time.
const READS_AT_A_TIME: usize = 4;

/// How much the clocks of two nodes may differ: a session that was opened so long after an event at most may be one of its
/// receivers.
const CLOCK_DIFFERENCE_MS: i64 = 1000;

/// Messages without an answer that are remembered.
const UNANSWERED: u64 = 10_000;

/// What a receiver keeps, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverLimits {
    /// How long a missing event may be on its way before the store is read.
    pub hold: Duration,
    /// How long the numbers of a conversation are known at least after its last event. What is older was received, or is not
    /// looked for any more: nodes announce for as long what they have committed.
    pub window: Duration,
    /// Bytes of events of one app that are held back. Where it has more, they are read from the store.
    pub held_bytes: usize,
    /// Conversations whose numbers are known. Beyond it those that are silent for longest are forgotten.
    pub conversations: usize,
    /// Events that one read takes.
    pub page: usize,
}

impl Default for ReceiverLimits {
    fn default() -> Self {
        Self {
            hold: Duration::from_millis(250),
            window: Duration::from_secs(60),
            held_bytes: 8 * 1024 * 1024,
            // About 300 bytes each.
            conversations: 1_000_000,
            page: 100,
        }
    }
}

type Key = (AppId, ConversationId);

/// The events on their way to the sessions of one node.
pub struct Receiver {
    store: Arc<dyn StoredEventLog>,
    sessions: Arc<dyn Delivery>,
    limits: ReceiverLimits,
    shards: [Mutex<Shard>; SHARDS],
    /// When to look at conversations in which something waits.
    due: Mutex<BTreeSet<(Instant, Key)>>,
    has_due: Notify,
    held_bytes: Mutex<HashMap<AppId, usize>>,
    /// Sessions of this node whose messages may be stored without an answer.
    unanswered: Cache<MessageId, SessionId>,
}

/// The conversations of one part. What is ready is handed over under its lock, which keeps the order.
struct Shard {
    orders: HashMap<Key, Order>,
    /// This node could not hear of what was before.
    known_since: Timestamp,
    /// What was before may have been handed over, also where nothing is known of it.
    forgotten_until: Timestamp,
}

impl Receiver {
    /// Of a node that starts now. `sessions` are those of this node, `store` is read where something is missing.
    pub fn new(store: Arc<dyn StoredEventLog>, sessions: Arc<dyn Delivery>, limits: ReceiverLimits) -> Self {
        // Other nodes may have stored events after this moment, and have earlier clocks.
        let known_since = Timestamp(Timestamp::now().0.saturating_sub(CLOCK_DIFFERENCE_MS));
        let shard = || Shard { orders: HashMap::new(), known_since, forgotten_until: Timestamp(0) };
        Self {
            store,
            sessions,
            limits,
            shards: std::array::from_fn(|_| Mutex::new(shard())),
            due: Mutex::default(),
            has_due: Notify::new(),
            held_bytes: Mutex::default(),
            unanswered: Cache::builder().max_capacity(UNANSWERED).time_to_live(limits.window * 2).build(),
        }
    }

    /// Takes what another node says. No I/O.
    pub fn receive(&self, notice: DeliveryNotice) {
        match notice {
            DeliveryNotice::Events(envelope) => {
                let heard_at = envelope.place.position.at().unwrap_or_else(Timestamp::now);
                self.accept(envelope, heard_at, None);
            }
            DeliveryNotice::Newest(newest) => newest.iter().for_each(|newest| self.hear_of(newest)),
        }
    }

    /// Takes events that a use case of this node hands over. On the connection of `origin` they wait for its reply.
    pub(super) fn accept_own(&self, envelope: Envelope, origin: Option<Origin>) {
        self.accept(envelope, Timestamp::now(), origin);
    }

    fn accept(&self, envelope: Envelope, heard_at: Timestamp, origin: Option<Origin>) {
        let Envelope { app, place, pushes } = envelope;
        let (key, held, now) =
            ((app, place.conversation), Held::new(pushes, origin, place.position.at()), Instant::now());
        match place.position {
            Position::Stored { sequence, previous_at, .. } => self.change(&key, heard_at, |order, since| {
                if sequence == 1 || previous_at < since {
                    order.begin_after(sequence.saturating_sub(1));
                }
                if order.would_wait(sequence) && !self.has_room(&key.0, held.bytes) {
                    order.hear_of(sequence, now);
                    return Vec::new();
                }
                order.accept(sequence, held, now)
            }),
            Position::Late { sequence } => {
                self.change(&key, heard_at, |order, _| order.accept_late(sequence, held, now));
            }
            Position::After(after) => self.accept_transient(&key, after, held, now),
        }
    }

    /// Where the store has this message, the session that sent it does not get it as another's.
    pub(super) fn note_unanswered(&self, message: MessageId, sender: SessionId) {
        self.unanswered.insert(message, sender);
    }

    /// Forgets an app that was deleted.
    pub(super) fn forget_app(&self, app: &AppId) {
        for shard in &self.shards {
            lock(shard).orders.retain(|(of, _), _| of != app);
        }
        lock(&self.held_bytes).remove(app);
    }

    /// Reads what is missing, until it is dropped. The locks are those of the use cases of this node: what one of them has
    /// committed and not handed over yet is not read as missing.
    pub async fn run(&self, locks: &ConversationLocks) {
        let mut reads = FuturesUnordered::new();
        let mut sweeps = interval(self.limits.window);
        loop {
            let next = lock(&self.due).first().map(|(due, _)| *due);
            let may_read = next.is_some() && reads.len() < READS_AT_A_TIME;
            tokio::select! {
                () = self.has_due.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if may_read => {
                    reads.extend(self.next_due().map(|key| self.look_after(key, locks)));
                }
                Some(()) = reads.next(), if !reads.is_empty() => {}
                _ = sweeps.tick() => self.sweep(),
            }
        }
    }

    /// An event that is not stored makes no state, and no read.
    fn accept_transient(&self, key: &Key, after: u64, held: Held, now: Instant) {
        let mut shard = lock(self.shard(key));
        let Some(order) = shard.orders.get_mut(key) else { return self.hand_over(&key.0, vec![held]) };
        if order.transient_would_wait(after) && !self.has_room(&key.0, held.bytes) {
            return;
        }
        let before = order.held_bytes();
        match order.accept_transient(after, held, now) {
            Some(ready) => self.hand_over(&key.0, vec![ready]),
            None => self.schedule(now + self.limits.hold, key),
        }
        self.count_held(&key.0, before, order.held_bytes());
    }

    fn hear_of(&self, newest: &Newest) {
        let key = (newest.app.clone(), newest.conversation.clone());
        self.change(&key, newest.at, |order, _| {
            order.hear_of(newest.sequence, Instant::now());
            Vec::new()
        });
    }

    /// Changes the state of a conversation, and hands over what is ready then. `heard_at` is the time of the event that this is
    /// about: one that comes later than the numbers are known for makes no state. The change learns since when this node could
    /// hear of everything.
    fn change(&self, key: &Key, heard_at: Timestamp, change: impl FnOnce(&mut Order, Timestamp) -> Vec<Held>) {
        let mut shard = lock(self.shard(key));
        self.make_room(&mut shard);
        let since = self.since(&shard);
        let too_late = self.window_start().max(shard.forgotten_until);
        let order = match shard.orders.entry(key.clone()) {
            Entry::Occupied(order) => order.into_mut(),
            Entry::Vacant(_) if heard_at < too_late => return,
            Entry::Vacant(place) => place.insert(Order::new(Instant::now())),
        };
        self.hand_over_changed(key, order, |order| change(order, since));
    }

    fn hand_over_changed(&self, key: &Key, order: &mut Order, change: impl FnOnce(&mut Order) -> Vec<Held>) {
        let before = order.held_bytes();
        let ready = change(order);
        self.count_held(&key.0, before, order.held_bytes());
        self.hand_over(&key.0, ready);
        if let Some(since) = order.missing_since() {
            self.schedule(since + self.limits.hold, key);
        }
    }

    fn hand_over(&self, app: &AppId, ready: Vec<Held>) {
        for Held { pushes, origin, at, .. } in ready {
            for OwnedPush { recipients, event } in &pushes {
                let recipients: Vec<Recipient<'_>> = recipients.iter().map(super::Addressee::borrowed).collect();
                match at {
                    Some(at) => {
                        let opened_until = Timestamp(at.0.saturating_add(CLOCK_DIFFERENCE_MS));
                        self.sessions.deliver_late(app, &recipients, event, origin, opened_until);
                    }
                    None => self.sessions.deliver(app, &recipients, event, origin),
                }
            }
        }
    }

    /// Looks after a conversation in which something waits.
    async fn look_after(&self, key: Key, locks: &ConversationLocks) {
        let (app, conversation) = &key;
        let mut hold = self.limits.hold;
        while let Some(range) = self.begin_reading(&key, hold) {
            // Every holder has only the store to wait for, and a deadline there, as the read has.
            let _lock = locks.lock(app, conversation).await;
            let read = self.store.stored_events(app, conversation, range).await;
            let now = Instant::now();
            let (events, until, is_all) = match read {
                Ok(Some(stored)) => {
                    let is_all = stored.events.len() < range.limit;
                    let last = stored.events.last().map_or(0, crate::store::StoredEvent::sequence);
                    let until = if is_all { stored.last_sequence } else { last };
                    (recovered::pushes(conversation, stored, |id| self.unanswered.get(id)), until, is_all)
                }
                Ok(None) => (Vec::new(), 0, true),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(%app, %conversation, error, "missing events cannot be read");
                    return self.change_known(&key, |order| {
                        order.read_failed(now);
                        Vec::new()
                    });
                }
            };
            tracing::debug!(%app, %conversation, events = events.len(), until, "missing events are read from the store");
            self.change_known(&key, |order| order.read(events, until, now));
            if is_all {
                return;
            }
            // The next page has waited already.
            hold = Duration::ZERO;
        }
    }

    /// The range to read now; `None` when nothing is missing for as long as `hold`.
    fn begin_reading(&self, key: &Key, hold: Duration) -> Option<EventRange> {
        let now = Instant::now();
        let came_until = now.checked_sub(self.limits.hold)?;
        let mut shard = lock(self.shard(key));
        let since = self.since(&shard);
        let order = shard.orders.get_mut(key)?;
        self.hand_over_changed(key, order, |order| order.overdue_transient(came_until));
        if order.vain_since().is_some_and(|vain| now.duration_since(vain) > self.limits.window) {
            tracing::error!(app = %key.0, conversation = %key.1, "events are given up: the store does not have them");
            self.hand_over_changed(key, order, |order| order.give_up(now));
        }
        if let Some(waits) = order.transient_since() {
            self.schedule(waits + self.limits.hold, key);
        }
        order.missing_since().filter(|missing| now.duration_since(*missing) >= hold)?;
        Some(match order.begin_reading() {
            Some(after) => EventRange { after, since: Timestamp(0), limit: self.limits.page },
            None => EventRange { after: 0, since, limit: self.limits.page },
        })
    }

    fn change_known(&self, key: &Key, change: impl FnOnce(&mut Order) -> Vec<Held>) {
        let mut shard = lock(self.shard(key));
        if let Some(order) = shard.orders.get_mut(key) {
            self.hand_over_changed(key, order, change);
        }
    }

    fn schedule(&self, due: Instant, key: &Key) {
        let mut all = lock(&self.due);
        if all.insert((due, key.clone())) && all.first().is_some_and(|(first, _)| *first == due) {
            self.has_due.notify_one();
        }
    }

    fn next_due(&self) -> Option<Key> {
        let mut due = lock(&self.due);
        due.first().filter(|(due, _)| *due <= Instant::now())?;
        due.pop_first().map(|(_, key)| key)
    }

    /// Since when this node has heard of everything, or could have.
    fn since(&self, shard: &Shard) -> Timestamp {
        shard.known_since.max(self.window_start())
    }

    fn window_start(&self) -> Timestamp {
        let window = i64::try_from(self.limits.window.as_millis()).unwrap_or(i64::MAX);
        Timestamp(Timestamp::now().0.saturating_sub(window))
    }

    fn has_room(&self, app: &AppId, bytes: usize) -> bool {
        let held = lock(&self.held_bytes).get(app).copied().unwrap_or(0);
        held.saturating_add(bytes) <= self.limits.held_bytes
    }

    fn count_held(&self, app: &AppId, before: usize, now: usize) {
        if before == now {
            return;
        }
        let mut held_bytes = lock(&self.held_bytes);
        let held = held_bytes.entry(app.clone()).or_default();
        *held = held.saturating_sub(before).saturating_add(now);
        if *held == 0 {
            held_bytes.remove(app);
        }
    }

    /// Forgets conversations of which nothing was heard for long. The second window is for clocks that differ.
    fn sweep(&self) {
        let Some(then) = Instant::now().checked_sub(self.limits.window * 2) else { return };
        self.shards.iter().for_each(|shard| lock(shard).orders.retain(|_, order| !order.is_idle_since(then)));
    }

    /// Forgets the half that is silent for longest where there are too many: of those nothing is known from then on, and
    /// nothing earlier is looked for.
    fn make_room(&self, shard: &mut Shard) {
        if shard.orders.len() < (self.limits.conversations / SHARDS).max(1) {
            return;
        }
        let mut touched: Vec<Instant> = shard.orders.values().map(Order::touched).collect();
        let middle = touched.len() / 2;
        let (_, median, _) = touched.select_nth_unstable(middle);
        let median = *median;
        shard.orders.retain(|_, order| order.touched() > median || !order.is_at_rest());
        shard.known_since = Timestamp::now();
        shard.forgotten_until = shard.known_since;
        tracing::warn!("the numbers of silent conversations are forgotten: there are too many");
    }

    fn shard(&self, key: &Key) -> &Mutex<Shard> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "a remainder of the number of parts")]
        &self.shards[place]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
