//! Blacklists of conversations and of clients (S-127 … S-129).

use hookd_im_core::conversations::{self, MAX_RESTRICTED, RestrictionChange, RestrictionResult, StartConversation};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages;
use hookd_im_core::store::{ClientPage, ConversationKind, ConversationPage, Restriction};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, basic, code, ids, message, refusal};

const BLOCK: RestrictionChange = RestrictionChange { restriction: Restriction::Blocked, is_lifted: false };
const UNBLOCK: RestrictionChange = RestrictionChange { is_lifted: true, ..BLOCK };

/// Tom, Jerry and Spike are members of a conversation of an app with blacklists; Spike is offline.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    world.set(|settings| settings.blacklist = true).await;
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

async fn change(
    (world, client, conversation): (&World, &Client, &ConversationId),
    change: RestrictionChange,
    clients: &[&str],
) -> Result<RestrictionResult, RequestError> {
    conversations::change_restriction(&world.core, &client.request(), conversation, change, ids(clients)).await
}

async fn block(world: &World, client: &Client, conversation: &ConversationId, clients: &[&str]) {
    assert!(change((world, client, conversation), BLOCK, clients).await.unwrap().failed.is_empty());
}

fn reasons(failed: &[hookd_im_core::store::FailedMembers]) -> Vec<(Code, Vec<ClientId>)> {
    failed.iter().map(|failed| (failed.code, failed.members.clone())).collect()
}

/// P-105, P-60.
#[tokio::test]
async fn a_blocked_member_is_removed_and_everybody_learns_of_it() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_conversationRemoved", "null");
    world.engine.reply("_conversationRemove", r#"{"reject":true}"#);
    let mut stranger = world.client("stranger");
    block(&world, &tom, &conversation, &["jerry", "stranger"]).await;
    assert_eq!(jerry.news(), ["Blocked by tom", "left by tom"]);
    assert_eq!(stranger.news(), ["Blocked by tom"]);
    assert_eq!(tom.news(), ["members Blocked jerry,stranger by tom", "members_left jerry by tom"]);
    assert_eq!(world.row(&conversation).await.members, ids(&["spike", "tom"]));
    world.notifications_are_done().await;
    let told = &world.engine.calls_of("_conversationRemoved")[0];
    assert_eq!((&told["initBy"], &told["members"]), (&json!("tom"), &json!(["jerry"])));
    assert!(world.engine.calls_of("_conversationRemove").is_empty(), "it is not asked");
    let kept = world.core.store.missed_events(&world.app.id, &jerry.id, Timestamp(0), 100).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|event| event.payload["op"].as_str().unwrap()).collect();
    assert_eq!(kept, ["joined", "blocked", "left"]);

    let result = change((&world, &tom, &conversation), UNBLOCK, &["jerry", "spike"]).await.unwrap();
    assert_eq!(result, RestrictionResult { allowed: ids(&["jerry", "spike"]), failed: Vec::new() });
    assert_eq!(jerry.news(), ["no longer Blocked by tom"]);
    assert_eq!(tom.news(), ["members no longer Blocked jerry by tom"]);
    assert!(!world.row(&conversation).await.has_member(&jerry.id), "it is not added again");
    conversations::add(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
}

/// P-70, S-103.
#[tokio::test]
async fn a_blocked_client_is_not_added_and_does_not_join() {
    let (world, tom, mut jerry, conversation) = scene().await;
    block(&world, &tom, &conversation, &["jerry"]).await;
    jerry.events();
    world.engine.reply("_conversationAdd", "null");
    let (asking, asked) = (tom.request(), ids(&["jerry", "butch", "spike"]));
    let added = conversations::add(&world.core, &asking, &conversation, asked).await.unwrap();
    assert_eq!(added.allowed, ids(&["butch", "spike"]));
    assert_eq!(reasons(&added.failed), [(Code::BlockedByConversation, ids(&["jerry"]))]);
    assert_eq!(world.engine.calls_of("_conversationAdd")[0]["members"], json!(["butch"]));
    for by in [&tom, &jerry] {
        let alone = conversations::add(&world.core, &by.request(), &conversation, ids(&["jerry"])).await.unwrap();
        assert_eq!(reasons(&alone.failed), [(Code::BlockedByConversation, ids(&["jerry"]))]);
        assert!(alone.allowed.is_empty());
    }
    assert_eq!(world.engine.calls_of("_conversationAdd").len(), 1, "it is not asked about nobody");
    assert!(jerry.news().is_empty());
    let sent = messages::send(&world.core, &jerry.request(), message(&conversation, "hi")).await;
    assert_eq!(code(sent), Code::InvalidMessagingTarget);
}

