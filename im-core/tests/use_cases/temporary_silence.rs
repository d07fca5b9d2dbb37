//! Clients that are silenced for a time (S-126, R-80).

use std::time::Duration;

use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::conversations::{self, end_silence, silence_for};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, ChangeMessage, MessageChange};
use hookd_im_core::store::{ConversationKind, MessageBody};

use crate::scripted_engine::Script;
use crate::world::{ADDRESS, Client, World, basic, code, ids, message};

/// Tom and Jerry are members.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

fn administrator(world: &World) -> Actor {
    let address = ADDRESS.parse().unwrap();
    Actor { app: world.app.clone(), identity: Identity::Administrator, address, origin: None }
}

async fn silence(world: &World, conversation: &ConversationId, client: &str, seconds: u32) -> Result<(), RequestError> {
    silence_for(&world.core, &administrator(world), conversation, &ClientId::new(client), seconds).await
}

async fn say(world: &World, client: &Client, conversation: &ConversationId) -> Result<(), RequestError> {
    messages::send(&world.core, &client.request(), message(conversation, "hi")).await.map(drop)
}

#[tokio::test]
async fn the_client_says_nothing_until_the_time_is_over_and_no_one_is_told() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    say(&world, &jerry, &conversation).await.unwrap();
    tom.events();
    silence(&world, &conversation, "jerry", 60).await.unwrap();
    assert_eq!(code(say(&world, &jerry, &conversation).await), Code::SilencedForATime);
    world.say(&tom, &conversation, "and you?").await;
    assert_eq!(jerry.news(), ["tom says and you?"]);
    assert!(tom.news().is_empty());

    world.advance(Duration::from_secs(61));
    say(&world, &jerry, &conversation).await.unwrap();
    assert_eq!(tom.news(), ["jerry says hi"]);
}

#[tokio::test]
async fn a_later_time_replaces_the_first_and_the_silence_can_be_ended() {
    let (world, _tom, jerry, conversation) = scene().await;
    silence(&world, &conversation, "jerry", 60).await.unwrap();
    silence(&world, &conversation, "jerry", 86_400).await.unwrap();
    world.advance(Duration::from_secs(61));
    assert_eq!(code(say(&world, &jerry, &conversation).await), Code::SilencedForATime);
    let (administrator, client) = (administrator(&world), ClientId::new("jerry"));
    end_silence(&world.core, &administrator, &conversation, &client).await.unwrap();
    say(&world, &jerry, &conversation).await.unwrap();
    end_silence(&world.core, &administrator, &conversation, &client).await.unwrap();
}

/// Under the conversation's lock the state of that moment decides.
#[tokio::test]
async fn a_sender_that_is_silenced_while_its_hook_is_asked_does_not_post() {
    let (world, _tom, jerry, conversation) = scene().await;
    world.engine.define("_messageReceived", Script::Wait);
    let waits = world.engine.next_wait();
    let (said, ()) = tokio::join!(say(&world, &jerry, &conversation), async {
        waits.await.unwrap();
        silence(&world, &conversation, "jerry", 60).await.unwrap();
        world.engine.open_gate();
    });
    assert_eq!(code(said), Code::SilencedForATime);
    assert!(world.history(&conversation).await.is_empty());
}

#[tokio::test]
async fn an_author_that_is_silenced_recalls_and_does_not_edit() {
    let (world, _tom, jerry, conversation) = scene().await;
    world.set(|settings| (settings.message_edit, settings.message_recall) = (true, true)).await;
    let sent = world.say(&jerry, &conversation, "hi").await;
    silence(&world, &conversation, "jerry", 60).await.unwrap();
    let body = MessageBody::Text("ha".to_owned());
    let edit = MessageChange::Edit { body, mentions: Vec::new(), mention_all: false };
    let change = |change| ChangeMessage {
        conversation: conversation.clone(),
        id: sent.id.clone(),
        timestamp: sent.timestamp,
        change,
    };
    let edited = messages::change(&world.core, &jerry.request(), change(edit)).await;
    assert_eq!(code(edited), Code::SilencedForATime);
    messages::change(&world.core, &jerry.request(), change(MessageChange::Recall)).await.unwrap();
}

#[tokio::test]
async fn in_a_chat_room_any_client_is_silenced_and_in_a_temporary_conversation_none() {
    let (world, tom, _jerry, conversation) = scene().await;
    let start = async |kind, ttl_seconds| {
        let new = conversations::StartConversation { kind, ttl_seconds, ..basic(&[]) };
        conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id
    };
    let room = start(ConversationKind::ChatRoom, None).await;
    let spike = world.client("spike");
    conversations::add(&world.core, &spike.request(), &room, ids(&["spike"])).await.unwrap();
    silence(&world, &room, "spike", 60).await.unwrap();
    assert_eq!(code(say(&world, &spike, &room).await), Code::SilencedForATime);
    say(&world, &tom, &room).await.unwrap();

    let temporary = start(ConversationKind::Temporary, Some(60)).await;
    assert_eq!(code(silence(&world, &temporary, "tom", 60).await), Code::NormalConversationRequired);
    let nowhere = ConversationId::generate();
    assert_eq!(code(silence(&world, &nowhere, "tom", 60).await), Code::ConversationNotFound);
    say(&world, &tom, &conversation).await.unwrap();
}

#[tokio::test]
async fn only_the_administrator_silences_and_only_for_a_day_at_most() {
    let (world, tom, _jerry, conversation) = scene().await;
    let refused = silence_for(&world.core, &tom.request(), &conversation, &ClientId::new("jerry"), 60).await;
    assert_eq!(code(refused), Code::OperationUnauthorized);
    for seconds in [0, 86_401, u32::MAX] {
        assert_eq!(code(silence(&world, &conversation, "jerry", seconds).await), Code::ConversationApiFailed);
    }
    assert_eq!(code(silence(&world, &conversation, &"x".repeat(65), 60).await), Code::ConversationApiFailed);
}
