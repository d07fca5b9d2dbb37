//! Temporary conversations (S-7, S-11, S-12, P-65, P-76, P-113).

use std::time::Duration;

use hookd_im_core::conversations::{self, MAX_TEMPORARY_MEMBERS, RestrictionChange, StartConversation};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, ChangeMessage, MessageChange};
use hookd_im_core::store::{Conversation, ConversationKind, ConversationQuery, CreatedConversation, Restriction};
use serde_json::{Map, Value, json};

use crate::scripted_engine::Script;
use crate::world::{Client, World, basic, code, ids, message, newest, object};

fn temporary(others: &[&str]) -> StartConversation {
    StartConversation { kind: ConversationKind::Temporary, ttl_seconds: Some(60), ..basic(others) }
}

async fn start(world: &World, client: &Client, new: StartConversation) -> Result<CreatedConversation, RequestError> {
    conversations::start(&world.core, &client.request(), new).await
}

/// Of Tom and Jerry, for a minute.
async fn scene() -> (World, Client, Client, Conversation) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let created = start(&world, &tom, temporary(&["jerry"])).await.unwrap();
    tom.events();
    jerry.events();
    (world, tom, jerry, created.conversation)
}

async fn rows(world: &World, client: &Client, asked: &[ConversationId]) -> Vec<Map<String, Value>> {
    let query = ConversationQuery { with_last_message: true, ..ConversationQuery::default() };
    conversations::find_temporary(&world.core, &client.request(), asked, query).await.unwrap()
}

/// S-93, S-94, S-102, P-66, P-80.
#[tokio::test]
async fn it_is_made_as_others_are_and_found_by_its_id_only() {
    let world = World::new();
    world.engine.reply("_conversationStart", "null");
    world.engine.reply("_conversationStarted", "null");
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let attributes = object(json!({ "name": "now", "ttl": 5, "temp": false }));
    let created = start(&world, &tom, StartConversation { attributes, ..temporary(&["jerry"]) }).await.unwrap();
    world.notifications_are_done().await;
    let conversation = created.conversation;
    assert!(conversation.id.is_temporary() && conversation.id.as_str().len() == 5 + 24, "{}", conversation.id);
    assert_eq!(tom.news(), ["joined by tom", "members_joined jerry,tom by tom"]);
    assert_eq!(jerry.news(), ["joined by tom", "members_joined jerry,tom by tom"]);
    let [asked] = &world.engine.calls_of("_conversationStart")[..] else { panic!("one call") };
    assert_eq!(*asked, json!({ "initBy": "tom", "members": ["jerry", "tom"], "attr": { "name": "now" } }));
    assert_eq!(world.engine.calls_of("_conversationStarted"), [json!({ "convId": conversation.id })]);

    world.say(&jerry, &conversation.id, "hello").await;
    assert_eq!(tom.news(), ["jerry says hello"]);
    let unknown = [ConversationId::new("_tmp:x"), world.conversation(&mut tom, &[]).await];
    let found = rows(&world, &tom, &[unknown.as_slice(), std::slice::from_ref(&conversation.id)].concat()).await;
    let [row] = &found[..] else { panic!("one row: {found:?}") };
    let shown = ["objectId", "temp", "ttl", "conv_type", "m", "name", "msg"].map(|key| row[key].clone());
    let id = json!(conversation.id);
    assert_eq!(shown, [id, json!(true), json!(60), json!(4), json!(["jerry", "tom"]), json!("now"), json!("hello")]);
    let all = ConversationQuery { limit: 100, ..ConversationQuery::default() };
    for filter in [json!({ "objectId": conversation.id }), json!({ "m": "jerry" }), json!({ "name": "now" })] {
        let query = ConversationQuery { filter: object(filter), ..all.clone() };
        assert!(conversations::find(&world.core, &tom.request(), query).await.unwrap().is_empty());
    }
}

/// S-27, S-11.
#[tokio::test]
async fn it_has_ten_members_at_most() {
    let world = World::new();
    let tom = world.client("tom");
    let others: Vec<ClientId> = (0..MAX_TEMPORARY_MEMBERS).map(|number| ClientId::new(number.to_string())).collect();
    let with = |members: &[ClientId]| StartConversation { members: members.to_vec(), ..temporary(&[]) };
    assert_eq!(code(start(&world, &tom, with(&others)).await), Code::ConversationFull);
    start(&world, &tom, with(&others[1..])).await.unwrap();
}

/// P-65.
#[tokio::test]
async fn a_unique_one_is_the_same_as_long_as_it_lives() {
    let world = World::new();
    let (tom, jerry) = (world.client("tom"), world.client("jerry"));
    let unique = |others: &[&str]| StartConversation { unique: true, ..temporary(others) };
    let first = start(&world, &tom, unique(&["jerry"])).await.unwrap();
    let second = start(&world, &jerry, unique(&["tom"])).await.unwrap();
    assert_eq!((second.existing, second.conversation), (true, first.conversation.clone()));
    let stored = StartConversation { kind: ConversationKind::Basic, ..unique(&["jerry"]) };
    assert!(!start(&world, &tom, stored).await.unwrap().existing);
    world.advance(Duration::from_secs(60));
    let next = start(&world, &tom, unique(&["jerry"])).await.unwrap();
    assert!(!next.existing && next.conversation.id != first.conversation.id);
}

