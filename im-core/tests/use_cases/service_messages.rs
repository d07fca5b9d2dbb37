//! Messages to and from service conversations (S-71, S-108, S-109, S-136 … S-139).

use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::delivery::Event;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{
    self, ChangeMessage, MAX_MESSAGE_BYTES, MessageChange, SendMessage, SentMessage, ServiceMessage, ServiceReceivers,
};
use hookd_im_core::presence::follow_subscriptions;
use hookd_im_core::receipts;
use hookd_im_core::store::{ConversationKind, ConversationQuery, MessageBody};
use serde_json::{Map, Value, json};

use crate::world::{ADDRESS, Client, World, basic, code, ids, message, newest, object, refusal};

fn administrator(world: &World) -> Actor {
    let (app, address) = (world.app.clone(), ADDRESS.parse().unwrap());
    Actor { app, identity: Identity::Administrator, address, origin: None }
}

/// A service conversation to which Tom and Jerry subscribe, both online; Spike is online too, and does not.
async fn scene() -> (World, ConversationId, [Client; 3]) {
    let world = World::new();
    let news = conversations::create_service(&world.core, &administrator(&world), Map::new()).await.unwrap().id;
    let clients = ["tom", "jerry", "spike"].map(|name| world.client(name));
    for client in &clients[..2] {
        subscribe(&world, client, &news).await;
    }
    (world, news, clients)
}

async fn subscribe(world: &World, client: &Client, news: &ConversationId) {
    conversations::add(&world.core, &client.request(), news, vec![client.id.clone()]).await.unwrap();
}

async fn unsubscribe(world: &World, client: &Client, news: &ConversationId) {
    conversations::remove(&world.core, &client.request(), news, vec![client.id.clone()]).await.unwrap();
}

fn to(names: &[&str]) -> ServiceReceivers {
    ServiceReceivers::Clients(ids(names))
}

fn from_service(news: &ConversationId, to: ServiceReceivers, text: &str) -> ServiceMessage {
    ServiceMessage {
        conversation: news.clone(),
        from: ClientId::new("News"),
        to,
        body: MessageBody::Text(text.to_owned()),
        transient: false,
        push_data: None,
    }
}

async fn try_send(world: &World, message: ServiceMessage) -> Result<SentMessage, RequestError> {
    messages::send_from_service(&world.core, &administrator(world), message).await
}

async fn send(world: &World, news: &ConversationId, to: ServiceReceivers, text: &str) -> SentMessage {
    try_send(world, from_service(news, to, text)).await.unwrap()
}

/// The texts that a client reads in the history.
async fn history(world: &World, client: &Client, news: &ConversationId) -> Vec<String> {
    let read = messages::history(&world.core, &client.request(), news, newest(100)).await.unwrap();
    assert_eq!(read.kind, ConversationKind::Service);
    let text = |body| match body {
        MessageBody::Text(text) => text,
        MessageBody::Binary(_) => panic!("no binary message was sent"),
    };
    read.messages.into_iter().map(|message| text(message.body)).collect()
}

/// The number of unread messages of the conversation, as a login tells it.
async fn unread(world: &World, client: &str) -> u32 {
    let counts = receipts::unread_at_login(&world.core, (&world.app.id, &ClientId::new(client)), None).await.unwrap();
    counts.map_or(0, |counts| counts.conversations.iter().map(|unread| unread.count).sum())
}