/// What was checked before the hook is checked again after it.
#[tokio::test]
async fn a_client_that_is_blocked_while_the_hook_is_asked_is_not_added() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.define("_conversationAdd", Script::Wait);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let adding = conversations::add(&world.core, &request, &conversation, ids(&["butch", "stranger"]));
    let (added, ()) = tokio::join!(adding, async {
        waits.await.unwrap();
        block(&world, &tom, &conversation, &["butch"]).await;
        world.engine.open_gate();
    });
    let added = added.unwrap();
    assert_eq!(added.allowed, ids(&["stranger"]));
    assert_eq!(reasons(&added.failed), [(Code::BlockedByConversation, ids(&["butch"]))]);
    assert_eq!(world.row(&conversation).await.members, ids(&["jerry", "spike", "tom", "stranger"]));
}

#[tokio::test]
async fn a_sender_that_is_blocked_while_the_hook_is_asked_does_not_post() {
    let (world, tom, jerry, conversation) = scene().await;
    world.engine.define("_messageReceived", Script::Wait);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let (sent, ()) = tokio::join!(messages::send(&world.core, &request, message(&conversation, "hi")), async {
        waits.await.unwrap();
        block(&world, &jerry, &conversation, &["tom"]).await;
        world.engine.open_gate();
    });
    assert_eq!(code(sent), Code::InvalidMessagingTarget);
    assert!(world.history(&conversation).await.is_empty());
}

