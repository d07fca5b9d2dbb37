//! What a receiver makes of events that come late, twice or never.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookd_im_core::actor::Origin;
use hookd_im_core::delivery::{
    Addressee, Bus, DeliveredMessage, Delivery, DeliveryBetweenNodes, DeliveryNotice, Envelope, Event, Newest, Notice,
    OwnedPush, Place, Position, Priority, Push, Receiver, ReceiverLimits, Recipient,
};
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId, SessionId};
use hookd_im_core::keyed_locks::ConversationLocks;
use hookd_im_core::presence::{ChatRooms, OnlineSubscribers};
use hookd_im_core::store::{
    ConversationKind, EventRange, MessageBody, StoreError, StoredEvent, StoredEventLog, StoredEvents, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use tokio::task::JoinHandle;

use crate::world::in_short;

const HOLD: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_secs(60);

/// A store that has what the test puts there.
#[derive(Default)]
struct Log {
    events: Mutex<Vec<StoredEvent>>,
    reads: Mutex<Vec<EventRange>>,
    fails: AtomicBool,
}

#[async_trait]
impl StoredEventLog for Log {
    async fn stored_events(
        &self,
        _: &AppId,
        _: &ConversationId,
        range: EventRange,
    ) -> Result<Option<StoredEvents>, StoreError> {
        self.reads.lock().unwrap().push(range);
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let all = self.events.lock().unwrap();
        let is_meant = |event: &&StoredEvent| event.sequence() > range.after && time(event) >= range.since;
        let events = all.iter().filter(is_meant).take(range.limit).cloned().collect();
        let last_sequence = all.last().map_or(0, StoredEvent::sequence);
        Ok(Some(StoredEvents {
            kind: ConversationKind::Basic,
            events,
            members: vec![ClientId::new("tom"), ClientId::new("jerry")],
            last_sequence,
        }))
    }
}

fn time(event: &StoredEvent) -> Timestamp {
    match event {
        StoredEvent::Message { message, .. } => message.timestamp,
        StoredEvent::MembersChanged(change) => change.changed_at,
    }
}

/// What came to sessions, in short, with those that got it.
#[derive(Default)]
struct Seen {
    events: Mutex<Vec<(String, Vec<Addressee>)>>,
    opened_until: Mutex<Vec<Timestamp>>,
}

impl Delivery for Seen {
    fn deliver(&self, _: &AppId, recipients: &[Recipient<'_>], event: &Event, _: Option<Origin>) {
        let mut recipients: Vec<Addressee> = recipients.iter().copied().map(Addressee::from).collect();
        recipients.sort_by_key(|recipient| format!("{recipient:?}"));
        self.events.lock().unwrap().push((in_short(event), recipients));
    }

    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        origin: Option<Origin>,
        opened_until: Timestamp,
    ) {
        self.opened_until.lock().unwrap().push(opened_until);
        self.deliver(app, recipients, event, origin);
    }

    fn rooms(&self) -> Arc<ChatRooms> {
        Arc::default()
    }

    fn subscribers(&self) -> Arc<OnlineSubscribers> {
        Arc::default()
    }

    fn close_app(&self, _: &AppId) {}
}

/// A bus that only remembers.
#[derive(Default)]
struct Said(Mutex<Vec<Notice>>);

impl Bus for Said {
    fn publish(&self, notice: &Notice) {
        self.0.lock().unwrap().push(notice.clone());
    }
}

struct Scene {
    log: Arc<Log>,
    seen: Arc<Seen>,
    said: Arc<Said>,
    delivery: Arc<DeliveryBetweenNodes>,
    receiver: Arc<Receiver>,
    locks: Arc<ConversationLocks>,
    began: Timestamp,
    running: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Scene {
    fn new() -> Self {
        Self::with(ReceiverLimits { hold: HOLD, window: WINDOW, page: 3, ..ReceiverLimits::default() })
    }

    fn with(limits: ReceiverLimits) -> Self {
        let (log, seen, said) = (Arc::<Log>::default(), Arc::<Seen>::default(), Arc::<Said>::default());
        let delivery = Arc::new(DeliveryBetweenNodes::new(seen.clone(), log.clone(), said.clone(), limits));
        let locks = Arc::<ConversationLocks>::default();
        let (running, of_use_cases) = (delivery.clone(), locks.clone());
        let running = tokio::spawn(async move { running.run(&of_use_cases).await });
        let receiver = delivery.receiver();
        Self { log, seen, said, delivery, receiver, locks, began: Timestamp::now(), running }
    }

    /// The events of these numbers are stored.
    fn stored(&self, sequences: impl IntoIterator<Item = u64>) {
        let message = |sequence| StoredEvent::Message { message: self.stored_message(sequence), receivers: None };
        self.log.events.lock().unwrap().extend(sequences.into_iter().map(message));
    }

    fn stored_message(&self, sequence: u64) -> StoredMessage {
        StoredMessage {
            acknowledged_at: None,
            id: MessageId::new(sequence.to_string()),
            timestamp: self.began,
            from: ClientId::new("tom"),
            body: MessageBody::Text(format!("{sequence} of the store")),
            mentions: Vec::new(),
            mention_all: false,
            patched_at: None,
            sequence,
        }
    }

    /// An event of this number comes from another node. Something was stored just before it.
    fn comes(&self, sequence: u64) {
        self.comes_after(sequence, self.began);
    }

    fn comes_after(&self, sequence: u64, previous_at: Timestamp) {
        self.comes_at(Position::Stored { sequence, at: self.began, previous_at }, &sequence.to_string());
    }

    fn comes_at(&self, position: Position, text: &str) {
        let event = message(text, matches!(position, Position::After(_)));
        let pushes = vec![OwnedPush { recipients: vec![Addressee::Client(ClientId::new("jerry"))], event }];
        let envelope = Envelope { app: app(), place: Place { conversation: conversation(), position }, pushes };
        let text = serde_json::to_string(&DeliveryNotice::Events(envelope)).unwrap();
        self.receiver.receive(serde_json::from_str(&text).unwrap());
    }

    fn is_announced(&self, sequence: u64) {
        let newest = Newest { app: app(), conversation: conversation(), sequence, at: self.began };
        self.receiver.receive(DeliveryNotice::Newest(vec![newest]));
    }

    /// What came to sessions since the last look.
    fn news(&self) -> Vec<String> {
        self.seen.events.lock().unwrap().drain(..).map(|(event, _)| event.replace("tom says ", "")).collect()
    }

    fn reads(&self) -> Vec<u64> {
        self.log.reads.lock().unwrap().drain(..).map(|range| range.after).collect()
    }
}

fn app() -> AppId {
    AppId::new("demo")
}

fn conversation() -> ConversationId {
    ConversationId::new("64f0c0ffee0000000000a001")
}

fn message(text: &str, transient: bool) -> Event {
    Event::Message(Arc::new(DeliveredMessage {
        conversation: conversation(),
        kind: ConversationKind::Basic,
        id: MessageId::generate(),
        from: ClientId::new("tom"),
        timestamp: Timestamp::now(),
        sequence: None,
        body: MessageBody::Text(text.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        transient,
        priority: Priority::Normal,
    }))
}

/// Time passes: so much that what waits has waited too long.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn events_in_order_come_at_once_and_once() {
    let scene = Scene::new();
    for sequence in [1, 2, 2, 3, 1, 3] {
        scene.comes(sequence);
    }
    assert_eq!(scene.news(), ["1", "2", "3"]);
    pass(WINDOW).await;
    assert!(scene.reads().is_empty());
    assert!(scene.news().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_overtaken_is_waited_for() {
    let scene = Scene::new();
    for sequence in [1, 4, 3] {
        scene.comes(sequence);
    }
    assert_eq!(scene.news(), ["1"]);
    pass(HOLD / 2).await;
    scene.comes(2);
    assert_eq!(scene.news(), ["2", "3", "4"]);
    pass(WINDOW).await;
    assert!(scene.reads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_read_from_the_store() {
    let scene = Scene::new();
    scene.stored(1..=9);
    for sequence in [1, 8, 9] {
        scene.comes(sequence);
    }
    pass(HOLD * 2).await;
    let lost: Vec<String> = (2..=7).map(|sequence| format!("{sequence} of the store")).collect();
    assert_eq!(scene.news(), [&["1".to_owned()], lost.as_slice(), &["8".to_owned(), "9".to_owned()]].concat());
    assert_eq!(scene.reads(), [1, 4], "a page at a time");
    for sequence in [3, 7, 9] {
        scene.comes(sequence);
    }
    assert!(scene.news().is_empty());
    scene.comes(10);
    assert_eq!(scene.news(), ["10"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_use_case_has_committed_and_not_handed_over_yet_is_not_read() {
    let scene = Scene::new();
    scene.stored(1..=3);
    scene.comes(1);
    let commits = scene.locks.lock(&app(), &conversation()).await;
    scene.comes(3);
    pass(HOLD * 5).await;
    assert!(scene.reads().is_empty());
    scene.comes(2);
    drop(commits);
    pass(HOLD * 5).await;
    assert_eq!(scene.news(), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn who_was_a_member_and_the_senders_other_sessions_get_what_is_read() {
    let scene = Scene::new();
    scene.delivery.note_unanswered(&MessageId::new("2"), Some(SessionId(7)));
    scene.stored(1..=3);
    scene.comes(1);
    scene.comes(3);
    pass(HOLD * 2).await;
    let seen = scene.seen.events.lock().unwrap();
    let than = Some(SessionId(7));
    let expected =
        [Addressee::Client(ClientId::new("jerry")), Addressee::OtherSessions { client: ClientId::new("tom"), than }];
    assert_eq!(seen[1], ("tom says 2 of the store".to_owned(), expected.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_a_session_was_opened_is_not_for_it() {
    let scene = Scene::new();
    scene.stored(1..=3);
    scene.comes(1);
    scene.comes(3);
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["1", "2 of the store", "3"]);
    let opened_until = scene.seen.opened_until.lock().unwrap();
    assert_eq!(
        *opened_until,
        [scene.began.plus(Duration::from_secs(1)); 3],
        "P-46, and a second for clocks that differ"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_event_after_a_silence_comes_at_once() {
    let scene = Scene::new();
    scene.stored(1..=5);
    scene.comes_after(5, Timestamp(0));
    assert_eq!(scene.news(), ["5"], "what was before this node began is not its business");
    pass(WINDOW).await;
    assert!(scene.reads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_came_shortly_before_the_first_event_is_looked_for() {
    let scene = Scene::new();
    scene.stored(4..=5);
    scene.comes(5);
    assert!(scene.news().is_empty());
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["4 of the store", "5"]);
    let reads: Vec<EventRange> = scene.log.reads.lock().unwrap().clone();
    assert_eq!(reads.len(), 1);
    assert!(scene.began.since(reads[0].since) < Duration::from_secs(5), "not what was before this node began");
}

#[tokio::test(start_paused = true)]
async fn a_lost_end_is_found_by_its_announcement() {
    let scene = Scene::new();
    scene.stored(1..=3);
    scene.comes(1);
    scene.is_announced(1);
    pass(WINDOW / 2).await;
    assert!(scene.reads().is_empty());
    scene.is_announced(3);
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["1", "2 of the store", "3 of the store"]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_of_which_nothing_came_is_found_by_its_announcement() {
    let scene = Scene::new();
    scene.stored(1..=1);
    scene.is_announced(1);
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["1 of the store"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_announces_what_it_has_committed() {
    let scene = Scene::new();
    let (app, at) = (app(), scene.began);
    for sequence in [1, 2] {
        let position = Position::Stored { sequence, at, previous_at: at };
        let place = Place { conversation: conversation(), position };
        let push = Push { recipients: Vec::new(), event: message("hi", false) };
        scene.delivery.deliver_at(&app, &place, &[push], None);
    }
    pass(WINDOW * 2).await;
    let said = scene.said.0.lock().unwrap();
    let newest = said.iter().filter_map(|notice| match notice {
        Notice::Delivery(DeliveryNotice::Newest(newest)) => Some(newest.as_slice()),
        _ => None,
    });
    let announced: Vec<u64> = newest.flatten().map(|newest| newest.sequence).collect();
    assert!((5..10).contains(&announced.len()), "{announced:?}");
    assert!(announced.iter().all(|sequence| *sequence == 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_stored_comes_after_what_it_is_about_and_causes_no_read() {
    let scene = Scene::new();
    scene.comes_at(Position::After(7), "at once, nothing is known");
    scene.comes(1);
    scene.comes_at(Position::After(1), "after 1");
    scene.comes_at(Position::After(2), "after 2");
    assert_eq!(scene.news(), ["at once, nothing is known", "1", "after 1"]);
    scene.comes(2);
    assert_eq!(scene.news(), ["2", "after 2"]);
    scene.comes_at(Position::After(9), "late");
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["late"]);
    pass(WINDOW).await;
    assert!(scene.reads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_app_may_hold_back_is_bounded() {
    let limits = ReceiverLimits { hold: HOLD, window: WINDOW, held_bytes: 2000, ..ReceiverLimits::default() };
    let scene = Scene::with(limits);
    scene.stored(1..=50);
    scene.comes(1);
    for sequence in 3..=50 {
        scene.comes(sequence);
    }
    scene.comes_at(Position::After(50), "no room for what is not stored");
    scene.comes_at(Position::After(1), "needs no room");
    pass(HOLD * 2).await;
    let news = scene.news();
    assert_eq!(news[..2], ["1", "needs no room"]);
    assert_eq!(news.len(), 51);
    let from_store = news.iter().filter(|text| text.ends_with("of the store")).count();
    assert!((40..49).contains(&from_store), "{from_store}: what found room was not read");
    scene.comes(52);
    scene.comes(51);
    assert_eq!(scene.news(), ["51", "52"], "the room is free again");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again() {
    let scene = Scene::new();
    scene.stored(1..=3);
    scene.log.fails.store(true, Ordering::SeqCst);
    scene.comes(1);
    scene.comes(3);
    pass(HOLD * 10).await;
    assert_eq!(scene.news(), ["1"]);
    assert!((3..20).contains(&scene.reads().len()));
    scene.log.fails.store(false, Ordering::SeqCst);
    pass(HOLD * 2).await;
    assert_eq!(scene.news(), ["2 of the store", "3"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_have_is_given_up() {
    let scene = Scene::new();
    scene.log.fails.store(true, Ordering::SeqCst);
    scene.comes(1);
    scene.comes(3);
    pass(WINDOW + HOLD * 4).await;
    assert_eq!(scene.news(), ["1", "3"]);
    scene.comes(4);
    assert_eq!(scene.news(), ["4"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_perhaps_not_delivered_comes_late_and_once() {
    let scene = Scene::new();
    scene.comes_after(5, Timestamp(0));
    scene.comes(6);
    for _ in 0..2 {
        scene.comes_at(Position::Late { sequence: 4 }, "4, which this node has not seen");
        scene.comes_at(Position::Late { sequence: 6 }, "6 again");
    }
    assert_eq!(scene.news(), ["5", "6", "4, which this node has not seen"]);
}

#[tokio::test(start_paused = true)]
async fn too_many_silent_conversations_are_forgotten_and_come_only_once() {
    let limits = ReceiverLimits { hold: HOLD, window: WINDOW, conversations: 32, ..ReceiverLimits::default() };
    let scene = Scene::with(limits);
    scene.stored(1..=1);
    scene.comes(1);
    for number in 0..1000 {
        let newest = Envelope {
            app: app(),
            place: Place {
                conversation: ConversationId::new(format!("{number:024}")),
                position: Position::Stored { sequence: 1, at: Timestamp::now(), previous_at: Timestamp::now() },
            },
            pushes: Vec::new(),
        };
        scene.receiver.receive(DeliveryNotice::Events(newest));
    }
    scene.comes(1);
    scene.is_announced(1);
    pass(HOLD * 4).await;
    assert_eq!(scene.news(), ["1"]);
}
