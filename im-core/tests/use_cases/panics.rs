//! F-26: a panic while a call is stored or worked on costs at most the current call.

use std::time::Duration;

use hookd_im_core::messages;

use crate::unreliable_store::Panics;
use crate::world::{World, message};

const HOOK: &str = "_messageSent";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The number of messages that the hook was called for, of three.
async fn announced_though_the_store(panics: Panics, transient: bool) -> usize {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &[]).await;
    world.engine.reply(HOOK, "null");
    *world.store.panics.lock().unwrap() = Some(panics);
    for text in ["one", "two", "three"] {
        let mut message = message(&id, text);
        message.transient = transient;
        let said = tokio::time::timeout(PATIENCE, messages::send(&world.core, &tom.request(), message)).await;
        assert!(said.is_ok(), "`{text}` waits for a call that is never stored");
    }
    world.notifications_are_done().await;
    // As the server does every five seconds.
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    let mut called: Vec<_> = world.engine.calls_of(HOOK).iter().map(|params| params["msgId"].to_string()).collect();
    called.sort();
    called.dedup();
    called.len()
}

#[tokio::test]
async fn calls_behind_the_one_that_made_the_store_panic_are_made() {
    assert_eq!(announced_though_the_store(Panics::AddCalls, true).await, 2);
}

#[tokio::test]
async fn calls_are_made_though_claiming_them_panicked() {
    assert_eq!(announced_though_the_store(Panics::Claim, false).await, 3);
}

#[tokio::test]
async fn calls_are_made_though_settling_them_panicked() {
    assert_eq!(announced_though_the_store(Panics::Settle, false).await, 3);
}
