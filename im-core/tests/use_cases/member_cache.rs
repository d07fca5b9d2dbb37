//! The members of a conversation that is spoken in are not read again for each message, and are never those of yesterday.

use std::sync::atomic::Ordering;

use hookd_im_core::conversations::{self, MAX_MEMBERS, RestrictionChange};
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages::{self, SendMessage};
use hookd_im_core::store::{Conversations, MemberRules, MembershipRequest, Restriction};

use crate::world::{Client, World, code, ids, message};

/// Tom and Jerry are members, and have spoken.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    world.say(&tom, &conversation, "hi").await;
    jerry.events();
    (world, tom, jerry, conversation)
}

fn reads(world: &World) -> usize {
    world.store.member_reads.load(Ordering::SeqCst)
}

async fn whisper(world: &World, client: &Client, conversation: &ConversationId, text: &str) {
    let message = SendMessage { transient: true, ..message(conversation, text) };
    messages::send(&world.core, &client.request(), message).await.unwrap();
}

/// Adds a member as another node does, of whose changes this one does not learn.
async fn add_elsewhere(world: &World, by: &Client, conversation: &ConversationId, member: &str) {
    let rules = MemberRules { blacklist: false, roles: false, member_can_add: true };
    let request = MembershipRequest { by: by.id.clone(), members: ids(&[member]), by_member_only: true, rules };
    world.store.add_members(&world.app.id, conversation, &request, MAX_MEMBERS, None).await.unwrap().unwrap();
}

#[tokio::test]
async fn messages_after_the_first_one_read_no_members() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let before = reads(&world);
    for number in 0..10 {
        world.say(&tom, &conversation, &number.to_string()).await;
        world.say(&jerry, &conversation, "yes").await;
        whisper(&world, &tom, &conversation, "typing").await;
    }
    assert_eq!(reads(&world), before);
    assert_eq!(jerry.news().len(), 20);
}

#[tokio::test]
async fn who_joins_gets_the_next_message_and_who_leaves_gets_none() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mut spike = world.client("spike");
    conversations::add(&world.core, &tom.request(), &conversation, ids(&["spike"])).await.unwrap();
    spike.events();
    whisper(&world, &tom, &conversation, "typing").await;
    world.say(&tom, &conversation, "welcome").await;
    assert_eq!(spike.news(), ["tom says typing", "tom says welcome"]);
    world.say(&spike, &conversation, "thanks").await;

    conversations::remove(&world.core, &tom.request(), &conversation, ids(&["spike"])).await.unwrap();
    spike.events();
    jerry.events();
    whisper(&world, &tom, &conversation, "typing").await;
    world.say(&tom, &conversation, "gone").await;
    assert!(spike.news().is_empty());
    assert_eq!(jerry.news(), ["tom says typing", "tom says gone"]);
    let refused = messages::send(&world.core, &spike.request(), message(&conversation, "but")).await;
    assert_eq!(code(refused), Code::InvalidMessagingTarget);
}

/// What is not the same for all senders is read for each message.
#[tokio::test]
async fn who_is_silenced_after_it_has_spoken_says_no_more() {
    let (world, tom, jerry, conversation) = scene().await;
    world.say(&jerry, &conversation, "hello").await;
    let silence = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
    let jerrys = || ids(&["jerry"]);
    conversations::change_restriction(&world.core, &tom.request(), &conversation, silence, jerrys()).await.unwrap();
    let refused = messages::send(&world.core, &jerry.request(), message(&conversation, "but")).await;
    assert_eq!(code(refused), Code::Silenced);
    world.say(&tom, &conversation, "quiet").await;
    let refused = messages::send(&world.core, &jerry.request(), message(&conversation, "but")).await;
    assert_eq!(code(refused), Code::Silenced);

    let lift = RestrictionChange { is_lifted: true, ..silence };
    conversations::change_restriction(&world.core, &tom.request(), &conversation, lift, jerrys()).await.unwrap();
    world.say(&jerry, &conversation, "thanks").await;
    let before = reads(&world);
    world.say(&jerry, &conversation, "again").await;
    assert_eq!(reads(&world), before);
}

#[tokio::test]
async fn a_change_that_this_node_did_not_see_counts_for_the_next_stored_message() {
    let (world, tom, _jerry, conversation) = scene().await;
    let mut spike = world.client("spike");
    add_elsewhere(&world, &tom, &conversation, "spike").await;
    world.say(&tom, &conversation, "welcome").await;
    assert_eq!(spike.news(), ["tom says welcome"]);
}

#[tokio::test]
async fn a_sender_that_is_not_among_the_known_members_is_looked_up() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let spike = world.client("spike");
    add_elsewhere(&world, &tom, &conversation, "spike").await;
    world.say(&spike, &conversation, "hi").await;
    assert_eq!(jerry.news(), ["spike says hi"]);
}
