//! One of two IM cores on one database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookd_im_core::actor::{Actor, Identity, Origin};
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::core::ImCore;
use hookd_im_core::delivery::{Delivery, DeliveryBetweenNodes, Event, Notice, ReceiverLimits, Recipient};
use hookd_im_core::error::RequestError;
use hookd_im_core::hooks::AppSettings;
use hookd_im_core::ids::{AppId, ClientId, ConnectionId, DeviceId, NodeId, RequestId};
use hookd_im_core::messages;
use hookd_im_core::presence::{
    ChatRooms, Login, LoginSource, OnlineSubscribers, Session, SessionLifecycle, follow_subscriptions_of,
};
use hookd_im_core::store::Store;
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_postgres_server::PostgresServer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bus::{Line, LossyBus};
use super::shared_presence::{PresenceOfNode, SharedPresence};
use crate::scripted_engine::ScriptedEngine;
use crate::scripted_gateway::ScriptedGateway;
use crate::world::{ADDRESS, app};

/// Shorter than in earnest, so that what is lost is soon read.
const LIMITS: ReceiverLimits = ReceiverLimits {
    hold: Duration::from_millis(80),
    window: Duration::from_secs(20),
    held_bytes: 8 * 1024 * 1024,
    conversations: 10_000,
    page: 7,
};

/// Longer than a test.
pub const LONG_LEASE: Duration = Duration::from_mins(10);

pub struct Node {
    pub core: Arc<ImCore>,
    pub store: Arc<dyn Store>,
    pub lifecycle: SessionLifecycle,
    pub engine: Arc<ScriptedEngine>,
    app: Arc<App>,
    sessions: Arc<Sessions>,
    delivery: Arc<DeliveryBetweenNodes>,
    running: JoinHandle<()>,
    connections: AtomicU64,
}

/// What the nodes share.
pub struct Shared {
    pub server: PostgresServer,
    pub bus: Arc<LossyBus>,
    pub presence: Arc<SharedPresence>,
}

impl Shared {
    pub fn new(seed: u64) -> Self {
        Self { server: PostgresServer::start(), bus: LossyBus::new(seed), presence: Arc::default() }
    }
}

struct OneApp(Arc<App>);

impl AppDirectory for OneApp {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        (self.0.id == *id).then(|| self.0.clone())
    }
}

impl Node {
    pub async fn start(shared: &Shared, place: usize) -> Arc<Self> {
        let address = PostgresAddress::new(&shared.server.url(), None).unwrap();
        let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&address).await.unwrap());
        let (app, id) = (Arc::new(app("demo")), NodeId::new(format!("node {place}")));
        let sessions = Arc::new(Sessions::default());
        let line = Arc::new(Line { bus: shared.bus.clone(), node: place });
        let delivery = Arc::new(DeliveryBetweenNodes::new(sessions.clone(), store.clone(), line, LIMITS));
        let engine = Arc::<ScriptedEngine>::default();
        let settings = Arc::new(AppSettings::new(store.clone()));
        let core = ImCore::new(
            id.clone(),
            (Arc::new(OneApp(app.clone())), store.clone()),
            (engine.clone(), Arc::<ScriptedGateway>::default(), settings),
            delivery.clone(),
            TaskTracker::new(),
            CancellationToken::new(),
        );
        let presence = PresenceOfNode { node: id, shared: shared.presence.clone() };
        let core = core.with_presence(Arc::new(presence));
        let lifecycle = SessionLifecycle::new(Duration::from_secs(3600));
        core.hooks.notifications().recover(None).await;
        lifecycle.renew_lease(&core, LONG_LEASE).await.unwrap();
        let core = Arc::new(core);
        let (running, of_running) = (delivery.clone(), core.clone());
        let running = tokio::spawn(async move { running.run(&of_running.conversation_locks).await });
        let connections = AtomicU64::new(1);
        let node = Arc::new(Self { core, store, lifecycle, engine, app, sessions, delivery, running, connections });
        shared.bus.connect(&node);
        node
    }

    /// From the bus.
    pub async fn receive(&self, notice: Notice) {
        match notice {
            Notice::Delivery(notice) => self.delivery.receiver().receive(notice),
            Notice::Displaced(displaced) => {
                for will in self.lifecycle.end_displaced(&self.core, displaced).await {
                    messages::deliver_will(&self.core, will).await;
                }
            }
            Notice::Subscriptions(changed) => follow_subscriptions_of(&self.core, &changed).await.unwrap(),
            Notice::Kicked(kick) => {
                let ended = self.lifecycle.end_kicked(&self.core, &self.app, &kick);
                ended.kept(&self.core, &kick.app).await.unwrap();
            }
        }
    }

    /// The process is gone: nothing that it began goes on, and nothing is ended.
    pub fn kill(&self) {
        self.running.abort();
    }

    pub async fn log_in(self: &Arc<Self>, name: &str) -> Client {
        self.try_log_in(Login { client: Some(ClientId::new(name)), ..Login::default() }).await.unwrap()
    }

    pub async fn log_in_with_tag(self: &Arc<Self>, name: &str, device: &str, tag: &str) -> Client {
        let (client, device) = (Some(ClientId::new(name)), Some(DeviceId::new(device)));
        self.try_log_in(Login { client, device, tag: Some(tag.to_owned()), ..Login::default() }).await.unwrap()
    }

    pub async fn try_log_in(self: &Arc<Self>, login: Login) -> Result<Client, RequestError> {
        let connection = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed));
        let source = LoginSource { connection, remote_address: ADDRESS.parse().unwrap() };
        let attach = |session: &Arc<Session>| self.sessions.attach(session.clone());
        let opened = self.lifecycle.open(&self.core, &self.app, login, source, attach).await?;
        opened.displaced.kept(&self.core, &self.app.id).await.unwrap();
        Ok(Client { node: self.clone(), session: opened.session, token: opened.token.text })
    }
}

