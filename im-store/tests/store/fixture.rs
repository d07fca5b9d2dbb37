//! A store with a clock that only the test moves, and short ways to fill it.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, ClientId, ConversationId, MessageId, NodeId, OrderKey};
use hookd_im_core::store::{
    AppendedMessage, Call, CallEntry, CallLimits, CallOutcome, Conversation, ConversationKind, MemberRules,
    MembershipRequest, MessageBody, NewCall, NewConversation, NewMessage, NotAppended, Store, StoredCall,
};
use hookd_im_core::timestamp::{Clock, Timestamp};
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_im_store::sqlite::SqliteStore;
use hookd_postgres_server::PostgresServer;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// When the clock of a fixture starts.
pub const START: Timestamp = Timestamp(1_700_000_000_000);

/// More than any test reaches.
pub const MANY: usize = 1_000;

/// Longer than any test takes.
pub const LONG_LEASE: Duration = Duration::from_secs(600);

/// The first process of a fixture, and what the next ones share with it.
pub struct Fixture {
    first: Process,
    time: Arc<AtomicI64>,
    place: Place,
}

/// What is left when a process is killed.
enum Place {
    File(TempDir),
    Server(PostgresServer),
}

impl Place {
    async fn open(&self, clock: Clock) -> Arc<dyn Store> {
        match self {
            Self::File(folder) => Arc::new(SqliteStore::open_with_clock(folder.path().join("im.db"), clock).unwrap()),
            Self::Server(server) => {
                let address = PostgresAddress::new(&server.url(), None).unwrap();
                Arc::new(PostgresStore::open_with_clock(&address, clock).await.unwrap())
            }
        }
    }
}

/// A process that uses the store.
pub struct Process {
    pub store: Arc<dyn Store>,
    pub app: AppId,
    pub node: NodeId,
}

impl Deref for Fixture {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.first
    }
}

impl Fixture {
    pub async fn sqlite() -> Self {
        Self::at(Place::File(tempfile::tempdir().unwrap())).await
    }

    pub async fn postgres() -> Self {
        Self::at(Place::Server(PostgresServer::start())).await
    }

    async fn at(place: Place) -> Self {
        let time = Arc::new(AtomicI64::new(START.0));
        let first = Process::new(place.open(clock(&time)).await);
        Self { first, time, place }
    }

    /// The process that comes after `killed` was killed; it has done at its start what a server does.
    pub async fn after(&self, killed: &Process) -> Process {
        let next = Process::new(self.place.open(clock(&self.time)).await);
        next.store.end_node(&killed.node).await.unwrap();
        next.store.begin_lease(&next.node, LONG_LEASE).await.unwrap();
        next
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    pub fn advance(&self, duration: Duration) {
        self.time.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn turn_back(&self, duration: Duration) {
        self.time.fetch_sub(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Adds calls of `_messageSent` and gives them up, a millisecond after each other.
    pub async fn dead(&self, texts: &[&str]) -> Vec<Call> {
        self.add(texts.iter().copied().map(sent).collect()).await;
        let calls = self.claim(&messages()).await;
        assert_eq!(calls.len(), texts.len());
        for call in &calls {
            self.advance(Duration::from_millis(1));
            self.settle(&messages(), call, death()).await;
        }
        calls
    }
}

impl Process {
    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, app: AppId::new("demo"), node: NodeId::generate() }
    }

    /// Another process over the same store, as where several share one.
    pub fn beside(&self) -> Self {
        Self { store: self.store.clone(), app: self.app.clone(), node: NodeId::generate() }
    }

    pub async fn create(&self, members: &[&str], attributes: Value) -> Conversation {
        let new = NewConversation { attributes: object(attributes), ..new_conversation(members, false) };
        self.store.create_conversation(&self.app, new, None).await.unwrap().row.conversation
    }

    pub async fn conversation(&self, id: &ConversationId) -> Conversation {
        self.store.conversation(&self.app, id).await.unwrap().unwrap()
    }

    pub async fn say(&self, conversation: &Conversation, text: &str) -> AppendedMessage {
        let Conversation { members_sequence, standing_version, .. } = self.conversation(&conversation.id).await;
        let message = NewMessage { members_sequence, standing_version, ..message(&conversation.id, "tom", text) };
        self.append(message).await.unwrap()
    }

    pub async fn append(&self, message: NewMessage) -> Result<AppendedMessage, NotAppended> {
        self.store.append_message(&self.app, message, None).await.unwrap().map(|appended| appended.row)
    }

    /// Adds calls, all of which find room.
    pub async fn add(&self, calls: Vec<NewCall>) {
        let stored = self.add_up_to(MANY, calls).await;
        assert!(stored.iter().all(|call| *call == StoredCall::Queued), "{stored:?}");
    }

    pub async fn add_up_to(&self, calls_at_most: usize, calls: Vec<NewCall>) -> Vec<StoredCall> {
        self.add_entries(calls_at_most, calls.into_iter().map(CallEntry::from).collect()).await
    }

    pub async fn add_entries(&self, calls_at_most: usize, entries: Vec<CallEntry>) -> Vec<StoredCall> {
        self.store.add_calls(&self.node, &self.app, entries, at_most(calls_at_most)).await.unwrap()
    }

    pub async fn claim(&self, channel: &Channel) -> Vec<Call> {
        self.store.claim(&self.node, &self.app, channel, 10).await.unwrap().calls
    }

    pub async fn settle(&self, channel: &Channel, call: &Call, outcome: CallOutcome) {
        let settled = vec![(call.number, outcome)];
        assert_eq!(self.store.settle(&self.node, &self.app, channel, settled, MANY).await.unwrap(), 0);
    }

    pub async fn give_back(&self, channel: &Channel, calls: &[Call]) {
        let numbers = calls.iter().map(|call| call.number).collect();
        self.store.give_back(&self.node, &self.app, channel, numbers).await.unwrap();
    }
}

fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || Timestamp(time.load(Ordering::SeqCst)))
}

