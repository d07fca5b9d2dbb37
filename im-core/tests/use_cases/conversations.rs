//! Creating, joining, adding, leaving, removing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::conversations::{self, MAX_MEMBERS, StartConversation};
use hookd_im_core::delivery::Event;
use hookd_im_core::error::Code;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages;
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{World, basic, code, ids, message, object, refusal};

fn unique(members: &[&str]) -> StartConversation {
    StartConversation { unique: true, ..basic(members) }
}

fn define_all(world: &World) {
    for hook in [
        "_conversationStart",
        "_conversationStarted",
        "_conversationAdd",
        "_conversationAdded",
        "_conversationRemove",
        "_conversationRemoved",
    ] {
        world.engine.reply(hook, "null");
    }
}

fn called(world: &World) -> Vec<(&'static str, serde_json::Value)> {
    world.engine.calls().into_iter().map(|call| (call.hook, call.params)).collect()
}

#[tokio::test]
async fn all_members_of_a_new_conversation_join_and_the_hooks_are_called() {
    let world = World::new();
    define_all(&world);
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let attributes = object(json!({ "name": "Planning", "attr": { "a": 1 }, "m": ["x"], "sys": true }));
    let new = StartConversation { attributes, ..basic(&["spike", "jerry", "jerry"]) };
    let created = conversations::start(&world.core, &tom.request(), new).await.unwrap();
    assert!(!created.existing);
    let row = world.row(&created.conversation.id).await;
    assert_eq!(row.members, ids(&["jerry", "spike", "tom"]));
    assert_eq!(row.creator, Some(ClientId::new("tom")));
    assert_eq!(row.attributes, object(json!({ "name": "Planning", "attr": { "a": 1 } })));

    for client in [&mut tom, &mut jerry] {
        assert_eq!(client.news(), ["joined by tom", "members_joined jerry,spike,tom by tom"]);
    }
    world.notifications_are_done().await;
    assert_eq!(
        called(&world),
        [
            (
                "_conversationStart",
                json!({
                    "initBy": "tom", "members": ["jerry", "spike", "tom"], "attr": { "name": "Planning", "attr": { "a": 1 } },
                })
            ),
            ("_conversationStarted", json!({ "convId": row.id })),
        ]
    );
}

#[tokio::test]
async fn events_about_a_client_itself_are_kept_and_pushed_with_the_same_time() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    conversations::remove(&world.core, &tom.request(), &id, ids(&["jerry"])).await.unwrap();
    let pushed: Vec<_> = jerry
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Joined(change) => Some(("joined", change)),
            Event::Left(change) => Some(("left", change)),
            _ => None,
        })
        .collect();
    let kept = world.core.store.missed_events(&world.app.id, &jerry.id, Timestamp(0), 10).await.unwrap();
    assert_eq!(kept.len(), 2);
    for (kept, (operation, change)) in kept.iter().zip(&pushed) {
        assert_eq!(change.server_timestamp, Some(kept.server_timestamp));
        let payload = json!({
            "cmd": "conv", "op": operation, "cid": id, "initBy": "tom", "udate": change.updated_at.to_iso(),
        });
        assert_eq!(kept.payload, object(payload));
    }
}

#[tokio::test]
async fn pushes_to_the_creators_own_socket_wait_for_the_reply() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    conversations::start(&world.core, &tom.request(), basic(&["jerry"])).await.unwrap();
    assert!(tom.pushes().iter().all(|push| push.after_reply));
    assert!(jerry.pushes().iter().all(|push| !push.after_reply));
}

