//! A store with a clock that only the test moves, and short ways to fill it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{AppendedMessage, Conversation, MessageBody, NewConversation, NewMessage, Store};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// When the clock of a fixture starts.
pub const START: Timestamp = Timestamp(1_700_000_000_000);

pub struct Fixture {
    pub store: Arc<dyn Store>,
    pub app: AppId,
    time: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Fixture {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(START.0));
        let clock = Arc::new({
            let time = Arc::clone(&time);
            move || Timestamp(time.load(Ordering::SeqCst))
        });
        let store = SqliteStore::open_with_clock(folder.path().join("im.db"), clock).unwrap();
        Self { store: Arc::new(store), app: AppId::new("demo"), time, _folder: folder }
    }

    pub fn advance(&self, duration: Duration) {
        self.time.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn turn_back(&self, duration: Duration) {
        self.time.fetch_sub(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub async fn create(&self, members: &[&str], attributes: Value) -> Conversation {
        let new = NewConversation { attributes: object(attributes), ..new_conversation(members, false) };
        self.store.create_conversation(&self.app, new).await.unwrap().conversation
    }

    pub async fn conversation(&self, id: &ConversationId) -> Conversation {
        self.store.conversation(&self.app, id).await.unwrap().unwrap()
    }

    pub async fn say(&self, conversation: &Conversation, text: &str) -> AppendedMessage {
        let message = message(&conversation.id, "tom", text);
        self.store.append_message(&self.app, message).await.unwrap().unwrap()
    }
}

pub fn clients(ids: &[&str]) -> Vec<ClientId> {
    ids.iter().copied().map(ClientId::new).collect()
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The first member creates.
pub fn new_conversation(members: &[&str], unique: bool) -> NewConversation {
    let mut sorted = clients(members);
    sorted.sort();
    NewConversation {
        id: ConversationId::generate(),
        attributes: Map::new(),
        creator: ClientId::new(members[0]),
        members: sorted,
        unique,
        started_hook: None,
    }
}

pub fn message(conversation: &ConversationId, from: &str, text: &str) -> NewMessage {
    NewMessage {
        id: MessageId::generate(),
        conversation: conversation.clone(),
        from: ClientId::new(from),
        body: MessageBody::Text(text.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        deduplication_token: None,
        patched_at: None,
        sent_hook: None,
    }
}
