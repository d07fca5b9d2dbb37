//! Changes of conversations and messages that the use case decides about under the lock.

use std::time::Duration;

use futures::future::join_all;
use hookd_im_core::error::{Code, Refusal};
use hookd_im_core::ids::{ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    Conversation, Direction, EditConversation, EditMessage, EditedConversation, EditedMessage, HistoryQuery,
    MessageBody, Standing, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::fixture::{Fixture, START, clients, message, object};

fn to(attributes: Value, muted: &[&str]) -> EditConversation {
    let edited = EditedConversation { attributes: object(attributes), muted: clients(muted) };
    Box::new(move |_: &Conversation| Ok(edited))
}

fn refusal() -> Refusal {
    Refusal { code: Code::ConversationUpdateRejected, detail: Some("no".to_owned()) }
}

fn to_text(text: &str) -> EditMessage {
    let body = MessageBody::Text(text.to_owned());
    Box::new(|_: &Standing, _: &StoredMessage| {
        Ok(EditedMessage { body, mentions: clients(&["jerry\0"]), mention_all: true })
    })
}

pub async fn an_edit_changes_attributes_and_mutes_of_the_row_as_it_is(fixture: &Fixture) {
    let before = fixture.create(&["tom", "jerry"], json!({ "name": "old" })).await;
    fixture.advance(Duration::from_secs(1));
    let edit = to(json!({ "name": "new", "nul": "\0" }), &["jerry"]);
    let after = fixture.store.edit_conversation(&fixture.app, &before.id, edit).await.unwrap().unwrap().unwrap();
    let (attributes, muted) = (object(json!({ "name": "new", "nul": "\0" })), clients(&["jerry"]));
    let updated_at = Timestamp(START.0 + 1000);
    assert_eq!(after, Conversation { attributes, muted, updated_at, ..before.clone() });
    assert_eq!(fixture.conversation(&before.id).await, after);

    for unknown in ["64f0c0ffee0000000000a001", "a\0b"] {
        let unknown = ConversationId::new(unknown);
        let edited = fixture.store.edit_conversation(&fixture.app, &unknown, to(json!({}), &[])).await.unwrap();
        assert!(edited.is_none());
    }
}

pub async fn a_refused_edit_changes_nothing(fixture: &Fixture) {
    let before = fixture.create(&["tom"], json!({})).await;
    fixture.advance(Duration::from_secs(1));
    let edit = Box::new(|_: &Conversation| Err(refusal()));
    let refused = fixture.store.edit_conversation(&fixture.app, &before.id, edit).await.unwrap().unwrap();
    assert_eq!(refused, Err(refusal()));
    assert_eq!(fixture.conversation(&before.id).await, before);

    let said = fixture.say(&before, "hi").await;
    let edit = Box::new(|_: &Standing, _: &StoredMessage| Err(refusal()));
    let named = (&said.id, said.timestamp);
    let refused = fixture.store.edit_message(&fixture.app, &before.id, named, edit).await.unwrap().unwrap();
    assert_eq!(refused.unwrap_err(), refusal());
    let message = fixture.store.message(&fixture.app, &before.id, named).await.unwrap().unwrap();
    assert_eq!((message.body, message.patched_at), (MessageBody::Text("hi".to_owned()), None));
}

pub async fn edits_at_the_same_time_lose_nothing(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({ "n": 0 })).await;
    let edits = (0..20).map(|_| {
        let more: EditConversation = Box::new(|found: &Conversation| {
            let number = found.attributes["n"].as_u64().unwrap();
            Ok(EditedConversation { attributes: object(json!({ "n": number + 1 })), muted: Vec::new() })
        });
        fixture.store.edit_conversation(&fixture.app, &conversation.id, more)
    });
    for edited in join_all(edits).await {
        edited.unwrap().unwrap().unwrap();
    }
    assert_eq!(fixture.conversation(&conversation.id).await.attributes["n"], 20);
}

