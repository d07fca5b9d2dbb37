//! A process that dies between an operation and the queueing of its notification hook: the next one calls the hook.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::hooks::{RedisHookQueue, RedisNodes};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Map, Value, json};

use crate::interrupted_queue::{InterruptedQueue, Killed};
use crate::redis_server::RedisServer;
use crate::scripted_engine::Script;
use crate::world::{Client, Queues, World, embedded_queue, ids, message, redis_queue};

const OPERATIONS: [&str; 4] = ["_conversationStarted", "_messageSent", "_conversationAdded", "_conversationRemoved"];

/// The operation of a hook, by tom, in a conversation of tom and jerry.
fn operation<'a>(hook: &str, world: &'a World, tom: &'a Client, id: &'a ConversationId) -> BoxFuture<'a, ()> {
    let request = tom.request();
    match hook {
        "_conversationStarted" => {
            let new = StartConversation { members: ids(&["spike"]), attributes: Map::new(), unique: true };
            async move { drop(conversations::start(&world.core, &request, new).await.unwrap()) }.boxed()
        }
        "_conversationAdded" => {
            async move { drop(conversations::add(&world.core, &request, id, ids(&["spike"])).await.unwrap()) }.boxed()
        }
        "_conversationRemoved" => {
            async move { drop(conversations::remove(&world.core, &request, id, ids(&["jerry"])).await.unwrap()) }
                .boxed()
        }
        _ => async move { drop(messages::send(&world.core, &request, message(id, "hi")).await.unwrap()) }.boxed(),
    }
}

/// The params of the hook for the operation, as far as they are known before.
fn told(hook: &str, id: &ConversationId) -> Value {
    match hook {
        "_conversationStarted" => json!({}),
        "_conversationAdded" => json!({"initBy": "tom", "convId": id, "members": ["spike"]}),
        "_conversationRemoved" => json!({"initBy": "tom", "convId": id, "members": ["jerry"]}),
        _ => json!({"fromPeer": "tom", "convId": id, "content": "hi"}),
    }
}

/// Carries the operation out in a process that dies when it comes to the queue, or when the operation is done; answers the
/// world of the next process, which has called all hooks that it knows of.
async fn killed_during(
    hook: &'static str,
    interrupted: impl FnOnce(&SqliteStore) -> (Arc<InterruptedQueue>, Queues),
    next: impl FnOnce(&SqliteStore) -> Queues,
) -> (World, ConversationId) {
    let mut dying = None;
    let world = World::with_queues(|store| {
        let (queue, queues) = interrupted(store);
        dying = Some(queue);
        queues
    });
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    // The hook is not called before the next process asks.
    world.engine.define(hook, Script::Hang);
    let dying = dying.unwrap();
    tokio::select! {
        () = operation(hook, &world, &tom, &id) => {}
        () = dying.reached() => {}
    }
    (world.killed(next).await, id)
}

fn assert_told_once(world: &World, hook: &str, id: &ConversationId) {
    let calls = world.engine.calls_of(hook);
    let [call] = calls.as_slice() else { panic!("{hook}: {calls:?}") };
    for (key, value) in told(hook, id).as_object().unwrap() {
        assert_eq!(call.get(key), Some(value), "{hook}");
    }
    assert_eq!(world.engine.calls().len(), 1);
}

async fn told_after_a_kill(hook: &'static str) {
    let interrupted = |store: &SqliteStore| {
        let queue = InterruptedQueue::new(Arc::new(store.hook_queue()), Killed::BeforeTheWrite);
        (queue.clone(), vec![queue as _])
    };
    let (world, id) = killed_during(hook, interrupted, embedded_queue).await;
    assert_told_once(&world, hook, &id);
}

async fn told_after_a_kill_over_redis(hook: &'static str, killed: Killed) {
    let redis = RedisServer::start();
    let (world, id) = killed_during(hook, interrupted_redis(&redis, killed), redis_queue(&redis)).await;
    assert_told_once(&world, hook, &id);
}

