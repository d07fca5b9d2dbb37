//! Edits and recalls, and what `_messageUpdate` makes of them (S-92, S-101, P-93 … P-95).

use hookd_im_core::conversations;
use hookd_im_core::delivery::{Event, PatchReason};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ConversationId, MessageId};
use hookd_im_core::messages::{self, ChangeMessage, MessageChange, SentMessage, content};
use hookd_im_core::store::MessageBody;
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, code, ids, refusal};

/// Tom has said "Holy crap!" to Jerry and to Spike, who is offline.
async fn scene() -> (World, Client, Client, SentMessage) {
    let world = World::new();
    world
        .set(|settings| {
            settings.message_edit = true;
            settings.message_recall = true;
        })
        .await;
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    let sent = world.say(&tom, &conversation, "Holy crap!").await;
    jerry.events();
    (world, tom, jerry, sent)
}

fn text(text: &str) -> MessageBody {
    MessageBody::Text(text.to_owned())
}

fn edit(sent: &SentMessage, body: &str) -> ChangeMessage {
    let change = MessageChange::Edit { body: text(body), mentions: ids(&["jerry"]), mention_all: false };
    changed(sent, change)
}

fn recall(sent: &SentMessage) -> ChangeMessage {
    changed(sent, MessageChange::Recall)
}

fn changed(sent: &SentMessage, change: MessageChange) -> ChangeMessage {
    let SentMessage { id, timestamp, conversation } = sent.clone();
    ChangeMessage { conversation, id, timestamp, change }
}

async fn change(world: &World, client: &Client, request: ChangeMessage) -> Result<Timestamp, RequestError> {
    messages::change(&world.core, &client.request(), request).await
}

#[tokio::test]
async fn an_edit_replaces_the_message_for_all_and_the_other_sessions_learn_of_it() {
    let (world, mut tom, mut jerry, sent) = scene().await;
    let mut toms_phone = world.client("tom");
    let changed_at = change(&world, &tom, edit(&sent, "Oh dear!")).await.unwrap();
    assert!(changed_at > sent.timestamp);

    let [Event::MessagePatched(patch)] = &jerry.events()[..] else { panic!("a patch") };
    assert_eq!((&patch.id, patch.timestamp, patch.patched_at), (&sent.id, sent.timestamp, changed_at));
    assert_eq!((&patch.body, &patch.mentions, &patch.reason), (&text("Oh dear!"), &ids(&["jerry"]), &None));
    assert_eq!(toms_phone.news(), ["tom corrects Oh dear!"]);
    assert!(tom.news().is_empty());
    let [stored] = &world.history(&sent.conversation).await[..] else { panic!("one message") };
    assert_eq!((&stored.body, stored.patched_at), (&text("Oh dear!"), Some(changed_at)));
    assert_eq!((&stored.id, stored.timestamp), (&sent.id, sent.timestamp));

    assert!(change(&world, &tom, edit(&sent, "Well.")).await.unwrap() > changed_at);
}

