//! What happens to a conversation while a hook is asked counts (F-3).

use hookd_im_core::conversations;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages::{self, SendMessage, SentMessage};
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, code, ids, message, newest};

/// Tom, Jerry and Spike are members; Spike is offline.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

/// Tom says `hi`; `meanwhile` happens between the question to the hook and its answer.
async fn say_hi(
    (world, tom, conversation): (&World, &Client, &ConversationId),
    script: Script,
    meanwhile: impl AsyncFnOnce(),
) -> Result<SentMessage, RequestError> {
    world.engine.define("_messageReceived", script);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let hi = messages::send(&world.core, &request, message(conversation, "hi"));
    let (sent, ()) = tokio::join!(hi, async {
        waits.await.unwrap();
        meanwhile().await;
        world.engine.open_gate();
    });
    sent
}

#[tokio::test]
async fn a_sender_that_was_removed_does_not_post() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageSent", "null");
    let sent = say_hi((&world, &tom, &conversation), Script::Wait, async || {
        conversations::remove(&world.core, &jerry.request(), &conversation, ids(&["tom"])).await.unwrap();
    });
    assert_eq!(code(sent.await), Code::InvalidMessagingTarget);
    assert_eq!(jerry.news(), ["members_left tom by jerry"]);
    assert!(world.history(&conversation).await.is_empty());
    world.notifications_are_done().await;
    assert!(world.engine.calls_of("_messageSent").is_empty());
}

#[tokio::test]
async fn a_transient_message_of_a_sender_that_was_removed_goes_nowhere() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.define("_messageReceived", Script::Wait);
    let typing = SendMessage { transient: true, ..message(&conversation, "typing") };
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let (sent, ()) = tokio::join!(messages::send(&world.core, &request, typing), async {
        waits.await.unwrap();
        conversations::remove(&world.core, &jerry.request(), &conversation, ids(&["tom"])).await.unwrap();
        world.engine.open_gate();
    });
    assert_eq!(code(sent), Code::InvalidMessagingTarget);
    assert_eq!(jerry.news(), ["members_left tom by jerry"]);
}

#[tokio::test]
async fn removed_members_get_nothing_and_new_members_get_the_message() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageSent", "null");
    let mut butch = world.client("butch");
    let sent = say_hi((&world, &tom, &conversation), Script::Wait, async || {
        conversations::remove(&world.core, &tom.request(), &conversation, ids(&["jerry", "spike"])).await.unwrap();
        conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
        butch.events();
    });
    sent.await.unwrap();
    assert_eq!(butch.news(), ["tom says hi"]);
    assert_eq!(jerry.news(), ["left by tom"]);
    world.notifications_are_done().await;
    let told = &world.engine.calls_of("_messageSent")[0];
    assert_eq!((&told["onlinePeers"], &told["offlinePeers"]), (&json!(["butch"]), &json!([])));
}

#[tokio::test]
async fn the_receivers_of_a_hook_are_as_given_without_removed_members() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageSent", "null");
    let (mut stranger, mut butch) = (world.client("stranger"), world.client("butch"));
    let peers =
        Script::WaitAndReply(json!({ "toPeers": ["jerry", "spike", "stranger", "stranger", "", "x".repeat(65)] }));
    let sent = say_hi((&world, &tom, &conversation), peers, async || {
        conversations::remove(&world.core, &tom.request(), &conversation, ids(&["jerry"])).await.unwrap();
        conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
        butch.events();
    });
    sent.await.unwrap();
    assert_eq!(stranger.news(), ["tom says hi"]);
    assert!(butch.events().is_empty());
    assert_eq!(jerry.news(), ["left by tom"]);
    world.notifications_are_done().await;
    let told = &world.engine.calls_of("_messageSent")[0];
    assert_eq!((&told["onlinePeers"], &told["offlinePeers"]), (&json!(["stranger"]), &json!(["spike"])));
}

