use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{ConversationQuery, FoundConversation, QueryError};
use serde_json::{Value, json};

use crate::fixture::{Fixture, clients, new_conversation, object};

fn query(filter: Value) -> ConversationQuery {
    ConversationQuery { filter: object(filter), limit: 100, ..ConversationQuery::default() }
}

async fn find(fixture: &Fixture, query: &ConversationQuery) -> Vec<FoundConversation> {
    fixture.store.find_conversations(&fixture.app, &ClientId::new("tom"), query).await.unwrap()
}

/// The names of the rows, in their order.
async fn names(fixture: &Fixture, query: &ConversationQuery) -> String {
    let rows = find(fixture, query).await;
    rows.iter().map(|row| row.conversation.attributes["name"].as_str().unwrap()).collect()
}

/// `a`, `b`, `c` and `d`, a second apart.
async fn four_conversations(fixture: &Fixture) {
    let date = |iso: &str| json!({"__type": "Date", "iso": iso});
    for (members, attributes) in [
        (&["tom", "jerry"][..], json!({"name": "a", "attr": {"level": 1, "tags": ["x", "y"]}, "title": "Room a.b 1"})),
        (&["tom", "anna", "jerry"], json!({"name": "b", "attr": {"level": 2.5, "tags": []}, "title": "room axb 2"})),
        (&["anna"], json!({"name": "c", "attr": {"level": "high"}, "due": date("2023-01-02T00:00:00.000Z")})),
        (&["anna", "jerry"], json!({"name": "d", "due": date("2024-01-02T00:00:00.000Z"), "none": null})),
    ] {
        fixture.create(members, attributes).await;
        fixture.advance(Duration::from_secs(1));
    }
}

pub async fn empty_filter_finds_the_conversations_of_the_asking_client(fixture: &Fixture) {
    four_conversations(fixture).await;
    assert_eq!(names(fixture, &query(json!({}))).await, "ba");
    let rows = find(fixture, &query(json!({}))).await;
    assert_eq!(rows[0].conversation.members, clients(&["anna", "jerry", "tom"]));
    let other = AppId::new("other");
    let none = fixture.store.find_conversations(&other, &ClientId::new("tom"), &query(json!({}))).await.unwrap();
    assert!(none.is_empty());
}

pub async fn operators_select(fixture: &Fixture) {
    four_conversations(fixture).await;
    let a = find(fixture, &query(json!({"name": "a"}))).await.swap_remove(0).conversation;
    let created = json!({"__type": "Date", "iso": a.created_at.to_iso()});
    for (filter, expected) in [
        (json!({"objectId": a.id}), "a"),
        (json!({"objectId": {"$in": [a.id, "unknown", 7]}}), "a"),
        (json!({"objectId": {"$in": []}}), ""),
        (json!({"objectId": {"$ne": a.id}}), "dcb"),
        (json!({"objectId": a.id, "m": "anna"}), ""),
        (json!({"m": "jerry"}), "dba"),
        (json!({"m": {"$ne": "jerry"}}), "c"),
        (json!({"m": {"$all": ["tom", "jerry"]}}), "ba"),
        (json!({"m": {"$all": ["jerry", "tom"], "$size": 2}}), "a"),
        (json!({"m": {"$in": ["tom", "anna"]}}), "dcba"),
        (json!({"m": {"$nin": ["tom"]}}), "dc"),
        (json!({"$or": [{"m": "tom"}, {"name": "c"}]}), "cba"),
        (json!({"$and": [{"m": "jerry"}, {"m": "anna"}]}), "db"),
        (json!({"c": "anna"}), "dc"),
        (json!({"attr.level": 1.0}), "a"),
        (json!({"attr.level": {"$gt": 1}}), "b"),
        (json!({"attr.level": {"$gte": 1, "$lt": 2.5}}), "a"),
        (json!({"attr.level": {"$lte": "high"}}), "c"),
        (json!({"attr.level": {"$exists": false}}), "d"),
        (json!({"attr.level": {"$nin": [1, "high"]}}), "db"),
        (json!({"attr.tags": "x"}), "a"),
        (json!({"attr.tags": ["x", "y"]}), "a"),
        (json!({"attr.tags": {"$size": 0}}), "b"),
        (json!({"attr.tags": {"$ne": "x"}}), "dcb"),
        (json!({"attr": {"level": "high"}}), "c"),
        (json!({"due": {"$gt": {"__type": "Date", "iso": "2023-06-01T00:00:00+00:00"}}}), "d"),
        (json!({"due": {"__type": "Date", "iso": "2023-01-02T01:00:00+01:00"}}), "c"),
        (json!({"createdAt": created}), "a"),
        (json!({"updatedAt": {"$gt": created}}), "dcb"),
        (json!({"lm": {"$exists": true}}), ""),
        (json!({"unique": true}), ""),
        (json!({"none": null}), "dcba"),
        (json!({"none": {"$exists": true}}), "d"),
        (json!({"title": {"$regex": "\\Qa.b\\E"}}), "a"),
        (json!({"title": {"$regex": "^\\Qroom\\E", "$options": "i"}}), "ba"),
        (json!({"title": {"$regex": "^room"}}), "b"),
        (json!({"tr": true}), ""),
        (json!({"sys": true, "name": "a"}), ""),
        (json!({"tr": {"$ne": true}}), "dcba"),
    ] {
        assert_eq!(names(fixture, &query(filter.clone())).await, expected, "{filter}");
    }

    let unique = fixture.store.create_conversation(&fixture.app, new_conversation(&["tom", "bob"], true), None).await;
    let unique = unique.unwrap().row.conversation;
    for filter in [json!({"unique": true}), json!({"uniqueId": unique.unique_id})] {
        let found = find(fixture, &query(filter)).await;
        assert_eq!(found.iter().map(|row| &row.conversation.id).collect::<Vec<_>>(), [&unique.id]);
    }
}