/// A member that came back while the feature was off.
#[tokio::test]
async fn a_blocked_member_does_not_send() {
    let (world, tom, jerry, conversation) = scene().await;
    block(&world, &tom, &conversation, &["jerry"]).await;
    world.set(|settings| settings.blacklist = false).await;
    conversations::add(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
    world.say(&jerry, &conversation, "hi").await;
    world.set(|settings| settings.blacklist = true).await;
    let sent = messages::send(&world.core, &jerry.request(), message(&conversation, "hi")).await;
    assert_eq!(code(sent), Code::BlockedByConversation);
}

#[tokio::test]
async fn only_members_block_and_nobody_itself() {
    let (world, tom, _jerry, conversation) = scene().await;
    let stranger = world.client("stranger");
    let refused = change((&world, &stranger, &conversation), BLOCK, &["tom"]).await;
    assert_eq!(code(refused), Code::ConversationMembershipRequired);
    let page = ClientPage { after: None, limit: 10 };
    let asking = stranger.request();
    let asked = conversations::restricted(&world.core, &asking, &conversation, BLOCK.restriction, page).await;
    assert_eq!(code(asked), Code::ConversationMembershipRequired);
    let result = change((&world, &tom, &conversation), BLOCK, &["tom", "spike"]).await.unwrap();
    assert_eq!(result.allowed, ids(&["spike"]));
    assert_eq!(reasons(&result.failed), [(Code::OperationUnauthorized, ids(&["tom"]))]);
    let nowhere = ConversationId::generate();
    assert_eq!(code(change((&world, &tom, &nowhere), BLOCK, &["spike"]).await), Code::ConversationNotFound);
}

/// S-27.
#[tokio::test]
async fn a_blacklist_is_bounded() {
    let (world, tom, _jerry, conversation) = scene().await;
    let names: Vec<String> = (0..MAX_RESTRICTED).map(|number| format!("m{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    block(&world, &tom, &conversation, &names[1..]).await;
    let result = change((&world, &tom, &conversation), BLOCK, &["m001", "m000", "jerry"]).await.unwrap();
    assert_eq!(result.allowed, ids(&["m001", "m000"]));
    assert_eq!(reasons(&result.failed), [(Code::BlacklistFull, ids(&["jerry"]))]);
    assert!(world.row(&conversation).await.has_member(&ClientId::new("jerry")));
}

/// S-127: off until the app switches it on.
#[tokio::test]
async fn blacklists_are_off_until_they_are_switched_on() {
    let world = World::new();
    let mut tom = world.client("tom");
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    let (core, asking) = (&world.core, tom.request());
    let (refused, _, detail) = refusal(change((&world, &tom, &conversation), BLOCK, &["jerry"]).await);
    assert_eq!(refused, Code::BlacklistDisabled);
    assert!(detail.unwrap().contains("hookd settings --blacklist on"));
    let page = ClientPage { after: None, limit: 1 };
    let off = Code::BlacklistDisabled;
    assert_eq!(code(conversations::restricted(core, &asking, &conversation, BLOCK.restriction, page).await), off);
    let asked = conversations::which_restricted(core, &asking, &conversation, BLOCK.restriction, ids(&["jerry"]));
    assert_eq!(code(asked.await), off);
    let cids = || vec![conversation.clone()];
    assert_eq!(code(conversations::refuse(core, &asking, cids()).await), off);
    assert_eq!(code(conversations::accept(core, &asking, cids()).await), off);
    assert_eq!(code(conversations::which_refused(core, &asking, cids()).await), off);
    let page = ConversationPage { after: None, limit: 1 };
    assert_eq!(code(conversations::refused(core, &asking, page).await), off);
}

/// S-128.
#[tokio::test]
async fn a_client_is_not_added_to_a_conversation_that_it_refuses() {
    let (world, tom, _jerry, conversation) = scene().await;
    let butch = world.client("butch");
    let (core, asking) = (&world.core, butch.request());
    let unknown = ConversationId::generate();
    let change =
        conversations::refuse(core, &asking, vec![conversation.clone(), unknown.clone(), conversation.clone()]);
    let change = change.await.unwrap();
    assert_eq!((change.refused, change.unknown), (vec![conversation.clone()], vec![unknown.clone()]));
    let added = conversations::add(core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
    assert_eq!(reasons(&added.failed), [(Code::BlockedByConversation, ids(&["butch"]))]);
    let page = ConversationPage { after: None, limit: 10 };
    let only = std::slice::from_ref(&conversation);
    assert_eq!(conversations::refused(core, &asking, page).await.unwrap().conversations, only);
    let asked = vec![unknown, conversation.clone()];
    assert_eq!(conversations::which_refused(core, &asking, asked).await.unwrap(), only);
    let joined = conversations::add(core, &asking, &conversation, ids(&["butch"])).await.unwrap();
    assert_eq!(joined.allowed, ids(&["butch"]), "it may join by itself");

    conversations::remove(core, &asking, &conversation, ids(&["butch"])).await.unwrap();
    let accepted = conversations::accept(core, &asking, vec![conversation.clone()]).await.unwrap();
    assert_eq!(accepted, only);
    let added = conversations::add(core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
    assert_eq!(added.allowed, ids(&["butch"]));
}

/// Tom has made a room, and Jerry has joined it.
async fn room() -> (World, Client, Client, ConversationId) {
    let (world, mut tom, mut jerry, _) = scene().await;
    let new = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    let room = conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id;
    join(&world, &jerry, &room).await;
    tom.events();
    jerry.events();
    (world, tom, jerry, room)
}

async fn join(world: &World, client: &Client, room: &ConversationId) -> Vec<(Code, Vec<ClientId>)> {
    let joined = conversations::add(&world.core, &client.request(), room, vec![client.id.clone()]).await.unwrap();
    reasons(&joined.failed)
}

#[tokio::test]
async fn a_client_is_silenced_in_a_chat_room_by_one_that_is_in_it() {
    let (world, mut tom, mut jerry, room) = room().await;
    let silence = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
    let stranger = world.client("stranger");
    let refused = change((&world, &stranger, &room), silence, &["tom"]).await;
    assert_eq!(code(refused), Code::ConversationMembershipRequired);
    let result = change((&world, &tom, &room), silence, &["jerry", "absent"]).await.unwrap();
    assert_eq!(result.allowed, ids(&["jerry", "absent"]));
    assert_eq!(jerry.news(), ["Silenced by tom", "members Silenced jerry,absent by tom"]);
    assert_eq!(tom.news(), ["members Silenced jerry,absent by tom"]);
    let sent = messages::send(&world.core, &jerry.request(), message(&room, "hi")).await;
    assert_eq!(code(sent), Code::Silenced);
}

/// S-128, S-9.
#[tokio::test]
async fn a_client_that_is_blocked_in_a_chat_room_is_out_and_does_not_come_back() {
    let (world, tom, mut jerry, room) = room().await;
    block(&world, &tom, &room, &["jerry"]).await;
    assert_eq!(jerry.news(), ["Blocked by tom"]);
    world.say(&tom, &room, "without you").await;
    assert!(jerry.news().is_empty());
    assert_eq!(conversations::count(&world.core, &tom.request(), &room).await.unwrap(), 1);
    assert_eq!(join(&world, &jerry, &room).await, [(Code::BlockedByConversation, ids(&["jerry"]))]);
    let sent = messages::send(&world.core, &jerry.request(), message(&room, "hi")).await;
    assert_eq!(code(sent), Code::BlockedByConversation);

    // Blocked while it asks to join.
    let butch = world.client("butch");
    world.engine.define("_conversationAdd", Script::Wait);
    let waits = world.engine.next_wait();
    let (joined, ()) = tokio::join!(join(&world, &butch, &room), async {
        waits.await.unwrap();
        block(&world, &tom, &room, &["butch"]).await;
        world.engine.open_gate();
    });
    assert_eq!(joined, [(Code::BlockedByConversation, ids(&["butch"]))]);
    assert_eq!(conversations::count(&world.core, &tom.request(), &room).await.unwrap(), 1);

    change((&world, &tom, &room), UNBLOCK, &["jerry"]).await.unwrap();
    world.engine.reply("_conversationAdd", "null");
    assert!(join(&world, &jerry, &room).await.is_empty());
}
