//! A core over a fresh store, with clients whose sessions write to queues that the test reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use hookd_im_core::actor::{Actor, Identity, Origin};
use hookd_im_core::app::{App, AppDirectory, FailurePolicy, ImSettings};
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::core::ImCore;
use hookd_im_core::delivery::{ChangedRestriction, Event, Priority};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::hooks::AppSettings;
use hookd_im_core::ids::{AppId, ClientId, ConnectionId, ConversationId, NodeId, RequestId, SessionId};
use hookd_im_core::messages::{self, SendMessage, SentMessage};
use hookd_im_core::presence::Session;
use hookd_im_core::store::{Conversation, ConversationKind, Direction, HistoryQuery, MessageBody, StoredMessage};
use hookd_im_core::timestamp::{Clock, Timestamp};
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::recorded_delivery::{Push, RecordedDelivery};
use crate::scripted_engine::ScriptedEngine;
use crate::scripted_gateway::ScriptedGateway;
use crate::unreliable_store::UnreliableStore;

/// Address of every client.
pub const ADDRESS: &str = "203.0.113.7";

pub struct World {
    pub core: Arc<ImCore>,
    pub node: NodeId,
    pub engine: Arc<ScriptedEngine>,
    pub gateway: Arc<ScriptedGateway>,
    pub app: Arc<App>,
    pub store: Arc<UnreliableStore>,
    delivery: Arc<RecordedDelivery>,
    apps: Arc<OneApp>,
    tasks: TaskTracker,
    last_id: AtomicU64,
    shutdown: CancellationToken,
    folder: TempDir,
    /// The clock of the store, before that of the system, in milliseconds.
    ahead: Arc<AtomicI64>,
}

struct OneApp {
    app: Arc<App>,
    is_deleted: AtomicBool,
    /// How often it was looked for while it was not there.
    misses: AtomicU64,
}

impl AppDirectory for OneApp {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        let is_deleted = self.is_deleted.load(Ordering::SeqCst);
        self.misses.fetch_add(u64::from(is_deleted), Ordering::SeqCst);
        let exists = self.app.id == *id && !is_deleted;
        exists.then(|| self.app.clone())
    }
}

