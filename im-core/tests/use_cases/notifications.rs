//! Notification hooks: called at least once, in the background, and given up only after many attempts.

use std::time::Duration;

use hookd_im_core::app::FailurePolicy;
use hookd_im_core::hooks::{DeadLetterReport, FailureCause};
use hookd_im_core::ids::{Channel, ConversationId, MessageId};
use hookd_im_core::store::{CallFor, CallLimits, DeadLetterFilter, MessageBody, NewCall, NewMessage};
use hookd_im_core::timestamp::Timestamp;

use crate::scripted_engine::Script;
use crate::world::{Client, World, message};

const HOOK: &str = "_messageSent";
const ALL: DeadLetterFilter = DeadLetterFilter::All { target: None };

/// Tom sends to a conversation of his own, in a world with short waits.
async fn world_of_tom() -> (World, Client, ConversationId) {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &[]).await;
    world.set(|settings| settings.notification_retry_ms = 1).await;
    (world, tom, id)
}

fn sequences(world: &World) -> Vec<u64> {
    world.engine.calls().iter().map(|call| call.sequence.unwrap()).collect()
}

async fn letters(world: &World, letters: &DeadLetterFilter) -> Vec<DeadLetterReport> {
    world.core.hooks.notifications().dead_letters(&world.app, letters, 100, true).await.unwrap()
}

#[tokio::test]
async fn a_notification_hook_delays_no_client_and_its_failure_stops_nothing() {
    let world = World::new();
    world.set_policy(FailurePolicy::Abort).await;
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    world
        .set(|settings| {
            settings.notification_hook_timeout_ms = 20;
            settings.notification_attempts = 1;
        })
        .await;
    for script in [Script::Hang, Script::Fail(FailureCause::Trapped), Script::Reply("not read".to_owned())] {
        world.engine.define(HOOK, script);
        world.say(&tom, &id, "hi").await;
        assert_eq!(jerry.news(), ["tom says hi"]);
        world.notifications_are_done().await;
    }
    assert_eq!(world.engine.calls_of(HOOK).len(), 3);
}

#[tokio::test]
async fn a_failed_call_is_made_again_with_the_same_sequence_until_it_succeeds() {
    let (world, tom, id) = world_of_tom().await;
    world.engine.define(HOOK, Script::FailFirst(3, FailureCause::Failed));
    let first = world.say(&tom, &id, "one").await;
    world.notifications_are_done().await;
    world.say(&tom, &id, "two").await;
    world.notifications_are_done().await;
    let sequences = sequences(&world);
    assert_eq!(sequences.len(), 5);
    assert!(sequences[..4].iter().all(|sequence| *sequence == sequences[0]));
    assert!(sequences[4] > sequences[0]);
    let calls = world.engine.calls_of(HOOK);
    assert_eq!(calls[0]["msgId"], first.id.as_str());
    assert_eq!(calls[0]["timestamp"], first.timestamp.0);
    assert_eq!(letters(&world, &ALL).await, []);
}

#[tokio::test]
async fn a_call_that_keeps_failing_becomes_a_dead_letter_that_is_retried_or_dropped() {
    let (world, tom, id) = world_of_tom().await;
    world.set(|settings| settings.notification_attempts = 3).await;
    world.engine.define(HOOK, Script::Fail(FailureCause::Trapped));
    world.say(&tom, &id, "one").await;
    world.say(&tom, &id, "two").await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), 6);
    let dead = letters(&world, &ALL).await;
    assert_eq!(dead.len(), 2);
    let letter = dead.iter().find(|letter| letter.params.as_ref().unwrap().contains(r#""content":"one""#)).unwrap();
    let told = (letter.hook.as_str(), letter.cause.as_str(), letter.reason.as_str(), letter.attempts);
    assert_eq!(told, (HOOK, "trap", "as scripted", 3));
    let of_hook = |hook: &str| DeadLetterFilter::All { target: Some(hook.to_owned()) };
    assert_eq!(letters(&world, &of_hook("_clientOnline")).await, []);
    assert_eq!(letters(&world, &of_hook(HOOK)).await.len(), 2);

    world.engine.reply(HOOK, "null");
    let notifications = world.core.hooks.notifications();
    let ids = DeadLetterFilter::Numbers(vec![letter.id, 1]);
    assert_eq!(notifications.retry_dead_letters(&world.app, &ids).await.unwrap(), 1);
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK)[6]["content"], "one");
    assert_eq!(sequences(&world)[6], letter.id, "the same call, not a new one");
    assert_eq!(notifications.drop_dead_letters(&world.app, &ALL).await.unwrap(), 1);
    assert_eq!(letters(&world, &ALL).await, []);
}

