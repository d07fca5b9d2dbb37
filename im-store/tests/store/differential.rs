//! Random queries over random conversations: every backend answers the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{Conversation, ConversationKind, ConversationQuery, NewConversation, QueryError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, message, object};

const CLIENTS: [&str; 5] = ["tom", "jerry", "anna", "é\0", "Tom"];

/// Sorted by code point, which is neither the order of a dictionary nor that of UTF-16.
const TEXTS: [&str; 9] = ["", "A", "Room 1", "Z", "a", "nul \0", "room 10", "é", "\u{ffff}\u{10000}"];

#[derive(Clone, Debug)]
struct Row {
    attributes: Map<String, Value>,
    members: Vec<&'static str>,
    has_message: bool,
    /// Made at the same time as the one before.
    is_at_once: bool,
}

fn any_text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TEXTS.as_slice())
}

fn any_client() -> impl Strategy<Value = &'static str> {
    prop::sample::select(CLIENTS.as_slice())
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4_i32).prop_map(Value::from),
        (-2.5..2.5_f64).prop_map(Value::from),
        any_text().prop_map(Value::from),
        prop::collection::vec(any_text(), 0..3).prop_map(|texts| json!(texts)),
        (0..4_i64).prop_map(|day| json!({"__type": "Date", "iso": format!("2023-01-0{}T00:00:00.000Z", day + 1)})),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let members = prop::sample::subsequence(CLIENTS.as_slice(), 1..CLIENTS.len());
    let attributes = (prop::option::of(any_text()), prop::option::of(any_value()), any_value());
    (attributes, members, any::<bool>(), any::<bool>()).prop_map(|((name, level, other), members, message, at_once)| {
        let mut attributes = object(json!({"other": other, "attr": {}}));
        if let Some(name) = name {
            attributes.insert("name".to_owned(), name.into());
        }
        if let Some(level) = level {
            attributes["attr"] = json!({"level": level});
        }
        Row { attributes, members, has_message: message, is_at_once: at_once }
    })
}

fn id(number: usize) -> String {
    format!("{number:024x}")
}

fn any_test() -> impl Strategy<Value = (String, Value)> {
    let key = prop::sample::select(["name", "attr.level", "other", "lm", "updatedAt", "unknown"].as_slice());
    let operator = prop::sample::select(["$lt", "$lte", "$gt", "$gte", "$ne"].as_slice());
    let list = prop::sample::select(["$in", "$nin", "$all"].as_slice());
    let pattern = prop::sample::select(["^room", "O", ".", "\\Q0\\E", "[a-z]$", "\u{10000}"].as_slice());
    let ids = prop::collection::vec((0..40_usize).prop_map(id), 0..4);
    let clients = prop::collection::vec(any_client(), 0..3);
    prop_oneof![
        (key.clone(), any_value()).prop_map(|(key, value)| (key.to_owned(), value)),
        (key.clone(), operator, any_value()).prop_map(|(key, test, value)| (key.to_owned(), json!({test: value}))),
        (key.clone(), list.clone(), prop::collection::vec(any_value(), 0..3))
            .prop_map(|(key, test, values)| (key.to_owned(), json!({test: values}))),
        (key.clone(), any::<bool>()).prop_map(|(key, exists)| (key.to_owned(), json!({"$exists": exists}))),
        (key, pattern, any::<bool>()).prop_map(|(key, pattern, ignore_case)| {
            (key.to_owned(), json!({"$regex": pattern, "$options": if ignore_case { "i" } else { "" }}))
        }),
        ids.prop_map(|ids| ("objectId".to_owned(), json!({"$in": ids}))),
        any_client().prop_map(|client| ("m".to_owned(), client.into())),
        (list, clients).prop_map(|(test, clients)| ("m".to_owned(), json!({test: clients}))),
        (0..4_usize).prop_map(|size| ("m".to_owned(), json!({"$size": size}))),
        any_client().prop_map(|client| ("c".to_owned(), client.into())),
    ]
}