impl World {
    pub fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap(), Arc::default())
    }

    /// A world of a new process over the folder of this one, which stops softly: running calls end, waiting calls stay.
    pub async fn restarted(self) -> Self {
        let Self { core, engine, store, tasks, shutdown, folder, .. } = self;
        shutdown.cancel();
        tasks.close();
        tasks.wait().await;
        drop((core, store));
        Self::over(folder, engine)
    }

    /// A world of a new process over the folder of this one, which does nothing more from here on, and whose engine
    /// hears of the new one only.
    pub async fn killed(self) -> Self {
        self.shutdown.cancel();
        let world = Self::over(self.folder, Arc::default());
        let of_operations = ["_messageSent", "_conversationStarted", "_conversationAdded", "_conversationRemoved"];
        for hook in of_operations.into_iter().chain(["_clientOffline"]) {
            world.engine.reply(hook, "null");
        }
        world.core.hooks.notifications().resume().await;
        world.notifications_are_done().await;
        world
    }

    fn over(folder: TempDir, engine: Arc<ScriptedEngine>) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let clock: Clock = {
            let ahead = ahead.clone();
            Arc::new(move || Timestamp(Timestamp::now().0 + ahead.load(Ordering::SeqCst)))
        };
        let store = SqliteStore::open_with_clock(folder.path().join("im.db"), clock).unwrap();
        let app = Arc::new(app("demo"));
        let tasks = TaskTracker::new();
        let apps = Arc::new(OneApp { app: app.clone(), is_deleted: AtomicBool::new(false), misses: AtomicU64::new(0) });
        let shutdown = CancellationToken::new();
        let store = Arc::new(UnreliableStore::new(store));
        let settings = Arc::new(AppSettings::new(store.clone()));
        let gateway = Arc::<ScriptedGateway>::default();
        let engines = (engine.clone() as _, gateway.clone() as _, settings);
        let (node, tables) = (NodeId::generate(), (apps.clone() as _, store.clone() as _));
        let delivery = Arc::new(RecordedDelivery::default());
        let core = ImCore::new(node.clone(), tables, engines, delivery.clone(), tasks.clone(), shutdown.clone());
        // No other task is needed for it.
        futures::executor::block_on(core.hooks.notifications().recover(None));
        Self {
            core: Arc::new(core),
            node,
            engine,
            gateway,
            app,
            apps,
            store,
            delivery,
            tasks,
            last_id: AtomicU64::new(0),
            shutdown,
            folder,
            ahead,
        }
    }

    /// Sets the clock of the store forward.
    pub fn advance(&self, time: Duration) {
        self.ahead.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn delete_app(&self) {
        self.apps.is_deleted.store(true, Ordering::SeqCst);
    }

    /// Waits until the app is looked for in vain.
    pub async fn app_is_missed(&self) {
        let before = self.apps.misses.load(Ordering::SeqCst);
        while self.apps.misses.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }

    pub fn bring_app_back(&self) {
        self.apps.is_deleted.store(false, Ordering::SeqCst);
    }

    /// Logs a client in on a socket of its own.
    pub fn client(&self, name: &str) -> Client {
        let connection = ConnectionId(self.next_id());
        let session = self.log_in(name, connection);
        let delivery = self.delivery.clone();
        Client { app: self.app.clone(), id: ClientId::new(name), session, connection, delivery }
    }

    /// Logs a client in on the socket of another one.
    pub fn session_beside(&self, client: &Client, name: &str) -> SessionId {
        self.log_in(name, client.connection)
    }

    fn log_in(&self, name: &str, connection: ConnectionId) -> SessionId {
        let id = SessionId(self.next_id());
        let session = Arc::new(Session::new(id, self.app.id.clone(), ClientId::new(name), connection));
        self.delivery.attach(session.clone());
        self.core.online.insert(session);
        id
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    pub async fn set(&self, change: impl FnOnce(&mut ImSettings)) {
        let mut settings = ImSettings::clone(&*self.core.settings.get(&self.app.id).await.unwrap());
        change(&mut settings);
        self.core.settings.update(&self.app.id, settings).await.unwrap();
    }

    pub async fn set_policy(&self, policy: FailurePolicy) {
        self.set(|settings| settings.on_hook_failure = policy).await;
    }

    /// Waits until every notification hook has been called.
    pub async fn notifications_are_done(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// An ordinary conversation, without events left in the queues of `clients`.
    pub async fn conversation(&self, creator: &mut Client, others: &[&str]) -> ConversationId {
        let new = basic(others);
        let created = conversations::start(&self.core, &creator.request(), new).await.unwrap();
        creator.events();
        created.conversation.id
    }

    pub async fn row(&self, id: &ConversationId) -> Conversation {
        self.core.store.conversation(&self.app.id, id).await.unwrap().unwrap()
    }

    pub async fn history(&self, id: &ConversationId) -> Vec<StoredMessage> {
        self.core.store.history(&self.app.id, id, &newest(100)).await.unwrap()
    }

    pub async fn say(&self, client: &Client, conversation: &ConversationId, text: &str) -> SentMessage {
        messages::send(&self.core, &client.request(), message(conversation, text)).await.unwrap()
    }
}

pub struct Client {
    pub app: Arc<App>,
    pub id: ClientId,
    pub session: SessionId,
    connection: ConnectionId,
    delivery: Arc<RecordedDelivery>,
}

impl Client {
    pub fn request(&self) -> Actor {
        let origin = Some(Origin { session: self.session, request: RequestId(0) });
        let identity = Identity::Client(self.id.clone());
        Actor { app: self.app.clone(), identity, address: ADDRESS.parse().unwrap(), origin }
    }

    /// What was pushed to the client's socket since the last look.
    pub fn pushes(&mut self) -> Vec<Push> {
        self.delivery.take(self.connection)
    }

    pub fn events(&mut self) -> Vec<Event> {
        self.pushes().into_iter().map(|push| push.event).collect()
    }

    /// The events in short: their name, and what they are about.
    pub fn news(&mut self) -> Vec<String> {
        self.events().iter().map(in_short).collect()
    }
}

pub fn in_short(event: &Event) -> String {
    let members = |members: &[ClientId]| members.iter().map(ClientId::as_str).collect::<Vec<_>>().join(",");
    match event {
        Event::Joined(change) => format!("joined by {}", change.by),
        Event::MembersJoined(change) => format!("members_joined {} by {}", members(&change.members), change.by),
        Event::Left(change) => format!("left by {}", change.by),
        Event::MembersLeft(change) => format!("members_left {} by {}", members(&change.members), change.by),
        Event::Restricted(change) => format!("{} by {}", restriction(change), change.by),
        Event::MembersRestricted(change) => {
            format!("members {} {} by {}", restriction(change), members(&change.clients), change.by)
        }
        Event::RoleChanged(change) => format!("{} is {} by {}", change.client, change.role.name(), change.by),
        Event::ConversationUpdated(change) => format!("updated by {}: {}", change.by, change.changed),
        Event::Message(message) => format!("{} says {}", message.from, body(&message.body)),
        Event::MessagePatched(patch) => format!("{} corrects {}", patch.from, body(&patch.body)),
        Event::Unread(counts) => {
            let counts = counts.conversations.iter().map(|unread| unread.count.to_string());
            format!("unread {}", counts.collect::<Vec<_>>().join(" "))
        }
        Event::Receipt(receipt) => format!("{} by {}", if receipt.is_read { "read" } else { "delivered" }, receipt.by),
        Event::SessionClosed { code, .. } => format!("closed {}", code.number()),
    }
}

fn restriction(change: &ChangedRestriction) -> String {
    format!("{}{:?}", if change.is_lifted { "no longer " } else { "" }, change.restriction)
}

fn body(body: &MessageBody) -> String {
    match body {
        MessageBody::Text(text) => text.clone(),
        MessageBody::Binary(bytes) => format!("{bytes:?}"),
    }
}

pub fn app(id: &str) -> App {
    App {
        id: AppId::new(id),
        app_key: "the-app-key".to_owned(),
        master_key: "the-master-key".to_owned(),
        hook_key: "the-hook-key".to_owned(),
    }
}

/// A basic conversation with these others, not unique.
pub fn basic(others: &[&str]) -> StartConversation {
    let kind = ConversationKind::Basic;
    StartConversation { members: ids(others), attributes: Map::new(), unique: false, kind, ttl_seconds: None }
}

pub fn ids(names: &[&str]) -> Vec<ClientId> {
    names.iter().copied().map(ClientId::new).collect()
}

pub fn message(conversation: &ConversationId, text: &str) -> SendMessage {
    SendMessage {
        conversation: conversation.clone(),
        body: MessageBody::Text(text.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        transient: false,
        priority: Priority::Normal,
        receipt: false,
        group_receipts: false,
        push_data: None,
        deduplication_token: None,
    }
}

pub fn newest(limit: u32) -> HistoryQuery {
    HistoryQuery { start: None, end: None, direction: Direction::Old, limit, message_type: None }
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Code, app code and detail of a refusal.
pub fn refusal<T>(result: Result<T, RequestError>) -> (Code, Option<i32>, Option<String>) {
    match result {
        Err(RequestError::Refused { code, detail, app_code }) => (code, app_code, detail),
        Err(RequestError::Store(error)) => panic!("the store failed: {error}"),
        Ok(_) => panic!("the request was carried out"),
    }
}

pub fn code<T>(result: Result<T, RequestError>) -> Code {
    refusal(result).0
}
