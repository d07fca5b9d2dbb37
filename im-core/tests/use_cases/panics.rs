//! F-26: a panic while a call is recorded or worked on costs at most the current call.

use std::time::Duration;

use hookd_im_core::hooks::HookQueue;

use crate::panicking_queue::{PanickingQueue, Panics};
use crate::world::World;

const HOOK: &str = "_messageSent";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn told_of_all_messages_though_it(panics: Panics) -> usize {
    let world = World::with_queues(|store| {
        let queue: std::sync::Arc<dyn HookQueue> = PanickingQueue::new(std::sync::Arc::new(store.hook_queue()), panics);
        vec![queue]
    });
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &[]).await;
    world.engine.reply(HOOK, "null");
    for text in ["one", "two", "three"] {
        let said = tokio::time::timeout(PATIENCE, world.say(&tom, &id, text)).await;
        assert!(said.is_ok(), "`{text}` waits for a call that is never recorded");
    }
    world.notifications_are_done().await;
    // As the server does every five seconds.
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    let mut told: Vec<_> = world.engine.calls_of(HOOK).iter().map(|params| params["msgId"].to_string()).collect();
    told.sort();
    told.dedup();
    told.len()
}

#[tokio::test]
async fn calls_behind_the_one_that_made_recording_panic_are_made() {
    // The first stays in the outbox, and is handed over half a minute later.
    assert_eq!(told_of_all_messages_though_it(Panics::Record).await, 2);
}

#[tokio::test]
async fn calls_are_made_though_claiming_them_panicked() {
    assert_eq!(told_of_all_messages_though_it(Panics::Claim).await, 3);
}

#[tokio::test]
async fn calls_are_made_though_settling_them_panicked() {
    assert_eq!(told_of_all_messages_though_it(Panics::Settle).await, 3);
}
