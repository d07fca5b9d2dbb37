//! Acknowledged messages a second, on SQLite and on PostgreSQL, which both sync the disk for every commit. The two take
//! turns, so that what else the machine does meets both.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on says where, and prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{ConversationKind, MessageBody, NewConversation, NewMessage, Store};
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_im_store::sqlite::SqliteStore;
use hookd_postgres_server::PostgresServer;
use serde_json::Map;

const SENDERS: usize = 64;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("im.db")).unwrap());
    let server = PostgresServer::start_with(&[]);
    let address = PostgresAddress::new(&server.url(), None).unwrap();
    let postgres: Arc<dyn Store> = Arc::new(PostgresStore::open(&address).await.unwrap());
    for (what, conversations) in [("a conversation each", SENDERS), ("one conversation", 1)] {
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (store, measured) in [&sqlite, &postgres].into_iter().zip(&mut measured) {
                measured.push(messages_a_second(store, conversations).await);
            }
        }
        let [of_sqlite, of_postgres] = measured.map(median);
        let ratio = of_postgres / of_sqlite;
        println!("{SENDERS} senders, {what}: SQLite {of_sqlite:.0}/s, PostgreSQL {of_postgres:.0}/s, {ratio:.2}x");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Each sender waits for the answer to its message before it sends the next one.
async fn messages_a_second(store: &Arc<dyn Store>, conversations: usize) -> f64 {
    let app = AppId::new("bench");
    let mut ids = Vec::new();
    for _ in 0..conversations {
        let new = NewConversation {
            id: ConversationId::generate(),
            kind: ConversationKind::Basic,
            ttl_seconds: None,
            attributes: Map::new(),
            creator: Some(ClientId::new("tom")),
            members: vec![ClientId::new("tom")],
            unique: false,
        };
        ids.push(store.create_conversation(&app, new, None).await.unwrap().row.conversation.id);
    }
    let began = Instant::now();
    let sending = (0..SENDERS).zip(ids.iter().cycle()).map(|(_, conversation)| {
        let (store, app, conversation) = (store.clone(), app.clone(), conversation.clone());
        tokio::spawn(async move {
            let mut sent = 0_u32;
            while began.elapsed() < ROUND {
                store.append_message(&app, message(&conversation), None).await.unwrap().unwrap();
                sent += 1;
            }
            sent
        })
    });
    let sent: u32 = join_all(sending.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).sum();
    f64::from(sent) / began.elapsed().as_secs_f64()
}

/// As a client sends it: with a de-duplication token.
fn message(conversation: &ConversationId) -> NewMessage {
    let id = MessageId::generate();
    NewMessage {
        deduplication_token: Some(id.as_str().to_owned()),
        id,
        conversation: conversation.clone(),
        from: ClientId::new("tom"),
        members_sequence: 1,
        standing_version: 0,
        receivers: None,
        body: MessageBody::Text(r#"{"_lctype":-1,"_lctext":"hello, how are you?"}"#.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        receipt: false,
        patched_at: None,
    }
}
