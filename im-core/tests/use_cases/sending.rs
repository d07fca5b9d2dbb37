//! Sending: allowed senders, receivers, order, and the params of the hooks.

use std::sync::Arc;

use hookd_im_core::conversations;
use hookd_im_core::delivery::Event;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages::{self, SendMessage};
use hookd_im_core::store::MessageBody;
use serde_json::{Value, json};

use crate::scripted_engine::Script;
use crate::world::{ADDRESS, Client, World, code, ids, message};

/// Tom, Jerry and Spike are members; Spike is offline.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

#[tokio::test]
async fn online_members_get_the_message_and_it_is_stored() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let sent = world.say(&tom, &conversation, "hi").await;
    let [Event::Message(received)] = &jerry.events()[..] else { panic!("one message") };
    assert_eq!((&received.id, received.timestamp), (&sent.id, sent.timestamp));
    assert_eq!(received.body, MessageBody::Text("hi".to_owned()));
    assert!(!received.transient);
    assert!(tom.events().is_empty());
    let [stored] = &world.history(&conversation).await[..] else { panic!("one message") };
    assert_eq!((&stored.id, stored.timestamp, stored.patched_at), (&sent.id, sent.timestamp, None));
    assert_eq!(world.row(&conversation).await.last_message_at, Some(sent.timestamp));
}

#[tokio::test]
async fn only_members_may_send() {
    let (world, _tom, mut jerry, conversation) = scene().await;
    let butch = world.client("butch");
    let result = messages::send(&world.core, &butch.request(), message(&conversation, "hi")).await;
    assert_eq!(code(result), Code::InvalidMessagingTarget);
    let nowhere = ConversationId::generate();
    let result = messages::send(&world.core, &butch.request(), message(&nowhere, "hi")).await;
    assert_eq!(code(result), Code::InvalidMessagingTarget);
    let expired = ConversationId::new("_tmp:0123456789abcdef");
    let result = messages::send(&world.core, &butch.request(), message(&expired, "hi")).await;
    assert_eq!(code(result), Code::ConversationNotFound);
    assert!(jerry.events().is_empty());
}

#[tokio::test]
async fn a_message_over_five_kilobytes_is_refused_before_any_hook() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageReceived", "null");
    world.say(&tom, &conversation, &"x".repeat(5 * 1024)).await;
    assert_eq!(jerry.events().len(), 1);
    let result = messages::send(&world.core, &tom.request(), message(&conversation, &"x".repeat(5 * 1024 + 1))).await;
    assert_eq!(code(result), Code::FrameTooLong);
    assert!(jerry.events().is_empty());
    assert_eq!(world.engine.calls().len(), 1);
}

#[tokio::test]
async fn the_senders_other_sessions_get_a_copy_and_the_sending_one_does_not() {
    let (world, mut tom, _jerry, conversation) = scene().await;
    let mut toms_phone = world.client("tom");
    world.say(&tom, &conversation, "hi").await;
    assert_eq!(toms_phone.news(), ["tom says hi"]);
    assert!(tom.events().is_empty());
}

#[tokio::test]
async fn events_on_the_senders_own_socket_wait_for_the_reply() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let second_tom = world.session_beside(&tom, "tom");
    let second_jerry = world.session_beside(&tom, "jerry");
    world.say(&tom, &conversation, "hi").await;
    let pushes = tom.pushes();
    assert!(pushes.iter().all(|push| push.after_reply));
    let sessions: Vec<_> = pushes.iter().map(|push| push.session).collect();
    assert_eq!(sessions, [second_jerry, second_tom]);
    assert!(jerry.pushes().iter().all(|push| !push.after_reply));
}

#[tokio::test]
async fn transient_messages_are_delivered_but_not_stored() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let transient = SendMessage { transient: true, ..message(&conversation, "typing") };
    let sent = messages::send(&world.core, &tom.request(), transient).await.unwrap();
    let [Event::Message(received)] = &jerry.events()[..] else { panic!("one message") };
    assert!(received.transient);
    assert_eq!((&received.id, received.timestamp), (&sent.id, sent.timestamp));
    assert!(world.history(&conversation).await.is_empty());
    assert_eq!(world.row(&conversation).await.last_message_at, None);
}