#[tokio::test]
async fn equal_messages_at_once_ask_the_hook_once_and_get_one_answer() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let token = || SendMessage { deduplication_token: Some("a".to_owned()), ..message(&conversation, "hi") };
    world.engine.define("_messageReceived", Script::Wait);
    let (one, two, waits) = (tom.request(), tom.request(), world.engine.next_wait());
    let (one, two, ()) =
        tokio::join!(messages::send(&world.core, &one, token()), messages::send(&world.core, &two, token()), async {
            waits.await.unwrap();
            world.engine.open_gate();
        });
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(world.engine.calls_of("_messageReceived").len(), 1);
    assert_eq!(jerry.news(), ["tom says hi"]);
    assert_eq!(world.history(&conversation).await.len(), 1);
}

#[tokio::test]
async fn equal_messages_at_once_share_a_refusal_and_a_later_one_asks_again() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let token = || SendMessage { deduplication_token: Some("a".to_owned()), ..message(&conversation, "hi") };
    world.engine.define("_messageReceived", Script::WaitAndReply(json!({ "drop": true, "code": 7 })));
    let (one, two, waits) = (tom.request(), tom.request(), world.engine.next_wait());
    let (one, two, ()) =
        tokio::join!(messages::send(&world.core, &one, token()), messages::send(&world.core, &two, token()), async {
            waits.await.unwrap();
            world.engine.open_gate();
        });
    assert_eq!((code(one), code(two)), (Code::MessageRejectedByApp, Code::MessageRejectedByApp));
    assert_eq!(world.engine.calls_of("_messageReceived").len(), 1);

    world.engine.reply("_messageReceived", "null");
    messages::send(&world.core, &tom.request(), token()).await.unwrap();
    assert_eq!(world.engine.calls_of("_messageReceived").len(), 2);
    assert_eq!(jerry.news(), ["tom says hi"]);
}

#[tokio::test]
async fn who_left_while_the_hook_was_asked_about_others_is_not_added_again() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.define("_conversationAdd", Script::Wait);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let add = conversations::add(&world.core, &request, &conversation, ids(&["spike", "butch"]));
    let (added, ()) = tokio::join!(add, async {
        waits.await.unwrap();
        conversations::remove(&world.core, &tom.request(), &conversation, ids(&["spike"])).await.unwrap();
        world.engine.open_gate();
    });
    added.unwrap();
    assert_eq!(world.engine.calls_of("_conversationAdd")[0]["members"], json!(["butch"]));
    assert_eq!(world.row(&conversation).await.members, ids(&["jerry", "tom", "butch"]));
}

#[tokio::test]
async fn who_came_while_the_hook_was_asked_about_others_is_not_removed() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.define("_conversationRemove", Script::Wait);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let remove = conversations::remove(&world.core, &request, &conversation, ids(&["spike", "butch"]));
    let (removed, ()) = tokio::join!(remove, async {
        waits.await.unwrap();
        conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
        world.engine.open_gate();
    });
    removed.unwrap();
    assert_eq!(world.engine.calls_of("_conversationRemove")[0]["members"], json!(["spike"]));
    assert_eq!(world.row(&conversation).await.members, ids(&["jerry", "tom", "butch"]));
}

#[tokio::test]
async fn an_app_that_was_deleted_while_its_hook_was_asked_gets_no_message_and_no_conversation() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let sent = say_hi((&world, &tom, &conversation), Script::Wait, async || world.delete_app());
    assert_eq!(code(sent.await), Code::AppNotAvailable);
    let joined = conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await;
    assert_eq!(code(joined), Code::AppNotAvailable);
    assert!(jerry.events().is_empty());
    assert!(world.history(&conversation).await.is_empty());
}

#[tokio::test]
async fn a_reader_that_is_removed_while_it_reads_sees_nothing() {
    let (world, tom, jerry, conversation) = scene().await;
    let (comes, go_on) = world.store.before_history.next();
    let request = jerry.request();
    let reads = messages::history(&world.core, &request, &conversation, newest(10));
    let (read, ()) = tokio::join!(reads, async {
        comes.await.unwrap();
        conversations::remove(&world.core, &tom.request(), &conversation, ids(&["jerry"])).await.unwrap();
        world.say(&tom, &conversation, "now that jerry is gone").await;
        go_on.send(()).unwrap();
    });
    assert_eq!(code(read), Code::ConversationLogRejected);
}
