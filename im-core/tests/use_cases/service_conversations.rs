//! Service conversations (S-7, S-10): making them, subscribing, and what clients see and cannot do.

use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::conversations::{self, MAX_SUBSCRIPTIONS, MembershipResult, SUBSCRIBER_PAGE, StartConversation};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    ConversationKind, ConversationQuery, FailedMembers, Restriction, Standing, StandingChange, StandingDecision,
    Standings as _, SubscriberPage,
};
use serde_json::{Map, Value, json};

use crate::scripted_engine::Script;
use crate::world::{ADDRESS, Client, World, basic, code, ids, object, refusal};

fn administrator(world: &World) -> Actor {
    Actor { app: world.app.clone(), identity: Identity::Administrator, address: ADDRESS.parse().unwrap(), origin: None }
}

async fn create(world: &World, name: &str) -> ConversationId {
    let attributes = object(json!({ "name": name }));
    conversations::create_service(&world.core, &administrator(world), attributes).await.unwrap().id
}

/// A service conversation, Tom and Jerry.
async fn scene() -> (World, ConversationId, Client, Client) {
    let world = World::new();
    let news = create(&world, "news").await;
    let (tom, jerry) = (world.client("tom"), world.client("jerry"));
    (world, news, tom, jerry)
}

async fn try_subscribe(
    world: &World,
    client: &Client,
    service: &ConversationId,
) -> Result<MembershipResult, RequestError> {
    conversations::add(&world.core, &client.request(), service, vec![client.id.clone()]).await
}

async fn subscribe(world: &World, client: &Client, service: &ConversationId) {
    let result = try_subscribe(world, client, service).await.unwrap();
    assert_eq!((result.allowed, result.failed), (vec![client.id.clone()], Vec::new()));
}

async fn unsubscribe(world: &World, client: &Client, service: &ConversationId) {
    let left = conversations::remove(&world.core, &client.request(), service, vec![client.id.clone()]).await.unwrap();
    assert_eq!((left.allowed, left.failed), (vec![client.id.clone()], Vec::new()));
}

async fn find(world: &World, client: &Client, filter: Value) -> Vec<Map<String, Value>> {
    let query = ConversationQuery { filter: object(filter), limit: 10, ..ConversationQuery::default() };
    conversations::find(&world.core, &client.request(), query).await.unwrap()
}

/// `joined`, `joinedAt` and `muted` as the client sees them.
async fn state(world: &World, client: &Client, service: &ConversationId) -> (bool, Option<i64>, bool) {
    let [row] = &find(world, client, json!({ "objectId": service })).await[..] else { panic!("one row") };
    let is = |key: &str| row.get(key).and_then(Value::as_bool).unwrap();
    (is("joined"), row.get("joinedAt").and_then(Value::as_i64), is("muted"))
}

async fn count(world: &World, client: &Client, service: &ConversationId) -> u32 {
    conversations::count(&world.core, &client.request(), service).await.unwrap()
}

async fn listed(world: &World, service: &ConversationId, after: Option<&str>, limit: u32) -> Vec<String> {
    let page = SubscriberPage { after: after.map(ClientId::new), limit };
    let found = conversations::subscribers(&world.core, &administrator(world), service, page).await.unwrap();
    found.into_iter().map(|subscription| subscription.client.as_str().to_owned()).collect()
}

fn called(world: &World) -> Vec<&'static str> {
    world.engine.calls().into_iter().map(|call| call.hook).collect()
}

