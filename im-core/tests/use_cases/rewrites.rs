//! What `_messageReceived` may change, and which clients see the change.

use hookd_im_core::delivery::{Event, PatchReason};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages::{self, SendMessage};
use hookd_im_core::store::MessageBody;
use serde_json::{Value, json};

use crate::world::{Client, World, message};

/// Tom, Jerry and Spike are members; Spike is offline.
async fn scene(reply: Value) -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    world.engine.reply("_messageReceived", reply);
    world.engine.reply("_messageSent", "null");
    (world, tom, jerry, conversation)
}

fn text(text: &str) -> MessageBody {
    MessageBody::Text(text.to_owned())
}

#[tokio::test]
async fn a_changed_body_is_the_message_for_receivers_and_a_patch_for_the_sender() {
    let (world, mut tom, mut jerry, conversation) = scene(json!({ "content": "Holy **!" })).await;
    let mut toms_phone = world.client("tom");
    let sent = world.say(&tom, &conversation, "Holy crap!").await;

    assert_eq!(jerry.news(), ["tom says Holy **!"]);
    assert_eq!(toms_phone.news(), ["tom says Holy **!", "tom corrects Holy **!"]);
    let [push] = &tom.pushes()[..] else { panic!("one push") };
    assert!(push.after_reply);
    let Event::MessagePatched(patch) = &push.event else { panic!("a patch") };
    assert_eq!((&patch.id, patch.timestamp, &patch.reason), (&sent.id, sent.timestamp, &None));
    assert!(patch.patched_at > patch.timestamp);

    let [stored] = &world.history(&conversation).await[..] else { panic!("one message") };
    assert_eq!((&stored.body, stored.patched_at), (&text("Holy **!"), Some(patch.patched_at)));
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent")[0]["content"], "Holy **!");
}

#[tokio::test]
async fn a_positive_code_becomes_the_reason_of_the_patch() {
    for (reply, reason) in [
        (json!({ "content": "b", "code": 7, "detail": "why" }), Some(PatchReason { code: 7, detail: "why".into() })),
        (json!({ "content": "b", "code": 7 }), Some(PatchReason { code: 7, detail: String::new() })),
        (json!({ "content": "b", "code": -4408, "detail": "forged" }), None),
        (json!({ "content": "b", "detail": "why" }), None),
    ] {
        let (world, mut tom, _jerry, conversation) = scene(reply.clone()).await;
        world.say(&tom, &conversation, "a").await;
        let [Event::MessagePatched(patch)] = &tom.events()[..] else { panic!("a patch: {reply}") };
        assert_eq!(patch.reason, reason, "{reply}");
    }
}

#[tokio::test]
async fn a_body_given_back_as_it_was_is_no_change() {
    for reply in [json!({ "content": "a", "code": 7 }), json!({ "bin": true }), json!({ "content": 5 })] {
        let (world, mut tom, mut jerry, conversation) = scene(reply.clone()).await;
        world.say(&tom, &conversation, "a").await;
        assert!(tom.events().is_empty(), "{reply}");
        assert_eq!(jerry.news(), ["tom says a"], "{reply}");
        assert_eq!(world.history(&conversation).await[0].patched_at, None, "{reply}");
    }
}

#[tokio::test]
async fn bin_tells_the_kind_of_the_new_body_and_is_else_as_it_was() {
    let binary = || MessageBody::Binary(vec![1]);
    for (before, reply, after) in [
        (text("a"), json!({ "content": "AP8=", "bin": true }), MessageBody::Binary(vec![0, 255])),
        (binary(), json!({ "content": "AP8=" }), MessageBody::Binary(vec![0, 255])),
        (binary(), json!({ "content": "AP8=", "bin": false }), text("AP8=")),
    ] {
        let (world, tom, mut jerry, conversation) = scene(reply.clone()).await;
        let message = SendMessage { body: before, ..message(&conversation, "") };
        messages::send(&world.core, &tom.request(), message).await.unwrap();
        let [Event::Message(received)] = &jerry.events()[..] else { panic!("one message: {reply}") };
        assert_eq!(received.body, after, "{reply}");
    }
}

#[tokio::test]
async fn changed_receivers_are_taken_as_given() {
    let (world, mut tom, mut jerry, conversation) = scene(json!({ "toPeers": ["butch", "spike", "butch"] })).await;
    let mut butch = world.client("butch");
    let mut toms_phone = world.client("tom");
    world.say(&tom, &conversation, "hi").await;
    assert!(jerry.events().is_empty());
    assert_eq!(butch.news(), ["tom says hi"]);
    assert_eq!(toms_phone.news(), ["tom says hi"]);
    assert!(tom.events().is_empty());
    world.notifications_are_done().await;
    let told = &world.engine.calls_of("_messageSent")[0];
    assert_eq!((&told["onlinePeers"], &told["offlinePeers"]), (&json!(["butch"]), &json!(["spike"])));
    assert_eq!(world.history(&conversation).await.len(), 1);
}

#[tokio::test]
async fn a_sender_named_as_receiver_gets_one_copy_on_its_other_sessions_only() {
    let (world, mut tom, _jerry, conversation) = scene(json!({ "toPeers": ["tom"] })).await;
    let mut toms_phone = world.client("tom");
    world.say(&tom, &conversation, "hi").await;
    assert!(tom.events().is_empty());
    assert_eq!(toms_phone.news(), ["tom says hi"]);
}