/// A client with one session.
pub struct Client {
    pub node: Arc<Node>,
    pub session: Arc<Session>,
    pub token: String,
}

impl Client {
    pub fn id(&self) -> &ClientId {
        &self.session.client
    }

    pub fn request(&self) -> Actor {
        let origin = Some(Origin { session: self.session.id, request: RequestId(0) });
        let identity = Identity::Client(self.id().clone());
        Actor { app: self.node.app.clone(), identity, address: ADDRESS.parse().unwrap(), origin }
    }

    /// What was pushed to the session so far.
    pub fn events(&self) -> Vec<Event> {
        let pushes = self.node.sessions.pushes.borrow();
        pushes.get(&self.session.connection).cloned().unwrap_or_default()
    }

    /// Waits until what was pushed to the session is as wanted.
    pub async fn gets(&self, what: &str, is_wanted: impl Fn(&[Event]) -> bool) {
        let mut pushes = self.node.sessions.pushes.subscribe();
        let of_session = |pushes: &Pushes| is_wanted(pushes.get(&self.session.connection).map_or(&[], Vec::as_slice));
        let waiting = tokio::time::timeout(Duration::from_secs(40), pushes.wait_for(of_session)).await;
        let is_in_time = waiting.is_ok();
        drop(waiting);
        assert!(is_in_time, "{} does not get {what}: {:?}", self.id(), self.events());
    }
}

type Pushes = HashMap<ConnectionId, Vec<Event>>;

/// A delivery to sessions that keeps what each gets.
struct Sessions {
    attached: Mutex<Vec<Arc<Session>>>,
    rooms: Arc<ChatRooms>,
    subscribers: Arc<OnlineSubscribers>,
    pushes: watch::Sender<Pushes>,
}

impl Default for Sessions {
    fn default() -> Self {
        let (rooms, subscribers) = (Arc::default(), Arc::default());
        Self { attached: Mutex::default(), rooms, subscribers, pushes: watch::Sender::new(HashMap::new()) }
    }
}

impl Sessions {
    fn attach(&self, session: Arc<Session>) {
        self.attached.lock().unwrap().push(session);
    }
}

fn is_for(session: &Session, recipient: Recipient<'_>, (rooms, subscribers): (&ChatRooms, &OnlineSubscribers)) -> bool {
    match recipient {
        Recipient::Client(client) => session.client == *client && !session.has_ended(),
        Recipient::OtherSessions { client, than } => {
            session.client == *client && !session.has_ended() && Some(session.id) != than
        }
        Recipient::Session { session: id, .. } => session.id == id,
        Recipient::Room { room, except } => {
            session.client != *except && !session.has_ended() && rooms.room_of(session.id).as_ref() == Some(room)
        }
        Recipient::Subscribers { conversation, except } => {
            let mut is_one = false;
            let look = |subscriber: &Session, _| is_one |= subscriber.id == session.id;
            subscribers.each_session(&session.app, conversation, look);
            session.client != *except && !session.has_ended() && is_one
        }
    }
}

impl Delivery for Sessions {
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>) {
        self.deliver_late(app, recipients, event, origin, Timestamp(i64::MAX));
    }

    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        _: Option<Origin>,
        opened_until: Timestamp,
    ) {
        let attached = self.attached.lock().unwrap();
        let mut reached: Vec<ConnectionId> = Vec::new();
        for recipient in recipients {
            let sessions = attached
                .iter()
                .filter(|session| session.app == *app && is_for(session, *recipient, (&self.rooms, &self.subscribers)));
            let sessions = sessions.filter(|session| session.opened_at <= opened_until);
            reached.extend(sessions.map(|session| session.connection));
        }
        self.pushes.send_modify(|pushes| {
            reached.iter().for_each(|connection| pushes.entry(*connection).or_default().push(event.clone()));
        });
    }

    fn rooms(&self) -> Arc<ChatRooms> {
        self.rooms.clone()
    }

    fn subscribers(&self) -> Arc<OnlineSubscribers> {
        self.subscribers.clone()
    }

    fn close_app(&self, _: &AppId) {}
}
