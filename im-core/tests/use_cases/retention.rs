//! What is not kept for ever (S-13, S-69).

use std::time::Duration;

use hookd_im_core::app::ImSettings;
use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::messages;

use crate::world::{World, code, message};

const DAY: Duration = Duration::from_hours(24);

async fn walk(world: &World) {
    conversations::delete_old(&world.core).await.unwrap();
}

async fn texts(world: &World, conversation: &hookd_im_core::ids::ConversationId) -> usize {
    world.history(conversation).await.len()
}

fn kept(messages: u32, conversations: u32) -> impl FnOnce(&mut ImSettings) {
    move |settings| {
        (settings.message_retention_days, settings.inactive_conversation_days) = (messages, conversations);
    }
}

#[tokio::test]
async fn messages_that_are_too_old_are_deleted_and_the_conversation_goes_on() {
    let world = World::new();
    world.set(kept(180, 0)).await;
    let mut tom = world.client("tom");
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    world.say(&tom, &conversation, "old").await;
    world.advance(DAY * 179);
    world.say(&tom, &conversation, "newer").await;
    walk(&world).await;
    assert_eq!(texts(&world, &conversation).await, 2);
    world.advance(DAY * 2);
    walk(&world).await;
    assert_eq!(texts(&world, &conversation).await, 1);
    world.say(&tom, &conversation, "new").await;
    assert_eq!(texts(&world, &conversation).await, 2);
}

/// Sending to it afterwards gives 4401; reading is no activity.
#[tokio::test]
async fn a_conversation_that_is_not_used_is_deleted_with_its_messages() {
    let world = World::new();
    world.set(kept(0, 180)).await;
    let mut tom = world.client("tom");
    let (idle, used) = (world.conversation(&mut tom, &["jerry"]).await, world.conversation(&mut tom, &["spike"]).await);
    for conversation in [&idle, &used] {
        world.say(&tom, conversation, "hi").await;
    }
    world.advance(DAY * 179);
    world.say(&tom, &used, "hi").await;
    walk(&world).await;
    assert_eq!((texts(&world, &idle).await, texts(&world, &used).await), (1, 2));
    world.advance(DAY * 2);
    walk(&world).await;
    assert_eq!((texts(&world, &idle).await, texts(&world, &used).await), (0, 2));
    let refused = messages::send(&world.core, &tom.request(), message(&idle, "hi")).await;
    assert_eq!(code(refused), Code::InvalidMessagingTarget);
    world.say(&tom, &used, "hi").await;
}

#[tokio::test]
async fn an_app_that_keeps_everything_or_is_not_there_loses_nothing() {
    let world = World::new();
    let mut tom = world.client("tom");
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    world.say(&tom, &conversation, "hi").await;
    world.advance(DAY * 10_000);
    walk(&world).await;
    assert_eq!(texts(&world, &conversation).await, 1, "0 days: for ever");
    world.set(kept(1, 1)).await;
    world.delete_app();
    walk(&world).await;
    world.bring_app_back();
    assert_eq!(texts(&world, &conversation).await, 1);
    walk(&world).await;
    assert_eq!(texts(&world, &conversation).await, 0);
}