/// S-7, P-81, S-71.
#[tokio::test]
async fn only_its_members_send_and_read() {
    let (world, tom, _jerry, conversation) = scene().await;
    let spike = world.client("spike");
    world.say(&tom, &conversation.id, "hi").await;
    let sent = messages::send(&world.core, &spike.request(), message(&conversation.id, "me too")).await;
    assert_eq!(code(sent), Code::InvalidMessagingTarget);
    let read = messages::history(&world.core, &spike.request(), &conversation.id, newest(10)).await;
    assert_eq!(code(read), Code::ConversationLogRejected);
    let history = messages::history(&world.core, &tom.request(), &conversation.id, newest(10)).await.unwrap();
    assert_eq!((history.kind, history.messages.len()), (ConversationKind::Temporary, 1));
    assert_eq!(rows(&world, &spike, &[conversation.id]).await[0].get("msg"), None);
}

/// What a client may try, and the code that it gets.
async fn tried(world: &World, client: &Client, conversation: &Conversation) -> Vec<Code> {
    let (core, request, id) = (&world.core, client.request(), &conversation.id);
    let silence = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
    vec![
        code(conversations::add(core, &request, id, ids(&["spike"])).await),
        code(conversations::add(core, &request, id, vec![client.id.clone()]).await),
        code(conversations::remove(core, &request, id, ids(&["jerry"])).await),
        code(conversations::remove(core, &request, id, vec![client.id.clone()]).await),
        code(conversations::update(core, &request, id, object(json!({ "name": "x" }))).await),
        code(conversations::set_muted(core, &request, id, true).await),
        code(conversations::change_restriction(core, &request, id, silence, ids(&["jerry"])).await),
    ]
}

/// S-7, S-103 … S-105.
#[tokio::test]
async fn its_members_and_attributes_are_fixed() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let spike = world.client("spike");
    for client in [&tom, &spike] {
        assert_eq!(tried(&world, client, &conversation).await, [Code::NormalConversationRequired; 7]);
    }
    assert!(jerry.events().is_empty());
    assert_eq!(conversations::count(&world.core, &tom.request(), &conversation.id).await.unwrap(), 2);
}

/// P-113: also of one that never was.
#[tokio::test]
async fn whatever_is_asked_of_one_that_is_over_it_is_not_there() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let sent = world.say(&tom, &conversation.id, "hi").await;
    jerry.events();
    world.set(|settings| settings.message_recall = true).await;
    world.advance(Duration::from_secs(60));
    let never = Conversation { id: ConversationId::generate_temporary(), ..conversation.clone() };
    for conversation in [&conversation, &never] {
        let (core, request, id) = (&world.core, tom.request(), &conversation.id);
        let recall = ChangeMessage {
            conversation: id.clone(),
            id: sent.id.clone(),
            timestamp: sent.timestamp,
            change: MessageChange::Recall,
        };
        let mut codes = tried(&world, &tom, conversation).await;
        codes.push(code(messages::send(core, &request, message(id, "hi")).await));
        codes.push(code(messages::history(core, &request, id, newest(10)).await));
        codes.push(code(messages::change(core, &request, recall).await));
        codes.push(code(conversations::count(core, &request, id).await));
        codes.push(code(conversations::sample(core, &request, id, 10).await));
        assert_eq!(codes, [Code::ConversationNotFound; 12]);
        assert!(rows(&world, &tom, std::slice::from_ref(id)).await.is_empty());
    }
    assert!(jerry.events().is_empty());
}

#[tokio::test]
async fn a_message_whose_conversation_ends_while_its_hook_is_asked_is_not_sent() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.define("_messageReceived", Script::Wait);
    let waits = world.engine.next_wait();
    let sending = async { code(messages::send(&world.core, &tom.request(), message(&conversation.id, "late")).await) };
    let (refused, ()) = tokio::join!(sending, async {
        waits.await.unwrap();
        world.advance(Duration::from_secs(60));
        world.engine.open_gate();
    });
    assert_eq!(refused, Code::ConversationNotFound);
    assert!(jerry.events().is_empty());
}

/// S-12.
#[tokio::test]
async fn what_is_over_is_deleted_with_its_messages() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.say(&tom, &conversation.id, "hi").await;
    conversations::delete_expired(&world.core).await.unwrap();
    assert_eq!(world.history(&conversation.id).await.len(), 1);
    world.advance(Duration::from_secs(60));
    assert_eq!(world.history(&conversation.id).await.len(), 1, "it is not there for clients any more");
    conversations::delete_expired(&world.core).await.unwrap();
    assert!(world.history(&conversation.id).await.is_empty());
}