pub async fn wrong_filters_are_refused_by_name(fixture: &Fixture) {
    let deep = (0..40).fold(json!({"a": 1}), |inner, _| json!({"$and": [inner]}));
    let many: Vec<Value> = (0..300).map(|number| json!({"a": number})).collect();
    for (filter, named) in [
        (json!({"name": {"$near": 1}}), "`$near`"),
        (json!({"name": {"$near": 1}}), "`name`"),
        (json!({"$nor": []}), "`$nor`"),
        (json!({"$or": {}}), "`$or`"),
        (json!({"$and": []}), "`$and`"),
        (json!({"$and": [1]}), "`$and`"),
        (json!({"name": {"$in": "a"}}), "`$in`"),
        (json!({"name": {"$all": 1}}), "`$all`"),
        (json!({"m": {"$size": -1}}), "`$size`"),
        (json!({"m": {"$exists": 1}}), "`$exists`"),
        (json!({"name": {"$lt": {}}}), "`$lt`"),
        (json!({"name": {"$regex": "("}}), "`$regex`"),
        (json!({"name": {"$regex": 1}}), "`$regex`"),
        (json!({"name": {"$regex": "a", "$options": "x"}}), "`x`"),
        (json!({"name": {"$options": "i"}}), "`$regex`"),
        (json!({"name": {"$ne": 1, "plain": 1}}), "`plain`"),
        (json!({"attr..x": 1}), "`attr..x`"),
        (deep, "nested"),
        (json!({"$or": many}), "conditions"),
        (json!({"$or": vec![json!({}); 257]}), "256 conditions"),
        (json!({"$and": vec![json!({"$or": vec![json!({"a": 1}); 20]}); 20]}), "conditions"),
        (json!({"a": {"$in": vec![1; 600]}, "b": {"$nin": vec![1; 600]}}), "1000 values"),
        (json!({"$or": vec![json!({"a": {"$regex": "x"}}); 17]}), "16 patterns"),
        (json!({"a": {"$regex": "x".repeat(513)}}), "513 bytes"),
        (json!({"a": {"$regex": "(\\w{9}){999}"}}), "`$regex`"),
    ] {
        let outcome =
            fixture.store.find_conversations(&fixture.app, &ClientId::new("tom"), &query(filter.clone())).await;
        match outcome {
            Err(QueryError::BadFilter(text)) => assert!(text.contains(named), "{filter}: {text}"),
            other => panic!("{filter}: {other:?}"),
        }
    }
}

pub async fn rows_are_sorted_and_paged(fixture: &Fixture) {
    four_conversations(fixture).await;
    let all = || query(json!({"objectId": {"$exists": true}}));
    for (sort, skip, limit, expected) in [
        (None, 0, 100, "dcba"),
        (None, 1, 2, "cb"),
        (None, 0, 0, ""),
        (None, 9, 100, ""),
        (Some("-updatedAt"), 0, 1, "d"),
        (Some("updatedAt"), 0, 100, "abcd"),
        (Some("name"), 1, 2, "bc"),
        (Some("-name"), 0, 100, "dcba"),
        (Some("attr.level"), 0, 100, "dabc"),
        (Some("-c,name"), 0, 100, "abcd"),
        (Some("m"), 3, 100, "a"),
    ] {
        let query = ConversationQuery { sort: sort.map(str::to_owned), skip, limit, ..all() };
        assert_eq!(names(fixture, &query).await, expected, "{sort:?} {skip} {limit}");
    }
}

pub async fn last_message_comes_when_asked_for(fixture: &Fixture) {
    four_conversations(fixture).await;
    let mut query = query(json!({}));
    let a = find(fixture, &query).await.swap_remove(1).conversation;
    fixture.say(&a, "first").await;
    let last = fixture.say(&a, "last").await;
    assert!(find(fixture, &query).await.iter().all(|row| row.last_message.is_none()));
    query.with_last_message = true;
    let rows = find(fixture, &query).await;
    assert_eq!(rows[0].conversation.id, a.id);
    assert_eq!(rows[0].last_message.as_ref().map(|message| &message.id), Some(&last.id));
    assert!(rows[1].last_message.is_none());
}

pub async fn compact_rows_come_without_members(fixture: &Fixture) {
    four_conversations(fixture).await;
    let compact = ConversationQuery { compact: true, ..query(json!({"name": {"$in": ["a", "b"]}})) };
    assert_eq!(names(fixture, &compact).await, "ba");
    assert!(find(fixture, &compact).await.iter().all(|row| row.conversation.members.is_empty()));
}

pub async fn answered_write_is_visible_at_once(fixture: &Fixture) {
    for _ in 0..50 {
        let created = fixture.create(&["tom"], json!({"name": "x"})).await;
        let found = find(fixture, &query(json!({"objectId": created.id}))).await;
        assert_eq!(found.len(), 1);
    }
}
