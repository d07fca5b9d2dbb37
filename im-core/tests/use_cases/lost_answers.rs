//! Messages and settings of which the store does not say whether it has them (F-4, F-5).

use std::sync::atomic::Ordering;

use hookd_im_core::app::ImSettings;
use hookd_im_core::conversations;
use hookd_im_core::delivery::Event;
use hookd_im_core::error::RequestError;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages::{self, SendMessage};
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, ids, message};

async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

fn named(conversation: &ConversationId, token: &str) -> SendMessage {
    SendMessage { deduplication_token: Some(token.to_owned()), ..message(conversation, "hi") }
}

/// Sends a message whose answer is lost: it is stored, and its sender sees an error.
async fn send_and_lose(world: &World, tom: &Client, message: SendMessage) {
    world.store.loses_next_append.store(true, Ordering::SeqCst);
    let lost = messages::send(&world.core, &tom.request(), message).await;
    assert!(matches!(lost, Err(RequestError::Store(_))), "{lost:?}");
}

#[tokio::test]
async fn the_same_message_again_is_acknowledged_and_delivered_once() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageSent", "null");
    send_and_lose(&world, &tom, named(&conversation, "a")).await;
    assert!(jerry.events().is_empty());
    let [stored] = &world.history(&conversation).await[..] else { panic!("it is stored") };

    for _ in 0..2 {
        let sent = messages::send(&world.core, &tom.request(), named(&conversation, "a")).await.unwrap();
        assert_eq!((&sent.id, sent.timestamp), (&stored.id, stored.timestamp));
    }
    let [Event::Message(received)] = &jerry.events()[..] else { panic!("one message") };
    assert_eq!((&received.id, received.timestamp), (&stored.id, stored.timestamp));
    assert!(tom.events().is_empty());
    assert_eq!(world.history(&conversation).await.len(), 1);
    // The worker did not learn that the call is queued. The search of the queue every few seconds finds it.
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent").len(), 1);
}

#[tokio::test]
async fn the_reply_of_the_hook_counts_for_the_message_that_is_sent_again() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let mut spike = world.client("spike");
    let reply = json!({ "content": "Holy **!", "code": 7, "detail": "why", "toPeers": ["jerry"] });
    world.engine.reply("_messageReceived", reply);
    send_and_lose(&world, &tom, named(&conversation, "a")).await;
    // A second opinion would differ.
    world.engine.define("_messageReceived", Script::Reply(json!({ "drop": true }).to_string()));
    messages::send(&world.core, &tom.request(), named(&conversation, "a")).await.unwrap();
    assert_eq!(world.engine.calls_of("_messageReceived").len(), 1);
    assert_eq!(jerry.news(), ["tom says Holy **!"]);
    assert!(spike.events().is_empty());
    let [Event::MessagePatched(patch)] = &tom.events()[..] else { panic!("tom must get one patch of its message") };
    assert_eq!(patch.reason.as_ref().map(|reason| (reason.code, reason.detail.as_str())), Some((7, "why")));
    let [stored] = &world.history(&conversation).await[..] else { panic!("one message") };
    assert_eq!(stored.patched_at, Some(patch.patched_at));
}

#[tokio::test]
async fn who_left_before_the_message_was_sent_again_does_not_get_it() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mut butch = world.client("butch");
    send_and_lose(&world, &tom, named(&conversation, "a")).await;
    conversations::remove(&world.core, &tom.request(), &conversation, ids(&["jerry"])).await.unwrap();
    conversations::add(&world.core, &tom.request(), &conversation, ids(&["butch"])).await.unwrap();
    butch.events();
    messages::send(&world.core, &tom.request(), named(&conversation, "a")).await.unwrap();
    assert_eq!(jerry.news(), ["left by tom"]);
    assert_eq!(butch.news(), ["tom says hi"]);
}

#[tokio::test]
async fn a_message_of_a_process_that_died_is_delivered_when_it_is_sent_again() {
    let (world, tom, _jerry, conversation) = scene().await;
    send_and_lose(&world, &tom, named(&conversation, "a")).await;
    let world = world.restarted().await;
    let (tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    for _ in 0..2 {
        messages::send(&world.core, &tom.request(), named(&conversation, "a")).await.unwrap();
    }
    assert_eq!(jerry.news(), ["tom says hi"]);
    assert_eq!(world.history(&conversation).await.len(), 1);
}

#[tokio::test]
async fn settings_are_in_force_as_they_are_in_the_store_though_answers_are_lost() {
    let world = World::new();
    let app = &world.app.id;
    let with_attempts = |notification_attempts| ImSettings { notification_attempts, ..ImSettings::default() };
    for (lost, attempts) in [(1, 2), (2, 3), (0, 4)] {
        world.core.settings.get(app).await.unwrap();
        world.store.loses_saves.store(lost, Ordering::SeqCst);
        let saved = world.core.settings.update(app, with_attempts(attempts)).await;
        assert_eq!(saved.is_ok(), lost < 2, "{saved:?}");
        assert_eq!(world.core.settings.get(app).await.unwrap().notification_attempts, attempts);
        // What the store has later counts as long as nothing was saved for certain.
        if saved.is_err() {
            world.core.store.save_settings(app, &with_attempts(9)).await.unwrap();
            assert_eq!(world.core.settings.get(app).await.unwrap().notification_attempts, 9);
        }
    }
    assert!(world.core.settings.cached(app).is_some());
}