/// Runs each of the operations against both queues.
macro_rules! every_operation {
    ($($operation:ident: $hook:literal),+ $(,)?) => {$(
        mod $operation {
            use super::{Killed, told_after_a_kill, told_after_a_kill_over_redis};

            #[tokio::test]
            async fn is_called_by_the_next_process() {
                told_after_a_kill($hook).await;
            }

            #[tokio::test]
            async fn is_called_by_the_next_process_when_redis_did_not_take_it() {
                told_after_a_kill_over_redis($hook, Killed::BeforeTheWrite).await;
            }

            #[tokio::test]
            async fn is_called_once_when_redis_took_it_and_the_process_did_not_know() {
                told_after_a_kill_over_redis($hook, Killed::AfterTheWrite).await;
            }
        }
    )+};
}

every_operation! {
    a_started_conversation: "_conversationStarted",
    an_added_member: "_conversationAdded",
    a_removed_member: "_conversationRemoved",
    a_message: "_messageSent",
}

/// A Redis that never answers the process again, and the embedded queue behind it.
fn interrupted_redis(
    redis: &RedisServer,
    killed: Killed,
) -> impl FnOnce(&SqliteStore) -> (Arc<InterruptedQueue>, Queues) {
    let nodes = RedisNodes { nodes: vec![redis.address()], is_cluster: false, certificates: None };
    let queue = RedisHookQueue::new(nodes, "world".to_owned(), Arc::new(Timestamp::now));
    move |store| {
        let queue = InterruptedQueue::new(Arc::new(queue), killed);
        (queue.clone(), vec![queue as _, Arc::new(store.hook_queue())])
    }
}

#[tokio::test]
async fn operations_are_numbered_in_their_order_and_leave_the_outbox() {
    let redis = RedisServer::start();
    let world = World::with_queues(redis_queue(&redis));
    let tom = world.client("tom");
    for hook in OPERATIONS {
        world.engine.reply(hook, "null");
    }
    let mut expected = Vec::new();
    for _ in 0..3 {
        let new = StartConversation { members: ids(&["jerry"]), attributes: Map::new(), unique: false };
        let id = conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id;
        expected.push("_conversationStarted");
        for hook in ["_messageSent", "_conversationAdded", "_messageSent", "_conversationRemoved"] {
            operation(hook, &world, &tom, &id).await;
            expected.push(hook);
        }
        let mut typing = message(&id, "typing");
        typing.transient = true;
        messages::send(&world.core, &tom.request(), typing).await.unwrap();
        expected.push("_messageSent");
    }
    world.notifications_are_done().await;
    let mut calls = world.engine.calls();
    calls.sort_by_key(|call| call.sequence);
    assert_eq!(calls.iter().map(|call| call.hook).collect::<Vec<_>>(), expected);
    assert_eq!(world.core.store.outbox(0, 100, Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn hooks_of_operations_are_called_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let world = World::with_queues(redis_queue(&redis));
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    redis.kill();
    for hook in OPERATIONS {
        world.engine.reply(hook, "null");
        operation(hook, &world, &tom, &id).await;
    }
    world.notifications_are_done().await;
    for hook in OPERATIONS {
        assert_eq!(world.engine.calls_of(hook).len(), 1, "{hook}");
    }
    assert_eq!(world.core.store.outbox(0, 100, Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn what_no_queue_takes_stays_in_the_outbox_until_one_does() {
    let mut redis = RedisServer::start();
    let address = redis.address();
    let nodes = RedisNodes { nodes: vec![address], is_cluster: false, certificates: None };
    let queue = Arc::new(RedisHookQueue::new(nodes, "world".to_owned(), Arc::new(Timestamp::now)));
    let world = World::with_queues(|_| vec![queue]);
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    world.engine.reply("_messageSent", "null");
    redis.kill();
    operation("_messageSent", &world, &tom, &id).await;
    redis.start_again();
    while world.engine.calls().is_empty() {
        world.core.hooks.notifications().recover().await;
        world.notifications_are_done().await;
    }
    assert_eq!(world.engine.calls().len(), 1);
    assert_eq!(world.core.store.outbox(0, 100, Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_full_queue_refuses_leaves_the_outbox() {
    let redis = RedisServer::start();
    let world = World::with_queues(redis_queue(&redis));
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    world.set(|settings| settings.notification_queue_limit = 1).await;
    world.engine.define("_messageSent", Script::Wait);
    operation("_messageSent", &world, &tom, &id).await;
    operation("_messageSent", &world, &tom, &id).await;
    world.engine.open_gate();
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), 1);
    assert_eq!(world.core.store.outbox(0, 100, Duration::ZERO).await.unwrap(), []);
}
