//! A process that dies around the write of an operation: the hook of what is stored is called once, by the next process.

use futures::future::{BoxFuture, FutureExt as _};
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;
use serde_json::{Value, json};

use crate::scripted_engine::Script;
use crate::unreliable_store::Killed;
use crate::world::{Client, World, basic, ids, message};

const OPERATIONS: [&str; 4] = ["_conversationStarted", "_messageSent", "_conversationAdded", "_conversationRemoved"];

/// The operation of a hook, by tom, in a conversation of tom and jerry.
fn operation<'a>(hook: &str, world: &'a World, tom: &'a Client, id: &'a ConversationId) -> BoxFuture<'a, ()> {
    let request = tom.request();
    match hook {
        "_conversationStarted" => {
            let new = StartConversation { unique: true, ..basic(&["spike"]) };
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
fn params(hook: &str, id: &ConversationId) -> Value {
    match hook {
        "_conversationStarted" => json!({}),
        "_conversationAdded" => json!({"initBy": "tom", "convId": id, "members": ["spike"]}),
        "_conversationRemoved" => json!({"initBy": "tom", "convId": id, "members": ["jerry"]}),
        _ => json!({"fromPeer": "tom", "convId": id, "content": "hi"}),
    }
}

/// Carries the operation out in a process that dies when it comes to the write; answers the world of the next process, which
/// has called all hooks that it knows of.
async fn killed_during(hook: &'static str, killed: Killed) -> (World, ConversationId) {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    // The hook is not called before the next process asks.
    world.engine.define(hook, Script::Hang);
    *world.store.killed.lock().unwrap() = Some(killed);
    tokio::select! {
        () = operation(hook, &world, &tom, &id) => panic!("the process is dead"),
        () = world.store.kill_is_reached() => {}
    }
    (world.killed().await, id)
}

async fn is_called_once(hook: &'static str) {
    let (world, id) = killed_during(hook, Killed::AfterTheWrite).await;
    let calls = world.engine.calls_of(hook);
    let [call] = calls.as_slice() else { panic!("{hook}: {calls:?}") };
    for (key, value) in params(hook, &id).as_object().unwrap() {
        assert_eq!(call.get(key), Some(value), "{hook}");
    }
    assert_eq!(world.engine.calls().len(), 1);
}

async fn is_not_called(hook: &'static str) {
    let (world, _) = killed_during(hook, Killed::BeforeTheWrite).await;
    assert_eq!(world.engine.calls().len(), 0);
}

macro_rules! every_operation {
    ($($operation:ident: $hook:literal),+ $(,)?) => {$(
        mod $operation {
            #[tokio::test]
            async fn that_is_stored_is_announced_once_by_the_next_process() {
                super::is_called_once($hook).await;
            }

            #[tokio::test]
            async fn that_is_not_stored_is_not_announced() {
                super::is_not_called($hook).await;
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

#[tokio::test]
async fn operations_are_numbered_in_their_order() {
    let world = World::new();
    let tom = world.client("tom");
    for hook in OPERATIONS {
        world.engine.reply(hook, "null");
    }
    let mut expected = Vec::new();
    for _ in 0..3 {
        let new = basic(&["jerry"]);
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
}
