//! The word filter (S-50, S-52, S-53): which messages it changes, and what hooks, receivers and senders see of it.

use std::time::Duration;

use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::delivery::{Event, PatchReason};
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{
    self, ChangeMessage, MAX_MESSAGE_BYTES, MessageChange, SendMessage, ServiceMessage, ServiceReceivers,
};
use hookd_im_core::presence::{Ending, SessionLifecycle};
use hookd_im_core::store::{ConversationKind, MessageBody};
use hookd_im_core::word_filter::{MAX_WORD_BYTES, WordList};
use serde_json::{Map, json};

use crate::world::{ADDRESS, Client, World, basic, ids, message};

/// Tom, Jerry and Spike are members; Spike is offline. The app does not want the word "crap".
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    do_not_want(&world, &["crap"]).await;
    (world, tom, jerry, conversation)
}

async fn do_not_want(world: &World, words: &[&str]) {
    let words = list(words);
    world.set(|settings| settings.word_list = words).await;
}

fn list(words: &[&str]) -> WordList {
    WordList::from(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

fn text(text: &str) -> MessageBody {
    MessageBody::Text(text.to_owned())
}

fn by_filter() -> Option<PatchReason> {
    Some(PatchReason { code: -4408, detail: "MESSAGE_MODIFIED_BY_CENSORSHIP".to_owned() })
}

fn by_hook() -> Option<PatchReason> {
    Some(PatchReason { code: 7, detail: "why".to_owned() })
}

#[tokio::test]
async fn hooks_and_receivers_get_the_filtered_message_and_the_sender_learns_of_it() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    world.engine.reply("_messageReceived", "{}");
    world.engine.reply("_messageSent", "null");
    let mut toms_phone = world.client("tom");
    let sent = world.say(&tom, &conversation, "Holy crap!").await;

    assert_eq!(world.engine.calls_of("_messageReceived")[0]["content"], "Holy ***!");
    assert_eq!(jerry.news(), ["tom says Holy ***!"]);
    assert_eq!(toms_phone.news(), ["tom says Holy ***!", "tom corrects Holy ***!"]);
    let [push] = &tom.pushes()[..] else { panic!("one push") };
    assert!(push.after_reply);
    let Event::MessagePatched(patch) = &push.event else { panic!("a patch") };
    assert_eq!((&patch.id, patch.timestamp, &patch.reason), (&sent.id, sent.timestamp, &by_filter()));
    let [stored] = &world.history(&conversation).await[..] else { panic!("one message") };
    assert_eq!((&stored.body, stored.patched_at), (&text("Holy ***!"), Some(patch.patched_at)));
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent")[0]["content"], "Holy ***!");

    world.say(&tom, &conversation, "nothing").await;
    assert_eq!((tom.news(), jerry.news()), (vec![], vec!["tom says nothing".to_owned()]));
}

#[tokio::test]
async fn the_hook_has_the_last_word() {
    for (reply, body, reason) in [
        (json!({ "content": "Oh!", "code": 7, "detail": "why" }), "Oh!", Some(by_hook())),
        // Without a reason of the hook's there is still that of the filter.
        (json!({ "content": "Oh!" }), "Oh!", Some(by_filter())),
        (json!({ "content": "Holy ***!", "code": 7, "detail": "why" }), "Holy ***!", Some(by_filter())),
        (json!({ "content": "Holy crap!" }), "Holy crap!", None),
    ] {
        let (world, mut tom, mut jerry, conversation) = scene().await;
        world.engine.reply("_messageReceived", reply.clone());
        world.say(&tom, &conversation, "Holy crap!").await;
        assert_eq!(jerry.news(), [format!("tom says {body}")], "{reply}");
        let reasons = tom.events().into_iter().map(|event| match event {
            Event::MessagePatched(patch) => patch.reason.clone(),
            other => panic!("{other:?}"),
        });
        assert_eq!(reasons.collect::<Vec<_>>(), reason.into_iter().collect::<Vec<_>>(), "{reply}");
        assert_eq!(world.history(&conversation).await[0].body, text(body), "{reply}");
    }
}

#[tokio::test]
async fn messages_of_two_are_filtered_where_the_app_asks_for_it_and_those_of_more_always() {
    let (world, mut tom, _jerry, group) = scene().await;
    let pair = world.conversation(&mut tom, &["jerry"]).await;
    let of_kind = async |kind, others: &[&str]| {
        let new = StartConversation { kind, ttl_seconds: Some(60), ..basic(others) };
        conversations::start(&world.core, &tom.request(), new).await.unwrap().conversation.id
    };
    let room = of_kind(ConversationKind::ChatRoom, &[]).await;
    let short_pair = of_kind(ConversationKind::Temporary, &["jerry"]).await;
    let short_group = of_kind(ConversationKind::Temporary, &["jerry", "spike"]).await;
    for (direct, of_two) in [(false, "crap"), (true, "***")] {
        world.set(|settings| settings.word_filter_direct = direct).await;
        for (conversation, expected) in
            [(&group, "***"), (&pair, of_two), (&room, "***"), (&short_pair, of_two), (&short_group, "***")]
        {
            world.say(&tom, conversation, "crap").await;
            let [.., newest] = &world.history(conversation).await[..] else { panic!("a message") };
            assert_eq!(newest.body, text(expected), "{conversation}, direct: {direct}");
        }
    }
}

#[tokio::test]
async fn binary_messages_are_not_looked_at_and_transient_ones_are() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let binary = MessageBody::Binary(b"crap".to_vec());
    let binary = SendMessage { body: binary, ..message(&conversation, "") };
    messages::send(&world.core, &tom.request(), binary).await.unwrap();
    assert_eq!((jerry.news(), tom.news().len()), (vec!["tom says [99, 114, 97, 112]".to_owned()], 0));
    let transient = SendMessage { transient: true, ..message(&conversation, "crap") };
    messages::send(&world.core, &tom.request(), transient).await.unwrap();
    assert_eq!((jerry.news(), tom.news()), (vec!["tom says ***".to_owned()], vec!["tom corrects ***".to_owned()]));
}

