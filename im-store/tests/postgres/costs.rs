//! What a step costs does not grow with what waits, and a refused query costs no connection.

use std::sync::Arc;

use hookd_im_core::ids::{Channel, ClientId, NodeId, OrderKey, SessionId};
use hookd_im_core::store::{
    Call, CallEntry, CallLimits, CallOutcome, Calls as _, ConversationQuery, Conversations as _, DeadLetterFilter,
    EventRange, ImportedCall, MissedEvents as _, NewCall, Nodes as _, OpenSession, QueryError, SessionEntry,
    StoredEventLog as _,
};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::postgres::PostgresStore;
use hookd_postgres_server::PostgresServer;
use serde_json::{Map, json};

use crate::world::{app, asked, create, open, say, whole_history};

const LIMITS: CallLimits = CallLimits { calls: 10_000_000, bytes: 1 << 40 };

fn new_call(channel: &str, key: Option<&str>) -> NewCall {
    NewCall {
        channel: Channel::new(channel),
        target: "_messageSent".to_owned(),
        order_key: key.map(OrderKey::new),
        payload: "{}".to_owned().into(),
        remote_address: None,
    }
}

fn call(channel: &str, key: Option<&str>) -> CallEntry {
    CallEntry::from(new_call(channel, key))
}

/// Rows of all tables, as many of each as `count`.
fn fill(server: &PostgresServer, count: usize) {
    server.sql(&format!(
        "INSERT INTO calls (app, channel, number, target, payload, queued_at, due_at, attempts, is_first)
         SELECT 'demo', '_messageSent', number, '_messageSent', '{{}}', number, number, 0, true
         FROM generate_series(1, {count}) AS number;
         INSERT INTO calls (app, channel, number, target, payload, order_key, queued_at, due_at, attempts, is_first)
         SELECT 'demo', 'presence', number, '_clientOnline', '{{}}', 'tom', number, number, 0, number = 1
         FROM generate_series(1, {count}) AS number;
         INSERT INTO calls (app, channel, number, target, payload, queued_at, due_at, attempts, is_first, node)
         SELECT 'demo', 'claimed', number, '_messageSent', '{{}}', number, number, 0, true, 'living'
         FROM generate_series(1, {count}) AS number;
         INSERT INTO nodes (node, leased_until) VALUES ('living', 1::bigint << 60);
         INSERT INTO open_sessions (node, session, app, channel, target, payload)
         SELECT 'living', number, 'demo', 'presence', '_clientOffline', '{{}}'
         FROM generate_series(1, {count}) AS number;
         INSERT INTO dead_letters
             (app, channel, number, target, payload, queued_at, died_at, attempts, cause, reason)
         SELECT 'demo', '_messageSent', 1000000000 + number, '_messageSent', '{{}}', number, number, 1, 'trap', 'x'
         FROM generate_series(1, {count}) AS number;
         INSERT INTO missed_events (app, client, timestamp, payload)
         SELECT 'demo', convert_to('client ' || number % 100, 'UTF8'), number, '{{}}'
         FROM generate_series(1, {count}) AS number;
         INSERT INTO messages (conversation, timestamp, sequence, id, sender, body, is_text, mention_all, deduplication_key)
         SELECT 1000000 + number % 10, number, number, 'message ' || number, 'tom', 'hi', true, false,
             sha256(number::text::bytea)
         FROM generate_series(1, {count}) AS number;
         INSERT INTO member_changes (conversation, sequence, is_join, members, by_client, changed_at)
         SELECT 1000000 + number % 10, number, true, '[]', 'tom', 4102444800000 + number
         FROM generate_series(1, {count}) AS number"
    ));
}

/// Blocks that the server looked at for each step, where so many dead letters are kept.
async fn costs(server: &PostgresServer, store: &Arc<PostgresStore>, kept: usize) -> Vec<(&'static str, u64)> {
    let (node, app, messages) = (NodeId::generate(), app(), Channel::new("_messageSent"));
    let (presence, conversation) = (Channel::new("presence"), create(store).await);
    let mut costs = Vec::new();
    let mut measure = |step: &'static str| {
        let blocks = server.sql("SELECT sum(shared_blks_hit + shared_blks_read) FROM pg_stat_statements");
        costs.push((step, blocks.parse().unwrap()));
        server.sql("SELECT pg_stat_statements_reset()");
    };
    measure("what was before");
    store.add_calls(&node, &app, vec![call("_messageSent", None)], LIMITS).await.unwrap();
    measure("add");
    store.add_calls(&node, &app, vec![call("presence", Some("tom"))], LIMITS).await.unwrap();
    measure("add with a key");
    let claimed = store.claim(&node, &app, &messages, 10).await.unwrap().calls;
    measure("claim");
    let first = store.claim(&node, &app, &presence, 10).await.unwrap().calls;
    measure("claim of a key");
    assert_eq!((claimed.len(), first.len()), (10, 1));
    let numbers: Vec<u64> = claimed.iter().map(|call| call.number).collect();
    store.settle(&node, &app, &messages, vec![(numbers[0], CallOutcome::Done)], 1 << 40).await.unwrap();
    measure("settle");
    store.settle(&node, &app, &presence, vec![(first[0].number, CallOutcome::Done)], 1 << 40).await.unwrap();
    measure("settle of a key");
    let again = CallOutcome::Again { at: Timestamp(1) };
    store.settle(&node, &app, &messages, vec![(numbers[1], again)], 1 << 40).await.unwrap();
    measure("postpone");
    let dead = CallOutcome::Dead { cause: "trap".to_owned(), reason: "x".to_owned() };
    let deleted = store.settle(&node, &app, &messages, vec![(numbers[2], dead)], kept).await.unwrap();
    measure("give up");
    assert_eq!(deleted, 1, "the oldest letter makes room");
    store.give_back(&node, &app, &messages, numbers[3..].to_vec()).await.unwrap();
    measure("give back");
    store.backlog().await.unwrap();
    measure("backlog");
    assert_eq!(store.end_lost_nodes(&node).await.unwrap(), 0);
    measure("look for lost nodes");
    store.dead_letters(&app, &DeadLetterFilter::All { target: None }, 10, true).await.unwrap();
    measure("list dead letters");
    store.add_missed_events(&app, vec![(ClientId::new("client 1"), Map::new())]).await.unwrap();
    measure("add a missed event");
    store.missed_events(&app, &ClientId::new("client 1"), Timestamp(0), 10).await.unwrap();
    measure("read missed events");
    say(store, &conversation, "hi").await.unwrap();
    measure("store a message");
    whole_history(store, &conversation).await;
    measure("history");
    store.add_members(&app, &conversation, &asked(&["jerry"]), 500, None).await.unwrap().unwrap();
    measure("add a member");
    let range = EventRange { after: 1, since: Timestamp(0), limit: 100 };
    let read = store.stored_events(&app, &conversation, range).await.unwrap().unwrap();
    measure("read stored events");
    assert_eq!(read.events.len(), 2);
    costs
}