fn define(world: &World, hooks: &[&'static str]) {
    hooks.iter().for_each(|hook| world.engine.reply(hook, "null"));
}

/// S-7, S-89, S-90, S-108, S-139.
#[tokio::test]
async fn what_a_client_sends_to_a_service_nobody_else_sees() {
    let (world, news, [mut tom, mut jerry, mut spike]) = scene().await;
    define(&world, &["_messageReceived", "_messageSent", "_receiversOffline"]);
    let mut spikes_phone = world.client("spike");
    let sent = world.say(&spike, &news, "hello").await;
    world.notifications_are_done().await;
    assert_eq!(spikes_phone.news(), ["spike says hello"], "subscribing first is not required");
    assert!(tom.events().is_empty() && jerry.events().is_empty() && spike.events().is_empty());
    assert_eq!(history(&world, &spike, &news).await, ["hello"]);
    assert!(history(&world, &tom, &news).await.is_empty());
    assert_eq!([unread(&world, "spike").await, unread(&world, "tom").await], [0, 0]);

    let mut received = world.engine.calls_of("_messageReceived");
    let at = received[0].as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(at.is_i64());
    let common = json!({
        "fromPeer": "spike", "convId": news, "transient": false, "system": true, "bin": false, "content": "hello",
        "receipt": false, "sourceIP": ADDRESS,
    });
    let with = |more: Value| [object(common.clone()), object(more)].into_iter().flatten().collect::<Map<_, _>>();
    assert_eq!(received, [Value::Object(with(json!({ "toPeers": [], "groupId": null })))]);
    let expected = with(json!({
        "msgId": sent.id, "onlinePeers": [], "offlinePeers": [], "timestamp": sent.timestamp,
    }));
    assert_eq!(world.engine.calls_of("_messageSent"), [Value::Object(expected)]);
    assert!(world.engine.calls_of("_receiversOffline").is_empty());

    let query = ConversationQuery { filter: object(json!({ "sys": true })), limit: 1, ..ConversationQuery::default() };
    let rows = conversations::find(&world.core, &spike.request(), query).await.unwrap();
    assert!(!rows[0].contains_key("lm"), "S-7");
}

#[tokio::test]
async fn a_message_to_a_service_is_sent_once_and_may_be_dropped_or_changed() {
    let (world, news, [tom, ..]) = scene().await;
    let token = || SendMessage { deduplication_token: Some("t".to_owned()), ..message(&news, "once") };
    let first = messages::send(&world.core, &tom.request(), token()).await.unwrap();
    assert_eq!(messages::send(&world.core, &tom.request(), token()).await.unwrap(), first);
    world.engine.reply("_messageReceived", json!({ "content": "changed", "toPeers": ["jerry"] }));
    world.say(&tom, &news, "original").await;
    assert_eq!(history(&world, &tom, &news).await, ["once", "changed"]);
    assert_eq!(unread(&world, "jerry").await, 0, "the receivers are no hook's choice");
    world.engine.reply("_messageReceived", json!({ "drop": true, "code": 3 }));
    let refused = messages::send(&world.core, &tom.request(), message(&news, "no")).await;
    assert_eq!(refusal(refused), (Code::MessageRejectedByApp, Some(3), None));
    let transient = SendMessage { transient: true, ..message(&news, "typing") };
    world.engine.reply("_messageReceived", "null");
    messages::send(&world.core, &tom.request(), transient).await.unwrap();
    assert_eq!(history(&world, &tom, &news).await.len(), 2);
}

/// S-109, S-111, S-137, S-138.
#[tokio::test]
async fn a_directed_message_is_in_the_views_of_its_targets() {
    let (world, news, [mut tom, mut jerry, mut spike]) = scene().await;
    define(&world, &["_messageReceived", "_messageSent", "_receiversOffline"]);
    let sent = send(&world, &news, to(&["spike", "butch", "spike"]), "for two").await;
    world.notifications_are_done().await;
    assert_eq!(spike.news(), ["News says for two"], "subscribed or not");
    assert!(tom.events().is_empty() && jerry.events().is_empty());
    assert_eq!((history(&world, &spike, &news).await.len(), history(&world, &tom, &news).await.len()), (1, 0));
    assert_eq!([unread(&world, "butch").await, unread(&world, "spike").await, unread(&world, "tom").await], [1, 1, 0]);

    let mut received = world.engine.calls_of("_messageReceived");
    received[0].as_object_mut().unwrap().remove("timestamp").unwrap();
    let expected = json!({
        "fromPeer": "News", "convId": news, "toPeers": ["spike", "butch"], "transient": false, "system": true,
        "bin": false, "content": "for two", "receipt": false, "sourceIP": ADDRESS, "groupId": null,
    });
    assert_eq!(received, [expected]);
    let [after] = &world.engine.calls_of("_messageSent")[..] else { panic!("one call") };
    assert_eq!((&after["onlinePeers"], &after["offlinePeers"]), (&json!(["spike"]), &json!(["butch"])));
    assert_eq!((&after["system"], &after["msgId"]), (&json!(true), &json!(sent.id)));
    let [offline] = &world.engine.calls_of("_receiversOffline")[..] else { panic!("one call") };
    assert_eq!((&offline["offlinePeers"], &offline["convId"]), (&json!(["butch"]), &json!(news)));
}

/// S-89.
#[tokio::test]
async fn a_hook_chooses_who_gets_a_directed_message() {
    let (world, news, [mut tom, mut jerry, mut spike]) = scene().await;
    world.engine.reply("_messageReceived", json!({ "toPeers": ["jerry"], "content": "other" }));
    send(&world, &news, to(&["tom", "spike"]), "text").await;
    assert_eq!(jerry.news(), ["News says other"]);
    assert!(tom.events().is_empty() && spike.events().is_empty());
    assert_eq!(history(&world, &jerry, &news).await, ["other"]);
    world.engine.reply("_messageReceived", json!({ "toPeers": [] }));
    send(&world, &news, to(&["tom"]), "for nobody").await;
    assert!(tom.events().is_empty() && history(&world, &world.client("News"), &news).await.is_empty());
    world.engine.reply("_messageReceived", json!({ "drop": true, "code": 5, "detail": "no" }));
    let refused = try_send(&world, from_service(&news, to(&["tom"]), "text")).await;
    assert_eq!(refusal(refused), (Code::MessageRejectedByApp, Some(5), Some("no".to_owned())));
}

/// S-71, S-109, S-136.
#[tokio::test]
async fn a_message_to_all_subscribers_is_for_those_of_that_time() {
    let (world, news, [mut tom, mut jerry, mut spike]) = scene().await;
    define(&world, &["_messageSent", "_receiversOffline"]);
    world.engine.reply("_messageReceived", json!({ "toPeers": ["spike"] }));
    let mut toms_phone = world.client("tom");
    let all = || ServiceReceivers::Subscribers;
    send(&world, &news, all(), "one").await;
    world.notifications_are_done().await;
    assert_eq!((tom.news(), jerry.news()), (vec!["News says one".to_owned()], vec!["News says one".to_owned()]));
    assert!(spike.events().is_empty());
    assert!(toms_phone.events().is_empty(), "it has not followed yet");
    assert_eq!(world.engine.calls_of("_messageReceived")[0]["toPeers"], json!([]));
    let [after] = &world.engine.calls_of("_messageSent")[..] else { panic!("one call") };
    assert_eq!((&after["onlinePeers"], &after["offlinePeers"]), (&json!([]), &json!([])));
    assert!(world.engine.calls_of("_receiversOffline").is_empty());

    let phone = world.core.online.sessions(&world.app.id, &tom.id).pop().unwrap();
    follow_subscriptions(&world.core, &phone).await.unwrap();
    unsubscribe(&world, &jerry, &news).await;
    subscribe(&world, &spike, &news).await;
    send(&world, &news, all(), "two").await;
    assert_eq!((tom.news().len(), toms_phone.news().len(), jerry.news().len(), spike.news().len()), (1, 1, 0, 1));
    subscribe(&world, &jerry, &news).await;
    send(&world, &news, all(), "three").await;
    assert_eq!(history(&world, &tom, &news).await, ["one", "two", "three"]);
    assert_eq!(history(&world, &jerry, &news).await, ["one", "three"], "what came while it subscribed (S-71)");
    assert_eq!(history(&world, &spike, &news).await, ["two", "three"]);
    assert_eq!(
        [unread(&world, "tom").await, unread(&world, "jerry").await, unread(&world, "spike").await],
        [3, 1, 2],
        "the end of a subscription forgets what is unread (S-104)"
    );
}

/// P-88, P-89, S-137.
#[tokio::test]
async fn reading_a_view_tells_the_clients_sessions() {
    let (world, news, [mut tom, ..]) = scene().await;
    send(&world, &news, ServiceReceivers::Subscribers, "one").await;
    let two = send(&world, &news, to(&["tom"]), "two").await;
    send(&world, &news, to(&["jerry"]), "not for tom").await;
    assert_eq!(unread(&world, "tom").await, 2);
    tom.events();
    receipts::mark_read(&world.core, &tom.request(), vec![(news.clone(), two.timestamp)]).await.unwrap();
    let [Event::Unread(counts)] = &tom.events()[..] else { panic!("one event") };
    let [unread_now] = &counts.conversations[..] else { panic!("one conversation") };
    assert_eq!((unread_now.count, unread_now.kind), (0, ConversationKind::Service));
    assert_eq!(unread_now.last_message.as_ref().map(|message| message.id.clone()), Some(two.id));
    assert_eq!([unread(&world, "tom").await, unread(&world, "jerry").await], [0, 2]);
    let marks = receipts::marks(&world.core, &tom.request(), &news).await.unwrap();
    assert!(marks.members.is_empty(), "there are no receipts");
}

#[tokio::test]
async fn a_transient_message_of_a_service_is_for_those_who_are_online() {
    let (world, news, [mut tom, mut jerry, mut spike]) = scene().await;
    let transient = |to| ServiceMessage { transient: true, ..from_service(&news, to, "now") };
    try_send(&world, transient(ServiceReceivers::Subscribers)).await.unwrap();
    try_send(&world, transient(to(&["spike", "butch"]))).await.unwrap();
    assert_eq!((tom.news().len(), jerry.news().len(), spike.news().len()), (1, 1, 1));
    assert_eq!((unread(&world, "butch").await, history(&world, &tom, &news).await.len()), (0, 0));
}

/// S-57, S-138: the name of the sender is any text, also that of a client.
#[tokio::test]
async fn the_sender_of_a_message_from_a_service_owns_nothing() {
    let (world, news, [mut tom, mut jerry, _]) = scene().await;
    world.set(|settings| settings.message_recall = true).await;
    let named = ServiceMessage { from: tom.id.clone(), ..from_service(&news, ServiceReceivers::Subscribers, "hi") };
    let sent = try_send(&world, named).await.unwrap();
    assert_eq!((tom.news(), jerry.news()), (vec!["tom says hi".to_owned()], vec!["tom says hi".to_owned()]));
    let recall = ChangeMessage {
        conversation: news.clone(),
        id: sent.id,
        timestamp: sent.timestamp,
        change: MessageChange::Recall,
    };
    let refused = messages::change(&world.core, &tom.request(), recall).await;
    assert_eq!(code(refused), Code::InvalidMessagingTarget);
}

/// R-18, S-27.
#[tokio::test]
async fn what_a_service_cannot_send() {
    let (world, news, [tom, ..]) = scene().await;
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let many = ServiceReceivers::Clients(many.iter().map(ClientId::new).collect());
    for wrong in [to(&[]), to(&["tom", ""]), many] {
        let refused = try_send(&world, from_service(&news, wrong, "text")).await;
        assert_eq!(code(refused), Code::ConversationApiFailed);
    }
    let nameless = ServiceMessage { from: ClientId::new(""), ..from_service(&news, to(&["tom"]), "text") };
    assert_eq!(code(try_send(&world, nameless).await), Code::ConversationApiFailed);
    let too_large = from_service(&news, to(&["tom"]), &"x".repeat(MAX_MESSAGE_BYTES + 1));
    assert_eq!(code(try_send(&world, too_large).await), Code::FrameTooLong);
    let unknown = from_service(&ConversationId::generate(), to(&["tom"]), "text");
    assert_eq!(code(try_send(&world, unknown).await), Code::ConversationNotFound);
    let new = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    let room = conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id;
    let in_room = from_service(&room, to(&["tom"]), "text");
    assert_eq!(code(try_send(&world, in_room).await), Code::SystemConversationRequired);
    let message = from_service(&news, ServiceReceivers::Subscribers, "text");
    let by_client = messages::send_from_service(&world.core, &tom.request(), message).await;
    assert_eq!(code(by_client), Code::OperationUnauthorized);
    assert!(history(&world, &tom, &news).await.is_empty());
}

/// S-97, S-114.
#[tokio::test]
async fn who_muted_a_service_gets_no_push_of_it() {
    let (world, news, [tom, ..]) = scene().await;
    world.set(|settings| settings.push_gateway = Some("https://push.example.org/hookd".to_owned())).await;
    conversations::set_muted(&world.core, &tom.request(), &news, true).await.unwrap();
    world.core.online.remove(&world.app.id, &tom.id, tom.session);
    let push_data = Some(json!({ "alert": "news" }).to_string());
    try_send(&world, ServiceMessage { push_data, ..from_service(&news, to(&["tom", "butch"]), "hi") }).await.unwrap();
    world.notifications_are_done().await;
    let pushed: Vec<Value> =
        world.gateway.take().iter().map(|push| serde_json::from_slice(&push.body).unwrap()).collect();
    assert_eq!(pushed.iter().map(|push| &push["channels"]).collect::<Vec<_>>(), [&json!(["butch"])]);
}