#[tokio::test]
async fn message_received_gets_the_params_of_the_contract() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.reply("_messageReceived", "null");
    let text = r#"{"_lctype":-1,"_lctext":"hi"}"#;
    let sent = world.say(&tom, &conversation, text).await;
    let binary = SendMessage {
        body: MessageBody::Binary(vec![0, 255]),
        transient: true,
        receipt: true,
        ..message(&conversation, "")
    };
    messages::send(&world.core, &tom.request(), binary).await.unwrap();

    let calls = world.engine.calls();
    let mut params: Vec<Value> = calls.iter().map(|call| call.params.clone()).collect();
    for params in &mut params {
        let received_at = params.as_object_mut().unwrap().insert("timestamp".to_owned(), json!(0));
        let age = sent.timestamp.0 - received_at.unwrap().as_i64().unwrap();
        assert!(age.abs() < 60_000, "{age} ms");
    }
    assert_eq!(
        params,
        [
            json!({
                "fromPeer": "tom", "convId": conversation, "toPeers": ["jerry", "spike"], "transient": false,
                "bin": false, "content": text, "receipt": false, "timestamp": 0, "system": null,
                "sourceIP": ADDRESS, "groupId": null,
            }),
            json!({
                "fromPeer": "tom", "convId": conversation, "toPeers": ["jerry", "spike"], "transient": true,
                "bin": true, "content": "AP8=", "receipt": true, "timestamp": 0, "system": null,
                "sourceIP": ADDRESS, "groupId": null,
            }),
        ]
    );
    assert!(calls.iter().all(|call| call.remote_address == Some(ADDRESS.parse().unwrap())));
}

#[tokio::test]
async fn message_sent_gets_the_online_members_afterwards() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.reply("_messageSent", "null");
    let sent = world.say(&tom, &conversation, "hi").await;
    world.notifications_are_done().await;
    assert_eq!(
        world.engine.calls_of("_messageSent"),
        [json!({
            "fromPeer": "tom", "receipt": false, "onlinePeers": ["jerry"], "offlinePeers": ["spike"], "content": "hi",
            "convId": conversation, "msgId": sent.id, "bin": false, "transient": false, "sourceIP": ADDRESS,
            "timestamp": sent.timestamp,
        })]
    );
}

#[tokio::test]
async fn the_same_token_again_is_the_same_message_without_effect() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageReceived", json!({ "content": "rewritten" }));
    world.engine.reply("_messageSent", "null");
    let token =
        |token: &str| SendMessage { deduplication_token: Some(token.to_owned()), ..message(&conversation, "hi") };
    let first = messages::send(&world.core, &tom.request(), token("a")).await.unwrap();
    tom.events();
    jerry.events();
    let again = messages::send(&world.core, &tom.request(), token("a")).await.unwrap();
    assert_eq!(again, first);
    assert!(tom.events().is_empty());
    assert!(jerry.events().is_empty());
    assert_eq!(world.engine.calls_of("_messageReceived").len(), 1);
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent").len(), 1);

    for token in [token("b"), token(""), token("")] {
        assert_ne!(messages::send(&world.core, &tom.request(), token).await.unwrap().id, first.id);
    }
    assert_eq!(world.history(&conversation).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_gets_messages_in_the_order_of_the_history() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mut jerrys_phone = world.client("jerry");
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (core, request) = (Arc::clone(&world.core), tom.request());
        let message = message(&conversation, &number.to_string());
        sends.spawn(async move { messages::send(&core, &request, message).await.map(drop) });
    }
    while let Some(sent) = sends.join_next().await {
        sent.unwrap().unwrap();
    }
    let stored: Vec<_> = world.history(&conversation).await.into_iter().map(|message| message.id).collect();
    for client in [&mut jerry, &mut jerrys_phone] {
        let received: Vec<_> = client
            .events()
            .into_iter()
            .map(|event| match event {
                Event::Message(message) => message.id.clone(),
                other => panic!("not a message: {other:?}"),
            })
            .collect();
        assert_eq!(received, stored);
    }
}

#[tokio::test]
async fn a_hook_that_is_thinking_does_not_hold_the_conversation() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.define("_messageReceived", Script::Wait);
    let slow = tom.request();
    let waits = world.engine.next_wait();
    let (slow, ()) = tokio::join!(messages::send(&world.core, &slow, message(&conversation, "slow")), async {
        waits.await.unwrap();
        conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
        assert_eq!(jerry.news(), ["members_joined butch by tom"]);
        world.engine.open_gate();
    });
    slow.unwrap();
    assert_eq!(jerry.news(), ["tom says slow"]);
}