fn any_filter() -> impl Strategy<Value = Map<String, Value>> {
    let simple = prop::collection::vec(any_test(), 0..3).prop_map(|tests| tests.into_iter().collect::<Map<_, _>>());
    simple.prop_recursive(2, 8, 3, |inner| {
        let junction = prop::sample::select(["$or", "$and"].as_slice());
        (junction, prop::collection::vec(inner, 1..3)).prop_map(|(junction, parts)| object(json!({junction: parts})))
    })
}

fn any_query() -> impl Strategy<Value = ConversationQuery> {
    let keys = ["name", "-name", "attr.level", "-attr.level,name", "other", "-updatedAt", "createdAt", "m", "lm"];
    let sort = prop::option::of(prop::sample::select(keys.to_vec()));
    let flags = (any::<bool>(), any::<bool>());
    (any_filter(), sort, 0..6_u32, 0..20_u32, flags).prop_map(|(filter, sort, skip, limit, (message, compact))| {
        let sort = sort.map(str::to_owned);
        ConversationQuery { filter, sort, skip, limit, with_last_message: message, compact, temporary: false }
    })
}

/// The conversations of a case, in an app of its own.
async fn fill(fixture: &Fixture, app: &AppId, rows: &[Row]) {
    for (number, row) in rows.iter().enumerate() {
        if !row.is_at_once {
            fixture.advance(Duration::from_millis(1));
        }
        let mut members: Vec<ClientId> = row.members.iter().copied().map(ClientId::new).collect();
        members.sort();
        let new = NewConversation {
            id: ConversationId::new(id(number)),
            kind: ConversationKind::Basic,
            ttl_seconds: None,
            attributes: row.attributes.clone(),
            creator: Some(members[0].clone()),
            members,
            unique: number % 3 == 0,
        };
        let created = fixture.store.create_conversation(app, new, None).await.unwrap();
        if row.has_message && !created.row.existing {
            // Message ids are random: the answers are compared without them.
            let said = message(&created.row.conversation.id, row.members[0], TEXTS[number % TEXTS.len()]);
            fixture.store.append_message(app, said, None).await.unwrap().unwrap();
        }
    }
}

/// An answer, as far as it must be the same everywhere.
async fn answer(fixture: &Fixture, app: &AppId, query: &ConversationQuery) -> Result<Vec<String>, String> {
    match fixture.store.find_conversations(app, &ClientId::new("tom"), query).await {
        Ok(rows) => Ok(rows
            .into_iter()
            .map(|row| {
                let Conversation { id, members, .. } = &row.conversation;
                let body =
                    row.last_message.as_ref().map(|message| (&message.body, message.timestamp, message.sequence));
                format!("{id} {members:?} {:?} {body:?}", row.conversation)
            })
            .collect()),
        Err(QueryError::BadFilter(text)) => Err(text),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn random_queries_have_one_answer_on_every_backend() {
    let runtime = Runtime::new().unwrap();
    let (sqlite, postgres) = runtime.block_on(async { (Fixture::sqlite().await, Fixture::postgres().await) });
    let (cases, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let rows = prop::collection::vec(any_row(), 0..40);
    let queries = prop::collection::vec(any_query(), 30);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let tried = runner.run(&(rows, queries), |(rows, queries)| {
        let app = AppId::new(format!("case {}", cases.fetch_add(1, Ordering::SeqCst)));
        runtime.block_on(async {
            // The two clocks stay equal.
            fill(&sqlite, &app, &rows).await;
            fill(&postgres, &app, &rows).await;
            for query in &queries {
                let (one, other) = (answer(&sqlite, &app, query).await, answer(&postgres, &app, query).await);
                found.fetch_add(one.as_ref().map_or(0, Vec::len), Ordering::SeqCst);
                prop_assert_eq!(one, other, "{:?}", query);
            }
            Ok(())
        })
    });
    tried.unwrap();
    let found = found.into_inner();
    assert!(found > 200, "only {found} conversations were found: the test says nothing");
}