#[tokio::test]
async fn a_change_of_the_list_holds_for_the_next_message() {
    let (world, tom, mut jerry, conversation) = scene().await;
    for (words, heard) in [(&["crap"][..], "*** x"), (&["X"], "crap ***"), (&[], "crap x"), (&["crap", "x"], "*** ***")]
    {
        do_not_want(&world, words).await;
        world.say(&tom, &conversation, "crap x").await;
        assert_eq!(jerry.news(), [format!("tom says {heard}")], "{words:?}");
    }
}

#[tokio::test]
async fn edits_are_filtered_before_their_hook_and_recalls_are_none_of_it() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    world
        .set(|settings| {
            settings.message_edit = true;
            settings.message_recall = true;
            // As in the body of a recalled message.
            settings.word_list = list(&["crap", "127"]);
        })
        .await;
    world.engine.reply("_messageUpdate", "null");
    let sent = world.say(&tom, &conversation, "Holy cow!").await;
    jerry.events();
    let change = async |change| {
        let (id, timestamp, conversation) = (sent.id.clone(), sent.timestamp, conversation.clone());
        let request = ChangeMessage { conversation, id, timestamp, change };
        messages::change(&world.core, &tom.request(), request).await.unwrap();
    };
    change(MessageChange::Edit { body: text("Holy crap!"), mentions: Vec::new(), mention_all: false }).await;
    assert_eq!(world.engine.calls_of("_messageUpdate")[0]["content"], "Holy ***!");
    assert_eq!(jerry.news(), ["tom corrects Holy ***!"]);
    change(MessageChange::Recall).await;
    assert_eq!(jerry.news(), [r#"tom corrects {"_lctype":-127}"#]);
    // Of its own recall the acting session hears nothing.
    let [Event::MessagePatched(patch)] = &tom.events()[..] else { panic!("one patch") };
    assert_eq!((&patch.body, &patch.reason), (&text("Holy ***!"), &by_filter()));
}

/// S-108, S-109.
#[tokio::test]
async fn messages_to_and_from_services_are_filtered() {
    let (world, tom, mut jerry, _) = scene().await;
    let (app, address) = (world.app.clone(), ADDRESS.parse().unwrap());
    let administrator = Actor { app, identity: Identity::Administrator, address, origin: None };
    let news = conversations::create_service(&world.core, &administrator, Map::new()).await.unwrap().id;
    world.engine.reply("_messageReceived", "{}");
    world.say(&tom, &news, "crap").await;
    let message = ServiceMessage {
        conversation: news,
        from: ClientId::new("News"),
        to: ServiceReceivers::Clients(ids(&["jerry"])),
        body: text("Holy crap!"),
        transient: false,
        push_data: None,
    };
    messages::send_from_service(&world.core, &administrator, message).await.unwrap();
    let seen = world.engine.calls_of("_messageReceived");
    assert_eq!([&seen[0]["content"], &seen[1]["content"]], ["***", "Holy ***!"]);
    assert_eq!(jerry.news(), ["News says Holy ***!"]);
}

/// S-158: a will goes through the filter when it is delivered.
#[tokio::test]
async fn wills_are_filtered_with_the_words_of_the_time_of_their_delivery() {
    let (world, tom, mut jerry, conversation) = scene().await;
    messages::set_will(&world.core, &tom.request(), message(&conversation, "crap and bye")).await.unwrap();
    do_not_want(&world, &["bye"]).await;
    let lifecycle = SessionLifecycle::new(Duration::from_secs(3600));
    let session = world.core.online.sessions(&world.app.id, &tom.id).remove(0);
    let mut ended = lifecycle.end(&world.core, &world.app, &session, Ending::Lost(None), None);
    for will in ended.take_wills() {
        messages::deliver_will(&world.core, will).await;
    }
    assert_eq!(jerry.news(), ["tom says crap and ***"]);
}

#[tokio::test]
async fn the_largest_message_stays_within_its_size() {
    let (world, tom, mut jerry, conversation) = scene().await;
    do_not_want(&world, &["a"]).await;
    world.engine.reply("_messageReceived", "{}");
    world.set_policy(hookd_im_core::app::FailurePolicy::Abort).await;
    world.say(&tom, &conversation, &"a".repeat(MAX_MESSAGE_BYTES)).await;
    assert_eq!(jerry.news(), [format!("tom says {}", "*".repeat(MAX_MESSAGE_BYTES))]);
}

#[tokio::test]
async fn a_list_over_a_limit_is_refused_and_the_old_one_stays() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mut settings = hookd_im_core::app::ImSettings::clone(&*world.core.settings.get(&world.app.id).await.unwrap());
    settings.word_list = list(&[&"x".repeat(MAX_WORD_BYTES + 1)]);
    let refused = world.core.settings.update(&world.app.id, settings).await.unwrap_err();
    assert!(matches!(refused, SettingsError::BadWordList(_)), "{refused}");
    world.say(&tom, &conversation, "crap").await;
    assert_eq!(jerry.news(), ["tom says ***"]);
}