#[tokio::test]
async fn a_unique_conversation_is_found_again_without_events_after_the_hook_was_asked() {
    let world = World::new();
    define_all(&world);
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let first = conversations::start(&world.core, &tom.request(), unique(&["jerry"])).await.unwrap();
    tom.events();
    jerry.events();
    let again = conversations::start(&world.core, &jerry.request(), unique(&["tom"])).await.unwrap();
    assert!(again.existing);
    assert_eq!(again.conversation, first.conversation);
    assert!(tom.events().is_empty());
    assert!(jerry.events().is_empty());
    world.notifications_are_done().await;
    let count = |hook| world.engine.calls_of(hook).len();
    assert_eq!((count("_conversationStart"), count("_conversationStarted")), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_unique_creates_end_with_one_conversation() {
    let world = World::new();
    let (mut tom, jerry) = (world.client("tom"), world.client("jerry"));
    let mut creates = tokio::task::JoinSet::new();
    for number in 0..40 {
        let core = Arc::clone(&world.core);
        let (request, other) = if number % 2 == 0 { (tom.request(), "jerry") } else { (jerry.request(), "tom") };
        creates.spawn(async move { conversations::start(&core, &request, unique(&[other])).await });
    }
    let created: Vec<_> = creates.join_all().await.into_iter().map(Result::unwrap).collect();
    let ids: HashSet<&ConversationId> = created.iter().map(|created| &created.conversation.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(created.iter().filter(|created| !created.existing).count(), 1);
    assert_eq!(tom.events().len(), 2);
}

#[tokio::test]
async fn a_conversation_has_at_most_five_hundred_members() {
    let world = World::new();
    define_all(&world);
    let tom = world.client("tom");
    let names: Vec<String> = (1..=MAX_MEMBERS).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let result = conversations::start(&world.core, &tom.request(), basic(&names)).await;
    assert_eq!(code(result), Code::ConversationFull);
    assert!(world.engine.calls().is_empty());

    let full = conversations::start(&world.core, &tom.request(), basic(&names[1..])).await.unwrap();
    let id = &full.conversation.id;
    let result = conversations::add(&world.core, &tom.request(), id, ids(&["c2", "spike"])).await.unwrap();
    assert_eq!(result.allowed, ids(&["c2"]));
    let [failed] = &result.failed[..] else { panic!("one reason") };
    assert_eq!((failed.code, &failed.members), (Code::ConversationFull, &ids(&["spike"])));
    world.notifications_are_done().await;
    assert!(world.engine.calls_of("_conversationAdded").is_empty());
}

#[tokio::test]
async fn adding_informs_all_members_and_present_members_change_nothing() {
    let world = World::new();
    let (mut tom, mut jerry, mut spike) = (world.client("tom"), world.client("jerry"), world.client("spike"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    define_all(&world);
    let members = ids(&["jerry", "spike", "spike", "butch"]);
    let result = conversations::add(&world.core, &tom.request(), &id, members).await.unwrap();
    assert_eq!((result.allowed, result.failed), (ids(&["jerry", "spike", "butch"]), vec![]));
    assert_eq!(result.updated_at, world.row(&id).await.updated_at);

    assert_eq!(tom.news(), ["members_joined spike,butch by tom"]);
    assert_eq!(jerry.news(), ["members_joined spike,butch by tom"]);
    assert_eq!(spike.news(), ["joined by tom", "members_joined spike,butch by tom"]);
    world.notifications_are_done().await;
    let params = json!({ "initBy": "tom", "members": ["spike", "butch"], "convId": id });
    assert_eq!(called(&world), [("_conversationAdd", params.clone()), ("_conversationAdded", params)]);
}

#[tokio::test]
async fn joining_is_adding_oneself() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &[]).await;
    define_all(&world);
    let result = conversations::add(&world.core, &jerry.request(), &id, ids(&["jerry"])).await.unwrap();
    assert_eq!(result.allowed, ids(&["jerry"]));
    assert_eq!(tom.news(), ["members_joined jerry by jerry"]);
    assert_eq!(jerry.news(), ["joined by jerry", "members_joined jerry by jerry"]);
    world.notifications_are_done().await;
    let params = json!({ "initBy": "jerry", "members": ["jerry"], "convId": id });
    assert_eq!(called(&world), [("_conversationAdd", params.clone()), ("_conversationAdded", params)]);
}

#[tokio::test]
async fn joining_and_leaving_twice_succeed_without_events_and_hooks() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &[]).await;
    define_all(&world);
    let before = world.row(&id).await;
    let left = conversations::remove(&world.core, &jerry.request(), &id, ids(&["jerry"])).await.unwrap();
    let joined = conversations::add(&world.core, &tom.request(), &id, ids(&["tom"])).await.unwrap();
    assert_eq!((left.allowed, joined.allowed), (ids(&["jerry"]), ids(&["tom"])));
    assert_eq!(world.row(&id).await, before);
    assert!(tom.events().is_empty());
    assert!(jerry.events().is_empty());
    world.notifications_are_done().await;
    assert!(called(&world).is_empty());
}

#[tokio::test]
async fn removing_informs_the_remaining_members_and_the_removed_one() {
    let world = World::new();
    let (mut tom, mut jerry, mut spike) = (world.client("tom"), world.client("jerry"), world.client("spike"));
    let id = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    spike.events();
    define_all(&world);
    let members = ids(&["jerry", "butch"]);
    let result = conversations::remove(&world.core, &tom.request(), &id, members.clone()).await.unwrap();
    assert_eq!((result.allowed, result.failed), (members, vec![]));
    assert_eq!(tom.news(), ["members_left jerry by tom"]);
    assert_eq!(spike.news(), ["members_left jerry by tom"]);
    assert_eq!(jerry.news(), ["left by tom"]);
    world.notifications_are_done().await;
    let params = json!({ "initBy": "tom", "members": ["jerry"], "convId": id });
    assert_eq!(called(&world), [("_conversationRemove", params.clone()), ("_conversationRemoved", params)]);
}

#[tokio::test]
async fn leaving_needs_no_approval_and_calls_the_notification_hook() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    define_all(&world);
    world.engine.reply("_conversationRemove", json!({ "reject": true }));
    conversations::remove(&world.core, &jerry.request(), &id, ids(&["jerry"])).await.unwrap();
    assert_eq!(tom.news(), ["members_left jerry by jerry"]);
    assert_eq!(jerry.news(), ["left by jerry"]);
    world.notifications_are_done().await;
    let params = json!({ "initBy": "jerry", "members": ["jerry"], "convId": id });
    assert_eq!(called(&world), [("_conversationRemoved", params)]);
}