#[tokio::test]
async fn a_recalled_message_has_no_content_and_stays_so() {
    let (world, tom, mut jerry, sent) = scene().await;
    change(&world, &tom, recall(&sent)).await.unwrap();
    assert_eq!(jerry.news(), [r#"tom corrects {"_lctype":-127}"#]);
    assert!(content::is_recalled(&world.history(&sent.conversation).await[0].body));
    let (code, _, detail) = refusal(change(&world, &tom, edit(&sent, "back again")).await);
    assert_eq!((code, detail.as_deref()), (Code::MessageNotFound, Some("the message was recalled")));
}

#[tokio::test]
async fn the_hook_sees_the_change_and_may_replace_content_and_receivers() {
    let (world, mut tom, mut jerry, sent) = scene().await;
    let mut spike = world.client("spike");
    world
        .engine
        .reply("_messageUpdate", json!({ "content": "Holy **!", "toPeers": ["spike"], "code": 7, "detail": "why" }));
    change(&world, &tom, edit(&sent, "Holy crap again!")).await.unwrap();

    let [params] = &world.engine.calls_of("_messageUpdate")[..] else { panic!("one call") };
    let expected = json!({
        "fromPeer": "tom", "convId": sent.conversation, "toPeers": ["jerry", "spike"], "bin": false,
        "content": "Holy crap again!", "timestamp": sent.timestamp, "msgId": sent.id, "sourceIP": "203.0.113.7",
        "recall": false, "system": null,
    });
    assert_eq!(*params, expected);
    assert_eq!(spike.news(), ["tom corrects Holy **!"]);
    assert!(jerry.news().is_empty());
    let [Event::MessagePatched(own)] = &tom.events()[..] else { panic!("the author sees what became of it") };
    assert_eq!((&own.body, &own.reason), (&text("Holy **!"), &Some(PatchReason { code: 7, detail: "why".into() })));
    assert_eq!(world.history(&sent.conversation).await[0].body, text("Holy **!"));
}

#[tokio::test]
async fn of_a_recall_the_hook_changes_the_receivers_only() {
    let (world, tom, mut jerry, sent) = scene().await;
    world.engine.reply("_messageUpdate", json!({ "content": "not recalled", "toPeers": [] }));
    change(&world, &tom, recall(&sent)).await.unwrap();
    let [params] = &world.engine.calls_of("_messageUpdate")[..] else { panic!("one call") };
    assert_eq!((&params["recall"], &params["content"]), (&json!(true), &json!(r#"{"_lctype":-127}"#)));
    assert!(jerry.news().is_empty());
    assert!(content::is_recalled(&world.history(&sent.conversation).await[0].body));
}

#[tokio::test]
async fn a_dropped_change_leaves_the_message_as_it_was() {
    let (world, tom, mut jerry, sent) = scene().await;
    world.engine.reply("_messageUpdate", json!({ "drop": true, "code": 7, "detail": "no" }));
    for request in [edit(&sent, "other"), recall(&sent)] {
        let refused = refusal(change(&world, &tom, request).await);
        assert_eq!(refused, (Code::MessageUpdateRejectedByApp, Some(7), Some("no".to_owned())));
    }
    assert!(jerry.news().is_empty());
    let [stored] = &world.history(&sent.conversation).await[..] else { panic!("one message") };
    assert_eq!((&stored.body, stored.patched_at), (&text("Holy crap!"), None));
}

#[tokio::test]
async fn each_way_to_change_too_much_has_its_code() {
    let (world, tom, jerry, sent) = scene().await;
    let nowhere = SentMessage { conversation: ConversationId::new("64f0c0ffee0000000000a001"), ..sent.clone() };
    let no_message = SentMessage { id: MessageId::generate(), ..sent.clone() };
    let other_time = SentMessage { timestamp: Timestamp(sent.timestamp.0 + 1), ..sent.clone() };
    let spike = world.client("butch");
    assert_eq!(code(change(&world, &tom, edit(&nowhere, "x")).await), Code::ConversationNotFound);
    assert_eq!(code(change(&world, &spike, edit(&sent, "x")).await), Code::InvalidMessagingTarget);
    assert_eq!(code(change(&world, &tom, edit(&no_message, "x")).await), Code::MessageNotFound);
    assert_eq!(code(change(&world, &tom, edit(&other_time, "x")).await), Code::MessageNotFound);
    assert_eq!(code(change(&world, &jerry, recall(&sent)).await), Code::MessageOwnershipRequired);
    let long = "x".repeat(messages::MAX_MESSAGE_BYTES + 1);
    assert_eq!(code(change(&world, &tom, edit(&sent, &long)).await), Code::FrameTooLong);
}

#[tokio::test]
async fn an_app_that_has_not_switched_it_on_allows_no_change() {
    let (world, tom, _jerry, sent) = scene().await;
    world.set(|settings| settings.message_edit = false).await;
    let (code, _, detail) = refusal(change(&world, &tom, edit(&sent, "x")).await);
    assert_eq!(code, Code::MessageEditDisabled);
    assert!(detail.unwrap().contains("hookd settings --message-edit on"));
    change(&world, &tom, recall(&sent)).await.unwrap();
    world.set(|settings| settings.message_recall = false).await;
    let (code, _, detail) = refusal(change(&world, &tom, recall(&sent)).await);
    assert_eq!(code, Code::MessageRecallDisabled);
    assert!(detail.unwrap().contains("hookd settings --message-recall on"));
}

#[tokio::test]
async fn an_author_that_was_removed_while_the_hook_ran_changes_nothing() {
    let (world, tom, jerry, sent) = scene().await;
    world.engine.define("_messageUpdate", Script::Wait);
    let waits = world.engine.next_wait();
    let changing = change(&world, &tom, edit(&sent, "other"));
    let removing = async {
        waits.await.unwrap();
        conversations::remove(&world.core, &jerry.request(), &sent.conversation, ids(&["tom"])).await.unwrap();
        world.engine.open_gate();
    };
    let (changed, ()) = tokio::join!(changing, removing);
    assert_eq!(code(changed), Code::InvalidMessagingTarget);
}

#[tokio::test]
async fn an_app_that_was_deleted_or_switched_it_off_while_the_hook_ran_changes_nothing() {
    for is_deleted in [true, false] {
        let (world, tom, _jerry, sent) = scene().await;
        world.engine.define("_messageUpdate", Script::Wait);
        let waits = world.engine.next_wait();
        let changing = change(&world, &tom, edit(&sent, "other"));
        let meanwhile = async {
            waits.await.unwrap();
            if is_deleted {
                world.delete_app();
            } else {
                world.set(|settings| settings.message_edit = false).await;
            }
            world.engine.open_gate();
        };
        let (changed, ()) = tokio::join!(changing, meanwhile);
        let expected = if is_deleted { Code::AppNotAvailable } else { Code::MessageEditDisabled };
        assert_eq!(code(changed), expected);
        assert_eq!(world.history(&sent.conversation).await[0].body, text("Holy crap!"));
    }
}

#[tokio::test]
async fn who_comes_back_gets_the_changes_since_then() {
    let (world, tom, jerry, sent) = scene().await;
    let second = world.say(&tom, &sent.conversation, "second").await;
    let first_change = change(&world, &tom, recall(&second)).await.unwrap();
    change(&world, &tom, edit(&sent, "Oh dear!")).await.unwrap();
    let mut back = world.client("jerry");
    let missed = async |after| {
        let request = back.request();
        messages::deliver_missed_changes(&world.core, &request, back.session, after).await.unwrap();
    };
    missed(sent.timestamp).await;
    missed(first_change).await;
    drop(jerry);
    let news = back.news();
    let (recalled, edited) = (r#"tom corrects {"_lctype":-127}"#, "tom corrects Oh dear!");
    assert_eq!(news, [recalled, edited, edited]);

    let mut stranger = world.client("butch");
    let request = stranger.request();
    messages::deliver_missed_changes(&world.core, &request, stranger.session, Timestamp(0)).await.unwrap();
    assert!(stranger.news().is_empty());
}