#[tokio::test]
async fn no_step_costs_more_though_much_waits() {
    let with_statistics = ["fsync=off", "shared_preload_libraries=pg_stat_statements", "autovacuum=off"];
    let mut measured = Vec::new();
    for count in [100, 30_000] {
        let server = PostgresServer::start_with(&with_statistics);
        server.sql("CREATE EXTENSION pg_stat_statements");
        let store = open(&server.url()).await;
        fill(&server, count);
        // Connections and what they keep in memory of the tables.
        costs(&server, &store, count).await;
        measured.push(costs(&server, &store, count).await);
    }
    for ((step, few), (_, many)) in measured[0].iter().zip(&measured[1]).skip(1) {
        assert!(*few <= 1_000, "{step}: {few} blocks with few rows: {measured:?}");
        // An index of more rows is a little higher.
        assert!(*many <= few * 3 + 50, "{step}: {few} blocks with few rows, {many} with many: {measured:?}");
    }
}

#[tokio::test]
async fn many_rows_of_one_write_cost_as_many_statements_as_a_few() {
    let server = PostgresServer::start_with(&["fsync=off", "shared_preload_libraries=pg_stat_statements"]);
    server.sql("CREATE EXTENSION pg_stat_statements");
    let store = open(&server.url()).await;
    let (node, app) = (NodeId::generate(), app());
    let opened = |session: u64| {
        let call_if_lost = new_call("presence", Some("tom"));
        SessionEntry::Opened(OpenSession { session: SessionId(session), call_if_lost })
    };
    let changes = |count: u64| {
        let of_session = |session| [opened(session), SessionEntry::Ended(SessionId(session)), opened(session + 1)];
        let sessions = (1..=count).flat_map(of_session);
        sessions.map(|session| CallEntry { call: None, session: Some(session) }).collect::<Vec<_>>()
    };
    let imported = |count: u64| {
        let one = |number: u64| {
            let NewCall { channel, target, order_key, payload, remote_address } =
                new_call("presence", Some(&format!("client {}", number % 7)));
            let (queued_at, attempts) = (Timestamp(1), 0);
            let call = Call { number, target, order_key, payload, remote_address, queued_at, attempts };
            let death = number.is_multiple_of(2).then(|| ("trap".to_owned(), "x".to_owned(), Timestamp(2)));
            ImportedCall { channel, call, due_at: queued_at, death }
        };
        // Other numbers each time.
        (count * 1000..count * 1001).map(one).collect::<Vec<_>>()
    };
    let mut measured = Vec::new();
    for count in [7, 7, 200] {
        let statements = || {
            let calls = server.sql("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements");
            server.sql("SELECT pg_stat_statements_reset()");
            calls.parse::<u64>().unwrap()
        };
        statements();
        store.add_calls(&node, &app, changes(count), LIMITS).await.unwrap();
        let of_sessions = statements();
        store.import_calls(&app, imported(count)).await.unwrap();
        measured.push([of_sessions, statements()]);
    }
    assert_eq!(server.sql("SELECT count(*) FROM open_sessions"), "1", "the last change of a session counts");
    assert_eq!(server.sql("SELECT count(*) FROM calls WHERE order_key IS NOT NULL AND is_first"), "7");
    assert_eq!(measured[1], measured[2], "{measured:?}");
}

#[tokio::test]
async fn refused_queries_cost_no_connections() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let query = |filter| ConversationQuery { filter, limit: 10, ..ConversationQuery::default() };
    let ask = async |filter: serde_json::Value| {
        let filter = filter.as_object().unwrap().clone();
        store.find_conversations(&app(), &ClientId::new("tom"), &query(filter)).await
    };
    ask(json!({})).await.unwrap();
    let connections =
        || server.sql("SELECT count(*), max(backend_start) FROM pg_stat_activity WHERE application_name = 'hookd'");
    let before = connections();
    for _ in 0..20 {
        assert!(matches!(ask(json!({"a": {"$what": 1}})).await, Err(QueryError::BadFilter(_))));
    }
    ask(json!({})).await.unwrap();
    assert_eq!(connections(), before);
}
