//! Chat rooms (S-7, S-9): joining, leaving, sending, and the hooks of it.

use hookd_im_core::conversations::{self, MAX_MEMBERS, MembershipResult, StartConversation};
use hookd_im_core::delivery::Event;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, ChangeMessage, MessageChange, SendMessage};
use hookd_im_core::store::{ConversationKind, MessageBody};
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, basic, code, ids, message, newest, object, refusal};

/// A room that Tom has made, and is in.
async fn scene() -> (World, Client, ConversationId) {
    let world = World::new();
    let tom = world.client("tom");
    let room = create(&world, &tom).await;
    (world, tom, room)
}

async fn create(world: &World, client: &Client) -> ConversationId {
    let new = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    conversations::start(&world.core, &client.request(), new).await.unwrap().conversation.id
}

async fn try_join(world: &World, client: &Client, room: &ConversationId) -> Result<MembershipResult, RequestError> {
    conversations::add(&world.core, &client.request(), room, vec![client.id.clone()]).await
}

async fn join(world: &World, client: &Client, room: &ConversationId) {
    let joined = try_join(world, client, room).await.unwrap();
    assert_eq!((joined.allowed, joined.failed.len()), (vec![client.id.clone()], 0));
}

async fn leave(world: &World, client: &Client, room: &ConversationId) {
    let left = conversations::remove(&world.core, &client.request(), room, vec![client.id.clone()]).await.unwrap();
    assert_eq!((left.allowed, left.failed.len()), (vec![client.id.clone()], 0));
}

async fn count(world: &World, client: &Client, room: &ConversationId) -> u32 {
    conversations::count(&world.core, &client.request(), room).await.unwrap()
}

fn define_all(world: &World) {
    for hook in [
        "_conversationStart",
        "_conversationStarted",
        "_conversationAdd",
        "_conversationAdded",
        "_conversationRemove",
        "_conversationRemoved",
        "_messageReceived",
        "_messageSent",
    ] {
        world.engine.reply(hook, "null");
    }
}

fn called(world: &World) -> Vec<&'static str> {
    world.engine.calls().into_iter().map(|call| call.hook).collect()
}

/// S-93, S-94, S-102, P-65, P-66.
#[tokio::test]
async fn a_new_room_has_its_creator_in_it_and_no_members() {
    let world = World::new();
    define_all(&world);
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let attributes = object(json!({ "name": "lobby", "tr": false }));
    let new =
        StartConversation { kind: ConversationKind::ChatRoom, unique: true, attributes, ..basic(&["jerry", "spike"]) };
    let created = conversations::start(&world.core, &tom.request(), new.clone()).await.unwrap();
    world.notifications_are_done().await;
    let room = created.conversation;
    assert_eq!((room.kind, room.members.len(), room.unique_id), (ConversationKind::ChatRoom, 0, None));
    let [start] = &world.engine.calls_of("_conversationStart")[..] else { panic!("one call") };
    assert_eq!(*start, json!({ "initBy": "tom", "members": ["tom"], "attr": { "name": "lobby" } }));
    assert_eq!(called(&world), ["_conversationStart", "_conversationStarted"]);
    assert_eq!(count(&world, &jerry, &room.id).await, 1);
    assert!(tom.events().is_empty() && jerry.events().is_empty());
    let again = conversations::start(&world.core, &tom.request(), new).await.unwrap();
    assert_ne!(again.conversation.id, room.id, "no room is unique");
    assert_eq!((count(&world, &tom, &room.id).await, count(&world, &tom, &again.conversation.id).await), (0, 1));
}

#[tokio::test]
async fn a_client_makes_no_service_conversation() {
    let world = World::new();
    let tom = world.client("tom");
    let new = StartConversation { kind: ConversationKind::Service, ..basic(&[]) };
    assert_eq!(code(conversations::start(&world.core, &tom.request(), new).await), Code::NormalConversationRequired);
}

/// S-95, S-96, S-103, S-104.
#[tokio::test]
async fn joining_and_leaving_call_the_hooks_of_a_client_that_does_it_for_itself() {
    let (world, mut tom, room) = scene().await;
    define_all(&world);
    let mut jerry = world.client("jerry");
    join(&world, &jerry, &room).await;
    join(&world, &jerry, &room).await;
    leave(&world, &jerry, &room).await;
    leave(&world, &jerry, &room).await;
    world.notifications_are_done().await;
    let mut calls = called(&world);
    calls.sort_unstable();
    assert_eq!(calls, ["_conversationAdd", "_conversationAdded", "_conversationRemoved"], "once each (S-24)");
    let of_jerry = json!({ "initBy": "jerry", "convId": room, "members": ["jerry"] });
    assert!(world.engine.calls().iter().all(|call| call.params == of_jerry));
    assert_eq!(count(&world, &jerry, &room).await, 1);
    assert!(tom.events().is_empty() && jerry.events().is_empty(), "nobody is told (P-68)");
}

