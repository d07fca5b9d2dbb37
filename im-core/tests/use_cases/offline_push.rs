//! Pushes for receivers that are offline: S-91, S-100 step 16, S-113 … S-119.

use std::sync::atomic::Ordering;

use hookd_im_core::conversations;
use hookd_im_core::hooks::FailureCause;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, SendMessage};
use hookd_im_core::push::TO_LOG;
use hookd_im_core::store::DeadLetterFilter;
use serde_json::{Value, json};

use crate::scripted_engine::Script;
use crate::world::{Client, World, message};

const HOOK: &str = "_receiversOffline";
const GATEWAY: &str = "https://push.example.org/hookd";

/// A world whose app has a gateway, with a conversation of Tom, who is online, and two who are not.
async fn offline_conversation() -> (World, Client, ConversationId) {
    let world = World::new();
    world.set(|settings| settings.push_gateway = Some(GATEWAY.to_owned())).await;
    let mut tom = world.client("tom");
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    (world, tom, conversation)
}

fn with_data(conversation: &ConversationId, text: &str) -> SendMessage {
    SendMessage { push_data: Some(json!({ "alert": text }).to_string()), ..message(conversation, text) }
}

async fn send(world: &World, tom: &Client, message: SendMessage) {
    messages::send(&world.core, &tom.request(), message).await.unwrap();
    world.notifications_are_done().await;
}