#[tokio::test]
async fn only_members_act_on_others_and_only_in_conversations_that_exist() {
    let world = World::new();
    let (mut tom, butch) = (world.client("tom"), world.client("butch"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    define_all(&world);
    let (core, request) = (&world.core, &butch.request());
    let denied = Code::ConversationMembershipRequired;
    assert_eq!(code(conversations::add(core, request, &id, ids(&["spike"])).await), denied);
    assert_eq!(code(conversations::add(core, request, &id, ids(&["butch", "spike"])).await), denied);
    assert_eq!(code(conversations::remove(core, request, &id, ids(&["jerry"])).await), denied);
    let nowhere = ConversationId::generate();
    let missing = Code::ConversationNotFound;
    assert_eq!(code(conversations::add(core, request, &nowhere, ids(&["butch"])).await), missing);
    assert_eq!(code(conversations::remove(core, request, &nowhere, ids(&["butch"])).await), missing);
    assert!(called(&world).is_empty());
}

#[tokio::test]
async fn a_member_removed_while_its_hook_runs_adds_no_member() {
    let world = World::new();
    let (mut tom, jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    world.engine.define("_conversationAdd", Script::Wait);
    let waits = world.engine.next_wait();
    let request = jerry.request();
    let (added, ()) = tokio::join!(conversations::add(&world.core, &request, &id, ids(&["spike"])), async {
        waits.await.unwrap();
        conversations::remove(&world.core, &tom.request(), &id, ids(&["jerry"])).await.unwrap();
        world.engine.open_gate();
    });
    assert_eq!(code(added), Code::ConversationMembershipRequired);
    assert_eq!(world.row(&id).await.members, ids(&["tom"]));
}

/// F-30.
#[tokio::test]
async fn a_message_in_a_unique_conversation_comes_after_joined_however_soon_it_is_found() {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let (created, go_on) = world.store.after_create.next();
    let (core, request) = (world.core.clone(), tom.request());
    let creates =
        tokio::spawn(async move { conversations::start(&core, &request, unique(&["jerry"])).await.map(drop) });
    created.await.unwrap();
    let (core, request) = (world.core.clone(), jerry.request());
    let mut finds = tokio::spawn(async move {
        let found = conversations::start(&core, &request, unique(&["tom"])).await.unwrap();
        assert!(found.existing);
        let hello = message(&found.conversation.id, "found you");
        messages::send(&core, &request, hello).await.map(drop)
    });
    // Jerry is ready long before, unless he waits for Tom.
    let early = tokio::time::timeout(Duration::from_millis(100), &mut finds).await;
    assert!(early.is_err(), "jerry may do nothing there before its members got the event");
    go_on.send(()).unwrap();
    creates.await.unwrap().unwrap();
    finds.await.unwrap().unwrap();
    assert_eq!(tom.news(), ["joined by tom", "members_joined jerry,tom by tom", "jerry says found you"]);
    assert_eq!(jerry.news(), ["joined by tom", "members_joined jerry,tom by tom"]);
}

/// F-43.
#[tokio::test]
async fn members_have_ids_that_a_client_can_have() {
    let world = World::new();
    define_all(&world);
    let mut tom = world.client("tom");
    let longest = "é".repeat(64);
    let id = world.conversation(&mut tom, &[&longest]).await;
    for bad in [String::new(), "x".repeat(65), "x".repeat(5000)] {
        let named = || ids(&["jerry", &bad]);
        let new = StartConversation { members: named(), ..basic(&[]) };
        let (code, _, detail) = refusal(conversations::start(&world.core, &tom.request(), new).await);
        assert_eq!(code, Code::ConversationApiFailed);
        assert!(detail.unwrap().starts_with("member 2 of 2 "));
        let added = conversations::add(&world.core, &tom.request(), &id, named()).await;
        assert_eq!(refusal(added).0, Code::ConversationApiFailed);
        let removed = conversations::remove(&world.core, &tom.request(), &id, named()).await;
        assert_eq!(refusal(removed).0, Code::ConversationApiFailed);
    }
    assert_eq!(world.row(&id).await.members, ids(&["tom", &longest]));
    world.notifications_are_done().await;
    assert!(world.engine.calls_of("_conversationAdd").is_empty());
    assert_eq!(world.engine.calls_of("_conversationStart").len(), 1);
}