#[tokio::test]
async fn a_hook_refuses_a_join() {
    let (world, _tom, room) = scene().await;
    world.engine.reply("_conversationAdd", json!({ "reject": true, "code": 7, "detail": "full" }));
    let jerry = world.client("jerry");
    let refused = refusal(try_join(&world, &jerry, &room).await);
    assert_eq!(refused, (Code::ConversationRejectedByApp, Some(7), Some("full".to_owned())));
    assert_eq!(count(&world, &jerry, &room).await, 1);
}

#[tokio::test]
async fn a_session_that_ends_while_its_join_is_asked_about_is_in_no_room() {
    let (world, tom, room) = scene().await;
    world.engine.define("_conversationAdd", Script::Wait);
    let jerry = world.client("jerry");
    let waits = world.engine.next_wait();
    let joining = async { code(try_join(&world, &jerry, &room).await) };
    let (refused, ()) = tokio::join!(joining, async {
        waits.await.unwrap();
        world.core.online.remove(&world.app.id, &jerry.id, jerry.session);
        world.engine.open_gate();
    });
    assert_eq!(refused, Code::SessionRequired);
    assert_eq!(count(&world, &tom, &room).await, 1);
}

/// S-7, S-103, S-104.
#[tokio::test]
async fn nobody_adds_or_removes_others() {
    let (world, tom, room) = scene().await;
    let jerry = world.client("jerry");
    join(&world, &jerry, &room).await;
    for members in [ids(&["jerry"]), ids(&["tom", "jerry"]), Vec::new()] {
        let added = conversations::add(&world.core, &tom.request(), &room, members.clone()).await;
        assert_eq!(code(added), Code::NormalConversationRequired);
        let removed = conversations::remove(&world.core, &tom.request(), &room, members).await;
        assert_eq!(code(removed), Code::NormalConversationRequired);
    }
    assert_eq!(count(&world, &tom, &room).await, 2);
}

#[tokio::test]
async fn a_session_that_joins_another_room_leaves_the_first_without_any_hook() {
    let (world, tom, room) = scene().await;
    let other = create(&world, &world.client("jerry")).await;
    define_all(&world);
    join(&world, &tom, &other).await;
    world.notifications_are_done().await;
    let mut calls = called(&world);
    calls.sort_unstable();
    assert_eq!(calls, ["_conversationAdd", "_conversationAdded"]);
    assert_eq!((count(&world, &tom, &room).await, count(&world, &tom, &other).await), (0, 2));
}

/// S-57, S-89, S-90, S-100, P-82.
#[tokio::test]
async fn a_message_goes_to_the_sessions_that_are_there_without_the_senders() {
    let (world, mut tom, room) = scene().await;
    define_all(&world);
    world.engine.reply("_messageReceived", json!({ "toPeers": ["spike"] }));
    let (mut jerry, mut spike, mut toms_phone) = (world.client("jerry"), world.client("spike"), world.client("tom"));
    join(&world, &jerry, &room).await;
    join(&world, &toms_phone, &room).await;
    let sent = world.say(&tom, &room, "hello").await;
    // Spike is not there, and may send.
    world.say(&spike, &room, "from outside").await;
    world.notifications_are_done().await;
    assert_eq!(jerry.news(), ["tom says hello", "spike says from outside"]);
    assert_eq!(tom.news(), ["spike says from outside"]);
    assert_eq!(toms_phone.news(), ["spike says from outside"], "no copy for the sender");
    assert!(spike.news().is_empty(), "no hook chooses the receivers");
    let received = world.engine.calls_of("_messageReceived");
    assert!(received.iter().all(|params| params["toPeers"] == json!([])), "{received:?}");
    let done = world.engine.calls_of("_messageSent");
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|params| [&params["onlinePeers"], &params["offlinePeers"]] == [&json!([]), &json!([])]));
    assert_eq!(world.row(&room).await.last_message_at, world.history(&room).await.last().map(|last| last.timestamp));
    let history = messages::history(&world.core, &spike.request(), &room, newest(10)).await.unwrap();
    assert_eq!((history.kind, history.messages[0].id.clone()), (ConversationKind::ChatRoom, sent.id));
}