#[tokio::test]
async fn only_the_newest_dead_letters_are_kept() {
    let (world, tom, id) = world_of_tom().await;
    world
        .set(|settings| {
            settings.notification_attempts = 1;
            settings.dead_letter_limit = 2;
        })
        .await;
    world.engine.define(HOOK, Script::Fail(FailureCause::Failed));
    for text in ["one", "two", "three"] {
        world.say(&tom, &id, text).await;
        world.notifications_are_done().await;
    }
    let dead = letters(&world, &ALL).await;
    assert!(dead[0].params.as_ref().unwrap().contains("three"), "{dead:?}");
    assert!(dead[1].params.as_ref().unwrap().contains("two"), "{dead:?}");
    assert_eq!(dead.len(), 2);
}

#[tokio::test]
async fn an_engine_that_is_away_costs_no_attempt() {
    for cause in [FailureCause::Unavailable, FailureCause::Overloaded] {
        let (world, tom, id) = world_of_tom().await;
        world
            .set(|settings| {
                settings.notification_attempts = 1;
                settings.hook_breaker_failures = 2;
                settings.hook_breaker_cool_down_ms = 1;
            })
            .await;
        world.engine.define(HOOK, Script::FailFirst(4, cause));
        for number in 0..20 {
            world.say(&tom, &id, &number.to_string()).await;
        }
        world.notifications_are_done().await;
        assert_eq!(letters(&world, &ALL).await, []);
        let mut texts: Vec<_> = world.engine.calls_of(HOOK).iter().map(|call| call["content"].to_string()).collect();
        assert!(texts.len() >= 24, "{}", texts.len());
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 20, "each message arrived");
    }
}

#[tokio::test]
async fn a_call_that_no_engine_took_for_too_long_is_given_up() {
    let (world, tom, id) = world_of_tom().await;
    world.set(|settings| settings.notification_max_age_ms = 1).await;
    world.engine.define(HOOK, Script::Fail(FailureCause::Unavailable));
    world.say(&tom, &id, "hi").await;
    world.notifications_are_done().await;
    let dead = letters(&world, &ALL).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].cause, "unavailable");
}

#[tokio::test]
async fn the_newest_calls_are_dropped_when_the_queue_is_full() {
    let (world, tom, id) = world_of_tom().await;
    world.set(|settings| settings.notification_queue_limit = 50).await;
    world.engine.define(HOOK, Script::Wait);
    for number in 0..60 {
        world.say(&tom, &id, &number.to_string()).await;
    }
    world.engine.open_gate();
    world.notifications_are_done().await;
    let mut texts: Vec<u32> =
        world.engine.calls_of(HOOK).iter().map(|call| call["content"].as_str().unwrap().parse().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..50).collect::<Vec<_>>());
    world.say(&tom, &id, "room again").await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK).len(), 51);
}

#[tokio::test]
async fn waiting_calls_are_made_after_a_restart_with_their_number_and_attempts() {
    let (world, tom, id) = world_of_tom().await;
    world
        .set(|settings| {
            settings.notification_attempts = 2;
            settings.notification_retry_ms = 200;
        })
        .await;
    world.engine.define(HOOK, Script::Fail(FailureCause::Failed));
    let tried = world.engine.next_call();
    world.say(&tom, &id, "hi").await;
    tried.await.unwrap();
    let world = world.restarted().await;
    assert_eq!(world.engine.calls().len(), 1);
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    let sequences = sequences(&world);
    assert_eq!(sequences.len(), 2);
    assert_eq!(sequences[0], sequences[1]);
    let dead = letters(&world, &ALL).await;
    assert_eq!((dead.len(), dead[0].attempts), (1, 2));
}

#[tokio::test]
async fn transient_messages_and_changes_of_members_are_queued_too() {
    let (world, tom, id) = world_of_tom().await;
    for hook in [HOOK, "_conversationStarted", "_conversationAdded", "_conversationRemoved"] {
        world.engine.reply(hook, "null");
    }
    let mut typing = message(&id, "typing");
    typing.transient = true;
    hookd_im_core::messages::send(&world.core, &tom.request(), typing).await.unwrap();
    let jerry = crate::world::ids(&["jerry"]);
    hookd_im_core::conversations::add(&world.core, &tom.request(), &id, jerry.clone()).await.unwrap();
    hookd_im_core::conversations::remove(&world.core, &tom.request(), &id, jerry).await.unwrap();
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK)[0]["transient"], true);
    assert_eq!(world.engine.calls_of("_conversationAdded").len(), 1);
    assert_eq!(world.engine.calls_of("_conversationRemoved").len(), 1);
}