/// S-14, S-111, R-53.
#[tokio::test]
async fn the_administrator_makes_a_service_conversation_without_a_hook() {
    let world = World::new();
    for hook in ["_conversationStart", "_conversationStarted"] {
        world.engine.reply(hook, "null");
    }
    let mut tom = world.client("tom");
    let attributes = object(json!({ "name": "news", "agentId": "a1", "tr": true, "m": ["tom"], "sys": false }));
    let made = conversations::create_service(&world.core, &administrator(&world), attributes).await.unwrap();
    world.notifications_are_done().await;
    assert_eq!((made.kind, made.members.len(), made.creator), (ConversationKind::Service, 0, None));
    assert_eq!(made.attributes, object(json!({ "name": "news", "agentId": "a1" })));
    assert!(called(&world).is_empty() && tom.events().is_empty());

    let rows = conversations::services(&world.core, &administrator(&world), (0, 10)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get("objectId")).collect::<Vec<_>>(), [Some(&json!(made.id))]);
    let refused = conversations::create_service(&world.core, &tom.request(), Map::new()).await;
    assert_eq!(code(refused), Code::OperationUnauthorized);
    let too_large = object(json!({ "text": "x".repeat(conversations::MAX_ATTRIBUTES_BYTES) }));
    let refused = conversations::create_service(&world.core, &administrator(&world), too_large).await;
    assert_eq!(code(refused), Code::ConversationApiFailed);
}

/// S-10, P-75, P-80.
#[tokio::test]
async fn a_query_shows_a_subscriber_since_when_it_is_one() {
    let (world, news, tom, jerry) = scene().await;
    assert_eq!(state(&world, &tom, &news).await, (false, None, false));
    subscribe(&world, &tom, &news).await;
    let (joined, since, muted) = state(&world, &tom, &news).await;
    assert!(joined && !muted && since.is_some());
    subscribe(&world, &tom, &news).await;
    assert_eq!(state(&world, &tom, &news).await.1, since, "the first time counts (R-54)");
    assert_eq!(state(&world, &jerry, &news).await, (false, None, false), "others see their own state");

    let [row] = &find(&world, &tom, json!({ "sys": true })).await[..] else { panic!("one row") };
    assert_eq!(
        (row.get("sys"), row.get("conv_type"), row.get("name")),
        (Some(&json!(true)), Some(&json!(3)), Some(&json!("news")))
    );
    for absent in ["m", "c", "lm", "tr"] {
        assert!(!row.contains_key(absent), "{absent}");
    }
    assert_eq!(row.get("mu"), Some(&json!([])));
    assert!(find(&world, &tom, json!({})).await.is_empty(), "it contains nobody");
    let is_member = conversations::is_member(&world.core, &tom.request(), std::slice::from_ref(&news)).await.unwrap();
    assert_eq!(is_member, [true]);

    unsubscribe(&world, &tom, &news).await;
    assert_eq!(state(&world, &tom, &news).await, (false, None, false));
    let is_member = conversations::is_member(&world.core, &tom.request(), std::slice::from_ref(&news)).await.unwrap();
    assert_eq!(is_member, [false]);
}

/// S-95, S-96, S-103, S-104, P-68.
#[tokio::test]
async fn subscribing_calls_the_hooks_of_a_client_that_joins_by_itself() {
    let (world, news, mut tom, mut jerry) = scene().await;
    for hook in ["_conversationAdd", "_conversationAdded", "_conversationRemove", "_conversationRemoved"] {
        world.engine.reply(hook, "null");
    }
    for _ in 0..2 {
        subscribe(&world, &tom, &news).await;
    }
    world.notifications_are_done().await;
    for _ in 0..2 {
        unsubscribe(&world, &tom, &news).await;
    }
    world.notifications_are_done().await;
    assert_eq!(called(&world), ["_conversationAdd", "_conversationAdded", "_conversationRemoved"], "once each (S-24)");
    let of_tom = json!({ "initBy": "tom", "convId": news, "members": ["tom"] });
    assert!(world.engine.calls().iter().all(|call| call.params == of_tom));
    assert!(tom.events().is_empty() && jerry.events().is_empty(), "nobody is told");
}

#[tokio::test]
async fn a_hook_refuses_a_subscription() {
    let (world, news, tom, _) = scene().await;
    world.engine.reply("_conversationAdd", json!({ "reject": true, "code": 7, "detail": "closed" }));
    let refused = refusal(try_subscribe(&world, &tom, &news).await);
    assert_eq!(refused, (Code::ConversationRejectedByApp, Some(7), Some("closed".to_owned())));
    assert_eq!((state(&world, &tom, &news).await.0, count(&world, &tom, &news).await), (false, 0));
}