pub fn clients(ids: &[&str]) -> Vec<ClientId> {
    ids.iter().copied().map(ClientId::new).collect()
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A wish of Tom, who need not be a member.
pub fn asked(members: &[&str]) -> MembershipRequest {
    MembershipRequest {
        by: ClientId::new("tom"),
        members: clients(members),
        by_member_only: false,
        rules: MemberRules::default(),
    }
}

/// The first member creates.
pub fn new_conversation(members: &[&str], unique: bool) -> NewConversation {
    let mut sorted = clients(members);
    sorted.sort();
    NewConversation {
        id: ConversationId::generate(),
        kind: ConversationKind::Basic,
        ttl_seconds: None,
        attributes: Map::new(),
        creator: Some(ClientId::new(members[0])),
        members: sorted,
        unique,
    }
}

pub fn message(conversation: &ConversationId, from: &str, text: &str) -> NewMessage {
    NewMessage {
        id: MessageId::generate(),
        conversation: conversation.clone(),
        from: ClientId::new(from),
        // Of a conversation whose members are the first ones.
        members_sequence: 1,
        standing_version: 0,
        receivers: None,
        body: MessageBody::Text(text.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        deduplication_token: None,
        receipt: false,
        patched_at: None,
    }
}

pub fn at_most(calls: usize) -> CallLimits {
    CallLimits { calls, bytes: u64::MAX }
}

pub fn messages() -> Channel {
    Channel::new("_messageSent")
}

pub fn presence() -> Channel {
    Channel::new("presence")
}

pub fn sent(text: &str) -> NewCall {
    let address: IpAddr = "203.0.113.7".parse().unwrap();
    NewCall {
        channel: messages(),
        target: "_messageSent".to_owned(),
        order_key: None,
        payload: Bytes::from(json!({"content": text}).to_string()),
        remote_address: Some(address),
    }
}

pub fn online(client: &str) -> NewCall {
    of_client("_clientOnline", client)
}

pub fn offline(client: &str) -> NewCall {
    of_client("_clientOffline", client)
}

fn of_client(hook: &str, client: &str) -> NewCall {
    NewCall {
        channel: presence(),
        target: hook.to_owned(),
        order_key: Some(OrderKey::new(client)),
        payload: Bytes::from(json!({"peerId": client}).to_string()),
        remote_address: None,
    }
}

pub fn death() -> CallOutcome {
    CallOutcome::Dead { cause: "trap".to_owned(), reason: "unreachable".to_owned() }
}

/// What calls are about, in short: the text of a message, or hook and client.
pub fn in_short(calls: &[Call]) -> Vec<String> {
    let short = |call: &Call| {
        let params: Value = serde_json::from_slice(&call.payload).unwrap();
        match params["content"].as_str() {
            Some(text) => text.to_owned(),
            None => format!("{} {}", call.target.trim_start_matches("_client"), params["peerId"].as_str().unwrap()),
        }
    };
    calls.iter().map(short).collect()
}