#[tokio::test]
async fn a_transient_message_is_not_stored() {
    let (world, tom, room) = scene().await;
    let mut jerry = world.client("jerry");
    join(&world, &jerry, &room).await;
    let typing = SendMessage { transient: true, ..message(&room, "typing") };
    messages::send(&world.core, &tom.request(), typing).await.unwrap();
    assert_eq!(jerry.news(), ["tom says typing"]);
    assert!(world.history(&room).await.is_empty());
}

/// S-50: only the sending session has the message.
#[tokio::test]
async fn the_sending_session_learns_what_a_hook_made_of_its_message() {
    let (world, mut tom, room) = scene().await;
    world.engine.reply("_messageReceived", json!({ "content": "***" }));
    let (mut jerry, mut toms_phone) = (world.client("jerry"), world.client("tom"));
    join(&world, &jerry, &room).await;
    join(&world, &toms_phone, &room).await;
    world.say(&tom, &room, "damn").await;
    assert_eq!((tom.news(), jerry.news()), (vec!["tom corrects ***".to_owned()], vec!["tom says ***".to_owned()]));
    assert!(toms_phone.news().is_empty());
}

/// S-101, P-94.
#[tokio::test]
async fn who_is_there_learns_of_an_edit() {
    let (world, mut tom, room) = scene().await;
    world.set(|settings| settings.message_edit = true).await;
    let mut jerry = world.client("jerry");
    join(&world, &jerry, &room).await;
    let sent = world.say(&tom, &room, "helo").await;
    let edit = |text: &str| ChangeMessage {
        conversation: room.clone(),
        id: sent.id.clone(),
        timestamp: sent.timestamp,
        change: MessageChange::Edit {
            body: MessageBody::Text(text.to_owned()),
            mentions: Vec::new(),
            mention_all: false,
        },
    };
    let of_another = messages::change(&world.core, &jerry.request(), edit("bye")).await;
    assert_eq!(code(of_another), Code::MessageOwnershipRequired);
    messages::change(&world.core, &tom.request(), edit("hello")).await.unwrap();
    assert_eq!(jerry.news(), ["tom says helo", "tom corrects hello"]);
    assert!(tom.news().is_empty());
}

/// S-105, P-71.
#[tokio::test]
async fn who_is_there_changes_the_attributes_and_the_others_there_learn_of_it() {
    let (world, mut tom, room) = scene().await;
    let mut jerry = world.client("jerry");
    let rename = async |client: &Client| {
        let asked = object(json!({ "name": "lounge" }));
        conversations::update(&world.core, &client.request(), &room, asked).await
    };
    assert_eq!(code(rename(&jerry).await), Code::ConversationUpdateRejected);
    join(&world, &jerry, &room).await;
    rename(&jerry).await.unwrap();
    let [Event::ConversationUpdated(change)] = &tom.events()[..] else { panic!("one event") };
    assert_eq!((change.by.as_str(), change.changed.as_str()), ("jerry", r#"{"name":"lounge"}"#));
    assert!(jerry.events().is_empty());
}

#[tokio::test]
async fn the_list_of_those_that_muted_a_room_is_bounded() {
    let (world, tom, room) = scene().await;
    for number in 0..MAX_MEMBERS {
        let client = world.client(&number.to_string());
        conversations::set_muted(&world.core, &client.request(), &room, true).await.unwrap();
    }
    conversations::set_muted(&world.core, &tom.request(), &room, true).await.unwrap();
    let muted = world.row(&room).await.muted;
    assert_eq!((muted.len(), muted.last(), muted.first()), (MAX_MEMBERS, Some(&tom.id), Some(&ClientId::new("1"))));
    conversations::set_muted(&world.core, &tom.request(), &room, false).await.unwrap();
    assert!(!world.row(&room).await.muted.contains(&tom.id));
}

/// P-74.
#[tokio::test]
async fn a_sample_is_of_those_that_are_there() {
    let (world, mut tom, room) = scene().await;
    let jerry = world.client("jerry");
    join(&world, &jerry, &room).await;
    let mut sample = conversations::sample(&world.core, &jerry.request(), &room, 50).await.unwrap();
    sample.sort();
    assert_eq!(sample, ids(&["jerry", "tom"]));
    assert_eq!(conversations::sample(&world.core, &jerry.request(), &room, 1).await.unwrap().len(), 1);
    let group = world.conversation(&mut tom, &["jerry"]).await;
    let refused = conversations::sample(&world.core, &tom.request(), &group, 50).await;
    assert_eq!(code(refused), Code::TransientConversationRequired);
}