/// Bodies that the gateway got.
fn pushed(world: &World) -> Vec<Value> {
    world.gateway.take().iter().map(|push| serde_json::from_slice(&push.body).unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_pushed_to_those_who_are_offline() {
    let (world, tom, conversation) = offline_conversation().await;
    let _jerry = world.client("jerry");
    send(&world, &tom, with_data(&conversation, "hi")).await;
    let expected =
        json!({"channels": ["spike"], "data": {"alert": "hi"}, "prod": "prod", "expiration_interval": 604_800});
    assert_eq!(pushed(&world), [expected]);

    let _spike = world.client("spike");
    send(&world, &tom, with_data(&conversation, "all are here")).await;
    assert!(pushed(&world).is_empty());
}

#[tokio::test]
async fn nothing_is_pushed_where_nothing_may_be() {
    let (world, tom, conversation) = offline_conversation().await;
    send(&world, &tom, message(&conversation, "without a payload")).await;
    let transient = SendMessage { transient: true, ..with_data(&conversation, "transient") };
    send(&world, &tom, transient).await;
    world.set(|settings| settings.push_gateway = Some(TO_LOG.to_owned())).await;
    send(&world, &tom, with_data(&conversation, "to the log")).await;
    world.set(|settings| settings.push_gateway = None).await;
    send(&world, &tom, with_data(&conversation, "no gateway")).await;
    assert!(pushed(&world).is_empty());
}

/// S-91: the hook hears of all, also of those who muted.
#[tokio::test]
async fn the_hook_gets_exactly_its_params_and_those_who_muted_get_no_push() {
    let (world, tom, conversation) = offline_conversation().await;
    world.engine.reply(HOOK, "{}");
    let spike = world.client("spike");
    conversations::set_muted(&world.core, &spike.request(), &conversation, true).await.unwrap();
    world.core.online.remove(&world.app.id, &ClientId::new("spike"), spike.session);
    let mention =
        SendMessage { mentions: vec![ClientId::new("spike"), ClientId::new("tom")], ..with_data(&conversation, "hi") };
    let sent = messages::send(&world.core, &tom.request(), mention).await.unwrap();
    world.notifications_are_done().await;
    let params = json!({
        "fromPeer": "tom", "convId": conversation, "offlinePeers": ["jerry", "spike"], "content": "hi",
        "timestamp": sent.timestamp, "mentionAll": false, "mentionOfflinePeers": ["spike"],
    });
    assert_eq!(world.engine.calls_of(HOOK), [params]);
    assert_eq!(pushed(&world)[0]["channels"], json!(["jerry"]));
}

#[tokio::test]
async fn each_value_that_the_hook_returns_is_obeyed() {
    let (world, tom, conversation) = offline_conversation().await;
    let spike = world.client("spike");
    conversations::set_muted(&world.core, &spike.request(), &conversation, true).await.unwrap();
    world.core.online.remove(&world.app.id, &ClientId::new("spike"), spike.session);
    let cases = [
        (json!({"skip": true}), None),
        (json!({"skip": 1}), None),
        (json!({"offlinePeers": []}), None),
        (json!({"offlinePeers": ["anna"]}), Some((json!(["anna"]), "data"))),
        (json!({"force": true}), Some((json!(["jerry", "spike"]), "data"))),
        (json!({"pushMessage": {"alert": "hook"}}), Some((json!(["jerry"]), "hook"))),
        (json!({"pushMessage": "{\"alert\":\"hook\"}"}), Some((json!(["jerry"]), "hook"))),
        (json!({"pushMessage": "no object", "skip": 0}), Some((json!(["jerry"]), "data"))),
        (json!({"offlinePeers": "no list", "force": ""}), Some((json!(["jerry"]), "data"))),
        (Value::Null, Some((json!(["jerry"]), "data"))),
    ];
    for (reply, expected) in cases {
        world.engine.reply(HOOK, &reply);
        send(&world, &tom, with_data(&conversation, "data")).await;
        let got = pushed(&world).pop().map(|push| (push["channels"].clone(), push["data"]["alert"].clone()));
        assert_eq!(got, expected.map(|(channels, alert)| (channels, json!(alert))), "{reply}");
    }
}

/// S-83: whatever the policy, the default push goes out, and the hook is not asked again.
#[tokio::test]
async fn a_hook_that_fails_leaves_the_default_push() {
    let (world, tom, conversation) = offline_conversation().await;
    world.set_policy(hookd_im_core::app::FailurePolicy::Abort).await;
    for cause in FailureCause::ALL {
        world.engine.define(HOOK, Script::Fail(cause));
        send(&world, &tom, with_data(&conversation, cause.name())).await;
        assert_eq!(pushed(&world)[0]["data"], json!({ "alert": cause.name() }));
    }
    assert_eq!(world.engine.calls_of(HOOK).len(), FailureCause::ALL.len());
    world.engine.reply(HOOK, "[1]");
    send(&world, &tom, with_data(&conversation, "no object")).await;
    assert_eq!(pushed(&world).len(), 1);
}

#[tokio::test]
async fn a_push_is_tried_again_until_the_gateway_takes_it_and_the_hook_is_asked_once() {
    let (world, tom, conversation) = offline_conversation().await;
    world.engine.reply(HOOK, "{}");
    world.set(|settings| settings.notification_retry_ms = 1).await;
    world.gateway.fails.store(3, Ordering::SeqCst);
    send(&world, &tom, with_data(&conversation, "hi")).await;
    let taken = world.gateway.take();
    assert_eq!((taken.len(), taken[0].url.as_str()), (1, GATEWAY));
    assert_eq!((taken[0].app.as_str(), taken[0].signature.len()), ("demo", 64));
    assert_eq!(world.engine.calls_of(HOOK).len(), 1);
}

#[tokio::test]
async fn a_push_that_is_given_up_is_a_dead_letter_and_can_be_retried() {
    let (world, tom, conversation) = offline_conversation().await;
    world
        .set(|settings| {
            settings.notification_retry_ms = 1;
            settings.notification_attempts = 2;
        })
        .await;
    world.gateway.fails.store(2, Ordering::SeqCst);
    send(&world, &tom, with_data(&conversation, "hi")).await;
    assert!(pushed(&world).is_empty());
    let notifications = world.core.hooks.notifications();
    let all = DeadLetterFilter::All { target: None };
    let letters = notifications.dead_letters(&world.app, &all, 10, false).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(notifications.retry_dead_letters(&world.app, &all).await.unwrap(), 1);
    world.notifications_are_done().await;
    assert_eq!(pushed(&world).len(), 1);
}

/// An acknowledged message has its push though the process is killed.
#[tokio::test]
async fn a_push_survives_the_process() {
    let (world, tom, conversation) = offline_conversation().await;
    world.engine.define(HOOK, Script::Hang);
    let calling = world.engine.next_call();
    messages::send(&world.core, &tom.request(), with_data(&conversation, "hi")).await.unwrap();
    calling.await.unwrap();
    let world = world.killed().await;
    world.notifications_are_done().await;
    assert_eq!(pushed(&world)[0]["data"], json!({"alert": "hi"}));
}