/// P-73, R-56, R-57.
#[tokio::test]
async fn subscribers_are_counted_for_clients_and_listed_for_the_administrator() {
    let (world, news, tom, jerry) = scene().await;
    subscribe(&world, &tom, &news).await;
    subscribe(&world, &jerry, &news).await;
    let mut all: Vec<String> = vec!["tom".to_owned(), "jerry".to_owned()];
    let names: Vec<String> = (0..SUBSCRIBER_PAGE).map(|number| format!("client {number}")).collect();
    for name in &names {
        subscribe(&world, &world.client(name), &news).await;
    }
    all.extend(names);
    assert_eq!(count(&world, &tom, &news).await, 52);
    let first = listed(&world, &news, None, 1000).await;
    assert_eq!(first.len(), 50, "a page is bounded");
    let second = listed(&world, &news, first.last().map(String::as_str), 50).await;
    let mut found = [first, second].concat();
    found.sort();
    all.sort();
    assert_eq!(found, all);
    unsubscribe(&world, &jerry, &news).await;
    assert_eq!(count(&world, &tom, &news).await, 51);

    let page = SubscriberPage { after: None, limit: 1 };
    let refused = conversations::subscribers(&world.core, &tom.request(), &news, page.clone()).await;
    assert_eq!(code(refused), Code::OperationUnauthorized);
    let new = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    let room = conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id;
    let refused = conversations::subscribers(&world.core, &administrator(&world), &room, page).await;
    assert_eq!(code(refused), Code::SystemConversationRequired, "R-18");
}

/// S-10, S-23, S-103, S-105.
#[tokio::test]
async fn what_a_client_cannot_do_with_a_service_conversation() {
    let (world, news, tom, jerry) = scene().await;
    let (core, by_tom) = (&world.core, tom.request());
    subscribe(&world, &tom, &news).await;
    for others in [&["jerry"][..], &["tom", "jerry"], &[]] {
        let added = conversations::add(core, &by_tom, &news, ids(others)).await;
        assert_eq!(code(added), Code::NormalConversationRequired, "{others:?}");
        let removed = conversations::remove(core, &by_tom, &news, ids(others)).await;
        assert_eq!(code(removed), Code::NormalConversationRequired, "{others:?}");
    }
    let updated = conversations::update(core, &by_tom, &news, object(json!({ "name": "mine" }))).await;
    assert_eq!(code(updated), Code::ConversationUpdateRejected);
    assert_eq!(code(conversations::sample(core, &by_tom, &news, 10).await), Code::TransientConversationRequired);
    assert_eq!(
        code(conversations::set_muted(core, &jerry.request(), &news, true).await),
        Code::ConversationUpdateRejected
    );
    let unknown = ConversationId::new("64f0c0ffee0000000000a001");
    assert_eq!(code(try_subscribe(&world, &tom, &unknown).await), Code::ConversationNotFound);
    assert_eq!(world.row(&news).await.attributes, object(json!({ "name": "news" })));
}

/// S-97, S-105, P-72.
#[tokio::test]
async fn a_subscriber_mutes_for_itself() {
    let (world, news, tom, jerry) = scene().await;
    subscribe(&world, &tom, &news).await;
    subscribe(&world, &jerry, &news).await;
    world.engine.reply("_conversationUpdate", "null");
    conversations::set_muted(&world.core, &tom.request(), &news, true).await.unwrap();
    assert!(state(&world, &tom, &news).await.2 && !state(&world, &jerry, &news).await.2);
    let of_tom = json!({ "initBy": "tom", "convId": news, "mute": true });
    assert_eq!(world.engine.calls_of("_conversationUpdate"), [of_tom]);
    assert!(world.row(&news).await.muted.is_empty(), "the row does not grow with it");

    world.engine.reply("_conversationUpdate", json!({ "mute": true }));
    conversations::set_muted(&world.core, &tom.request(), &news, false).await.unwrap();
    assert!(state(&world, &tom, &news).await.2, "the hook decides");
    unsubscribe(&world, &tom, &news).await;
    subscribe(&world, &tom, &news).await;
    assert!(!state(&world, &tom, &news).await.2, "a subscriber that comes back has muted nothing (S-104)");
}