#[tokio::test]
async fn a_repeated_message_is_announced_once() {
    let (world, tom, id) = world_of_tom().await;
    world.engine.reply(HOOK, "null");
    for _ in 0..2 {
        let mut again = message(&id, "hi");
        again.deduplication_token = Some("token".to_owned());
        hookd_im_core::messages::send(&world.core, &tom.request(), again).await.unwrap();
    }
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK).len(), 1);
}

#[tokio::test]
async fn a_call_that_kills_its_engine_holds_no_other_up() {
    let (world, tom, id) = world_of_tom().await;
    world.set(|settings| settings.notification_max_age_ms = 3_000).await;
    world.engine.define(HOOK, Script::FailFor("poison", FailureCause::Unavailable));
    world.say(&tom, &id, "poison").await;
    for number in 0..20 {
        world.say(&tom, &id, &number.to_string()).await;
    }
    world.notifications_are_done().await;
    let answered = world.engine.calls_of(HOOK).iter().filter(|call| call["content"] != "poison").count();
    assert_eq!(answered, 20);
    let dead = letters(&world, &ALL).await;
    assert_eq!(dead.len(), 1, "the others waited behind it until they were too old: {dead:?}");
}

#[tokio::test]
async fn a_call_that_is_too_old_before_its_first_attempt_is_made_once() {
    let (world, tom, id) = world_of_tom().await;
    world.set(|settings| settings.notification_max_age_ms = 1).await;
    world.engine.reply(HOOK, "null");
    // Of an earlier process: this process does not know it yet.
    let call = some_call(HOOK, "{}");
    let make = move |_: &_| Some(call);
    let call = Some(CallFor { make: Box::new(make), limits: LIMITS });
    let stored = world.core.store.append_message(&world.app.id, stored_message(&tom, &id), call).await;
    let stored = stored.unwrap().unwrap().row;
    while Timestamp::now() < stored.timestamp.plus(Duration::from_millis(5)) {
        tokio::task::yield_now().await;
    }
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK).len(), 1);
    assert_eq!(letters(&world, &ALL).await, []);
}

#[tokio::test]
async fn a_call_of_an_unknown_hook_is_a_dead_letter_and_holds_no_other_up() {
    let (world, tom, id) = world_of_tom().await;
    world.engine.reply(HOOK, "null");
    let node = hookd_im_core::ids::NodeId::generate();
    let of_tomorrow = NewCall { channel: Channel::new(HOOK), ..some_call("_ofTomorrow", "{}") };
    let calls = vec![of_tomorrow.into(), some_call("_ofTomorrow", "no JSON").into()];
    world.core.store.add_calls(&node, &world.app.id, calls, LIMITS).await.unwrap();
    world.say(&tom, &id, "hi").await;
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), 1, "of the message");
    let dead = letters(&world, &ALL).await;
    assert_eq!(dead.len(), 2);
    for letter in dead {
        assert_eq!((letter.hook.as_str(), letter.cause.as_str()), ("_ofTomorrow", "unreadable"));
    }
}

const LIMITS: CallLimits = CallLimits { calls: 10, bytes: 1_000 };

fn some_call(hook: &str, params: &'static str) -> NewCall {
    NewCall {
        channel: Channel::new(hook),
        target: hook.to_owned(),
        order_key: None,
        payload: bytes::Bytes::from_static(params.as_bytes()),
        remote_address: None,
    }
}

fn stored_message(from: &Client, conversation: &ConversationId) -> NewMessage {
    NewMessage {
        id: MessageId::generate(),
        conversation: conversation.clone(),
        from: from.id.clone(),
        members_sequence: 1,
        standing_version: 0,
        receivers: None,
        body: MessageBody::Text("hi".to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        deduplication_token: None,
        receipt: false,
        patched_at: None,
    }
}

#[tokio::test]
async fn calls_of_an_app_that_was_deleted_are_thrown_away() {
    let (world, tom, id) = world_of_tom().await;
    world.engine.define(HOOK, Script::Fail(FailureCause::Unavailable));
    let tried = world.engine.next_call();
    world.say(&tom, &id, "hi").await;
    tried.await.unwrap();
    world.core.forget_app(&world.app.id).await.unwrap();
    world.notifications_are_done().await;
    world.engine.reply(HOOK, "null");
    let calls = world.engine.calls().len();
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), calls);
}

/// F-13: an engine may forget an app for a while.
#[tokio::test]
async fn calls_of_an_app_that_is_only_missing_wait_for_it() {
    let (world, tom, id) = world_of_tom().await;
    world.engine.define(HOOK, Script::FailFirst(1, FailureCause::Unavailable));
    let tried = world.engine.next_call();
    world.say(&tom, &id, "hi").await;
    tried.await.unwrap();
    world.delete_app();
    world.app_is_missed().await;
    world.bring_app_back();
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of(HOOK).len(), 2);
    assert_eq!(letters(&world, &ALL).await, []);
}
