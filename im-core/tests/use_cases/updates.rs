//! Changing attributes, muting, unmuting, and what `_conversationUpdate` makes of it (S-97, S-105).

use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use serde_json::{Value, json};

use crate::scripted_engine::Script;
use crate::world::{Client, World, code, ids, object, refusal};

/// Tom and Jerry are members.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

#[tokio::test]
async fn changed_attributes_are_stored_and_other_members_learn_of_them() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let mut toms_phone = world.client("tom");
    let before = world.row(&conversation).await;
    let asked = object(json!({ "name": "new", "attr.topic": 1, "m": ["spike"] }));
    let updated = conversations::update(&world.core, &tom.request(), &conversation, asked).await.unwrap();

    assert_eq!(updated.changed, object(json!({ "name": "new", "attr": { "topic": 1 } })));
    let row = world.row(&conversation).await;
    assert_eq!(row.attributes, object(json!({ "name": "new", "attr": { "topic": 1 } })));
    assert_eq!((row.updated_at, &row.members), (updated.updated_at, &before.members));
    assert_eq!(jerry.news(), [r#"updated by tom: {"attr":{"topic":1},"name":"new"}"#]);
    assert!(tom.news().is_empty() && toms_phone.news().is_empty());
}

#[tokio::test]
async fn the_hook_sees_the_change_as_it_was_asked_for_and_may_replace_it() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.reply("_conversationUpdate", json!({ "attr": { "name": "better" }, "mute": true }));
    let asked = object(json!({ "attr.topic": { "__op": "Delete" } }));
    let updated = conversations::update(&world.core, &tom.request(), &conversation, asked.clone()).await.unwrap();

    let [params] = &world.engine.calls_of("_conversationUpdate")[..] else { panic!("one call") };
    assert_eq!(*params, json!({ "initBy": "tom", "convId": conversation, "attr": asked }));
    assert_eq!(updated.changed, object(json!({ "name": "better" })));
    let row = world.row(&conversation).await;
    assert_eq!(row.attributes, object(json!({ "name": "better" })));
    assert!(row.muted.is_empty(), "`mute` of a reply about attributes is thrown away");
}

#[tokio::test]
async fn a_member_mutes_and_unmutes_for_itself() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mute = async |client: &Client, mute| {
        conversations::set_muted(&world.core, &client.request(), &conversation, mute).await.unwrap();
        world.row(&conversation).await.muted
    };
    assert_eq!(mute(&tom, true).await, ids(&["tom"]));
    assert_eq!(mute(&tom, true).await, ids(&["tom"]));
    assert_eq!(mute(&jerry, true).await, ids(&["tom", "jerry"]));
    assert_eq!(mute(&tom, false).await, ids(&["jerry"]));
    assert!(jerry.news().is_empty());
}

#[tokio::test]
async fn the_hook_may_turn_a_mute_round() {
    let (world, tom, _jerry, conversation) = scene().await;
    world.engine.reply("_conversationUpdate", json!({ "mute": false, "attr": { "name": "x" } }));
    conversations::set_muted(&world.core, &tom.request(), &conversation, true).await.unwrap();
    let [params] = &world.engine.calls_of("_conversationUpdate")[..] else { panic!("one call") };
    assert_eq!(*params, json!({ "initBy": "tom", "convId": conversation, "mute": true }));
    let row = world.row(&conversation).await;
    assert!(row.muted.is_empty() && row.attributes.is_empty());
}

#[tokio::test]
async fn a_member_that_leaves_leaves_no_mute_behind() {
    let (world, _tom, jerry, conversation) = scene().await;
    conversations::set_muted(&world.core, &jerry.request(), &conversation, true).await.unwrap();
    conversations::remove(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
    assert!(world.row(&conversation).await.muted.is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_hook_changes_nothing() {
    let (world, tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_conversationUpdate", json!({ "reject": 1, "code": 7, "detail": "no" }));
    let asked = object(json!({ "name": "new" }));
    let refused = conversations::update(&world.core, &tom.request(), &conversation, asked).await;
    assert_eq!(refusal(refused), (Code::ConversationRejectedByApp, Some(7), Some("no".to_owned())));
    let refused = conversations::set_muted(&world.core, &tom.request(), &conversation, true).await;
    assert_eq!(refusal(refused), (Code::ConversationRejectedByApp, Some(7), Some("no".to_owned())));
    let row = world.row(&conversation).await;
    assert!(row.attributes.is_empty() && row.muted.is_empty());
    assert!(jerry.news().is_empty());
}

#[tokio::test]
async fn only_members_change_a_conversation_also_after_the_hook() {
    let (world, tom, jerry, conversation) = scene().await;
    let spike = world.client("spike");
    let name = || object(json!({ "name": "new" }));
    let unknown = ConversationId::new("64f0c0ffee0000000000a001");
    assert_eq!(
        code(conversations::update(&world.core, &tom.request(), &unknown, name()).await),
        Code::ConversationNotFound
    );
    assert_eq!(
        code(conversations::update(&world.core, &spike.request(), &conversation, name()).await),
        Code::ConversationUpdateRejected
    );
    assert_eq!(
        code(conversations::set_muted(&world.core, &spike.request(), &conversation, true).await),
        Code::ConversationUpdateRejected
    );

    world.engine.define("_conversationUpdate", Script::Wait);
    let waits = world.engine.next_wait();
    let jerry_request = jerry.request();
    let updating = conversations::update(&world.core, &jerry_request, &conversation, name());
    let removing = async {
        waits.await.unwrap();
        conversations::remove(&world.core, &tom.request(), &conversation, ids(&["jerry"])).await.unwrap();
        world.engine.open_gate();
    };
    let (updated, ()) = tokio::join!(updating, removing);
    assert_eq!(code(updated), Code::ConversationUpdateRejected);
    assert!(world.row(&conversation).await.attributes.is_empty());
}

#[tokio::test]
async fn changes_that_make_no_sense_or_are_too_large_are_refused_with_a_text() {
    let (world, tom, _jerry, conversation) = scene().await;
    let update = async |asked: Value| {
        let updated = conversations::update(&world.core, &tom.request(), &conversation, object(asked)).await;
        let (code, _, detail) = refusal(updated);
        assert_eq!(code, Code::ConversationApiFailed);
        detail.unwrap()
    };
    assert!(update(json!({ "a..b": 1 })).await.contains("`a..b`"));
    assert!(update(json!({ "a": { "__op": "Increment" } })).await.contains("`amount`"));
    assert!(update(json!({ "a": "x".repeat(70_000) })).await.contains("bytes"));
    assert!(world.row(&conversation).await.attributes.is_empty());
}