/// What was checked before the hook is checked again where it is written.
#[tokio::test]
async fn a_subscription_that_ended_while_the_hook_was_asked_is_not_muted() {
    let (world, news, tom, _) = scene().await;
    subscribe(&world, &tom, &news).await;
    world.engine.define("_conversationUpdate", Script::Wait);
    let waits = world.engine.next_wait();
    let request = tom.request();
    let muting = conversations::set_muted(&world.core, &request, &news, true);
    let (muted, ()) = tokio::join!(muting, async {
        waits.await.unwrap();
        unsubscribe(&world, &tom, &news).await;
        world.engine.open_gate();
    });
    assert_eq!(code(muted), Code::ConversationUpdateRejected);
}

#[tokio::test]
async fn a_client_has_so_many_subscriptions() {
    let (world, news, tom, _) = scene().await;
    for number in 0..MAX_SUBSCRIPTIONS {
        let service = create(&world, &number.to_string()).await;
        subscribe(&world, &tom, &service).await;
    }
    let refused = try_subscribe(&world, &tom, &news).await.unwrap();
    let [FailedMembers { code, members, .. }] = &refused.failed[..] else { panic!("one reason") };
    assert_eq!((*code, members, refused.allowed), (Code::ConversationFull, &ids(&["tom"]), Vec::new()));
}

/// S-111.
#[tokio::test]
async fn the_administrator_subscribes_a_client_without_a_hook() {
    let (world, news, tom, jerry) = scene().await;
    for hook in ["_conversationAdd", "_conversationAdded", "_conversationRemoved"] {
        world.engine.reply(hook, "null");
    }
    let (core, by) = (&world.core, administrator(&world));
    conversations::subscribe_client(core, &by, &news, &tom.id).await.unwrap();
    let since = state(&world, &tom, &news).await;
    conversations::subscribe_client(core, &by, &news, &tom.id).await.unwrap();
    assert_eq!((since.0, state(&world, &tom, &news).await, count(&world, &tom, &news).await), (true, since, 1));
    let mut online = 0;
    core.subscribers.each_session(&world.app.id, &news, |_, _| online += 1);
    assert_eq!(online, 1, "its session gets what is sent to all");
    for _ in 0..2 {
        conversations::unsubscribe_client(core, &by, &news, &tom.id).await.unwrap();
    }
    assert_eq!((state(&world, &tom, &news).await.0, count(&world, &tom, &news).await), (false, 0));
    world.notifications_are_done().await;
    assert!(called(&world).is_empty());

    let refused = conversations::subscribe_client(core, &tom.request(), &news, &jerry.id).await;
    assert_eq!(code(refused), Code::OperationUnauthorized);
    let nobody = conversations::subscribe_client(core, &by, &news, &ClientId::new("")).await;
    assert_eq!(code(nobody), Code::ConversationApiFailed);
    let group = conversations::start(core, &tom.request(), basic(&[])).await.unwrap().conversation.id;
    assert_eq!(
        code(conversations::unsubscribe_client(core, &by, &group, &tom.id).await),
        Code::SystemConversationRequired
    );
}

/// S-127.
#[tokio::test]
async fn the_administrator_subscribes_no_blocked_client() {
    let (world, news, tom, _) = scene().await;
    world.set(|settings| settings.blacklist = true).await;
    let blocked = vec![tom.id.clone()];
    let change = StandingChange::Restrict(Restriction::Blocked, blocked.clone());
    let decide = Box::new(move |_: &Standing| Ok(StandingDecision { change, failed: Vec::new() }));
    let changing = world.store.change_standing(&world.app.id, &news, (&tom.id, &blocked), decide, None);
    changing.await.unwrap().unwrap().unwrap();
    let refused = conversations::subscribe_client(&world.core, &administrator(&world), &news, &tom.id).await;
    assert_eq!(code(refused), Code::BlockedByConversation);
    let result = try_subscribe(&world, &tom, &news).await.unwrap();
    assert_eq!((result.failed[0].code, result.allowed), (Code::BlockedByConversation, Vec::new()));
}