pub async fn an_edited_message_is_read_back_everywhere(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let said = fixture.say(&conversation, "hi").await;
    fixture.advance(Duration::from_secs(1));
    let typed = r#"{"_lctype":7}"#;
    let named = (&said.id, said.timestamp);
    let edited = fixture.store.edit_message(&fixture.app, &conversation.id, named, to_text(typed)).await.unwrap();
    let (members, edited) = edited.unwrap().unwrap();
    assert_eq!(members.members, clients(&["tom"]));
    assert_eq!(edited.body, MessageBody::Text(typed.to_owned()));
    assert_eq!((&edited.mentions, edited.mention_all), (&clients(&["jerry\0"]), true));
    assert_eq!(edited.patched_at, Some(fixture.now()));
    assert_eq!(fixture.store.message(&fixture.app, &conversation.id, named).await.unwrap(), Some(edited.clone()));
    let of_type = HistoryQuery { start: None, end: None, direction: Direction::Old, limit: 10, message_type: Some(7) };
    assert_eq!(fixture.store.history(&fixture.app, &conversation.id, &of_type).await.unwrap(), [edited]);
}

pub async fn each_change_of_a_message_is_later_than_the_one_before(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let said = fixture.say(&conversation, "hi").await;
    fixture.turn_back(Duration::from_secs(60));
    for later in 1..=2 {
        let named = (&said.id, said.timestamp);
        let edited = fixture.store.edit_message(&fixture.app, &conversation.id, named, to_text("x")).await.unwrap();
        let (_, edited) = edited.unwrap().unwrap();
        assert_eq!(edited.patched_at, Some(Timestamp(said.timestamp.0 + later)));
    }
}

/// A client names the newest change that it has seen, and gets those after it.
pub async fn changes_of_a_conversation_have_times_of_their_own(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let (first, second) = (fixture.say(&conversation, "first").await, fixture.say(&conversation, "second").await);
    fixture.advance(Duration::from_secs(1));
    let mut times = Vec::new();
    for said in [&second, &first, &second] {
        let named = (&said.id, said.timestamp);
        let edited = fixture.store.edit_message(&fixture.app, &conversation.id, named, to_text("x")).await.unwrap();
        times.push(edited.unwrap().unwrap().1.patched_at.unwrap().0);
    }
    let now = fixture.now().0;
    assert_eq!(times, [now, now + 1, now + 2]);
}

pub async fn a_message_is_found_by_id_and_time(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let said = fixture.say(&conversation, "hi").await;
    let other = fixture.create(&["tom"], json!({})).await;
    let later = Timestamp(said.timestamp.0 + 1);
    let (stranger, strange) = (MessageId::generate(), MessageId::new("a\0b"));
    for (place, id, time) in [
        (&other.id, &said.id, said.timestamp),
        (&conversation.id, &said.id, later),
        (&conversation.id, &stranger, said.timestamp),
        (&conversation.id, &strange, said.timestamp),
    ] {
        assert_eq!(fixture.store.message(&fixture.app, place, (id, time)).await.unwrap(), None);
        let edited = fixture.store.edit_message(&fixture.app, place, (id, time), to_text("x")).await.unwrap();
        assert!(edited.is_none());
    }
}

pub async fn changed_messages_come_in_the_order_of_their_changes(fixture: &Fixture) {
    let (ours, others) =
        (fixture.create(&["tom", "jerry"], json!({})).await, fixture.create(&["tom"], json!({})).await);
    let first = fixture.say(&ours, "first").await;
    let second = fixture.say(&ours, "second").await;
    let not_jerrys = fixture.say(&others, "other").await;
    fixture.append(message(&ours.id, "tom", "never changed")).await.unwrap();
    for (place, said) in [(&ours, &second), (&others, &not_jerrys), (&ours, &first)] {
        fixture.advance(Duration::from_secs(1));
        let named = (&said.id, said.timestamp);
        fixture.store.edit_message(&fixture.app, &place.id, named, to_text("x")).await.unwrap().unwrap().unwrap();
    }
    let changed = async |after, limit| {
        let jerry = ClientId::new("jerry");
        let found = fixture.store.changed_messages(&fixture.app, &jerry, Timestamp(after), limit).await.unwrap();
        assert!(found.iter().all(|(conversation, _)| *conversation == ours.id));
        found.into_iter().map(|(_, message)| message.id).collect::<Vec<_>>()
    };
    assert_eq!(changed(START.0, 10).await, [second.id.clone(), first.id.clone()]);
    assert_eq!(changed(START.0, 1).await, [second.id]);
    assert_eq!(changed(fixture.now().0 - 1, 10).await, [first.id]);
    assert!(changed(fixture.now().0, 10).await.is_empty());
}
