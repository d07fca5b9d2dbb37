use std::time::Duration;

use hookd_im_core::ids::ConversationId;
use hookd_im_core::store::{Direction, HistoryQuery, MessageBody, NewMessage, NotAppended, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START, asked, clients, message};

async fn newest(fixture: &Fixture, conversation: &ConversationId) -> Vec<StoredMessage> {
    let query = HistoryQuery { start: None, end: None, direction: Direction::Old, limit: 100, message_type: None };
    fixture.store.history(&fixture.app, conversation, &query).await.unwrap()
}

pub async fn timestamps_increase_even_when_the_clock_does_not(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    assert_eq!(fixture.say(&conversation, "1").await.timestamp, START);
    assert_eq!(fixture.say(&conversation, "2").await.timestamp, Timestamp(START.0 + 1));
    fixture.turn_back(Duration::from_secs(60));
    assert_eq!(fixture.say(&conversation, "3").await.timestamp, Timestamp(START.0 + 2));
    let other = fixture.create(&["tom"], json!({})).await;
    assert_eq!(fixture.say(&other, "1").await.timestamp, Timestamp(START.0 - 60_000));
}

pub async fn stored_message_is_read_back_as_it_was_sent(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let text = NewMessage {
        mentions: clients(&["jerry", "anna"]),
        patched_at: Some(Timestamp(START.0 + 7)),
        ..message(&conversation.id, "tom", "nul \0, é, \"quotes\"")
    };
    let binary = NewMessage {
        body: MessageBody::Binary(vec![0, 159, 146, 150]),
        mention_all: true,
        ..message(&conversation.id, "jerry", "")
    };
    for new in [&text, &binary] {
        fixture.append(new.clone()).await.unwrap();
    }
    let read = newest(fixture, &conversation.id).await;
    let expected = [text, binary].into_iter().zip([(START, 2), (Timestamp(START.0 + 1), 3)]).map(
        |(new, (timestamp, sequence))| {
            let NewMessage { id, from, body, mentions, mention_all, patched_at, .. } = new;
            let acknowledged_at = None;
            StoredMessage { id, timestamp, from, body, mentions, mention_all, patched_at, acknowledged_at, sequence }
        },
    );
    assert_eq!(read, expected.collect::<Vec<_>>());
}

pub async fn patch_is_later_than_its_message(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let new = NewMessage { patched_at: Some(START), ..message(&conversation.id, "tom", "hi") };
    fixture.append(new).await.unwrap();
    assert_eq!(newest(fixture, &conversation.id).await[0].patched_at, Some(Timestamp(START.0 + 1)));
}

pub async fn repeated_token_answers_the_first_message_for_some_minutes(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let with_token =
        || NewMessage { deduplication_token: Some("token".to_owned()), ..message(&conversation.id, "tom", "hi") };
    let first = fixture.append(with_token()).await.unwrap();
    assert_eq!(first.earlier, None);
    fixture.advance(Duration::from_mins(2));
    let second = fixture.append(with_token()).await.unwrap();
    assert_eq!((&second.id, second.timestamp, second.sequence), (&first.id, first.timestamp, first.sequence));
    assert_eq!(second.earlier.as_deref(), newest(fixture, &conversation.id).await.first());
    assert_eq!(newest(fixture, &conversation.id).await.len(), 1);

    fixture.advance(Duration::from_hours(1));
    let later = fixture.append(with_token()).await.unwrap();
    assert_eq!(later.earlier, None);
}

pub async fn token_belongs_to_sender_and_conversation(fixture: &Fixture) {
    let (one, other) = (fixture.create(&["tom"], json!({})).await, fixture.create(&["tom"], json!({})).await);
    for (conversation, from) in [(&one, "tom"), (&one, "jerry"), (&other, "tom")] {
        let new = NewMessage { deduplication_token: Some("token".to_owned()), ..message(&conversation.id, from, "hi") };
        assert_eq!(fixture.append(new).await.unwrap().earlier, None);
    }
}

pub async fn message_to_an_unknown_conversation_is_nothing(fixture: &Fixture) {
    let unknown = ConversationId::generate();
    let appended = fixture.append(message(&unknown, "tom", "hi")).await;
    assert_eq!(appended, Err(NotAppended::NoConversation));
    assert!(newest(fixture, &unknown).await.is_empty());
}

pub async fn a_message_to_former_members_is_not_stored(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry"], json!({})).await;
    let with_token = |members_sequence| NewMessage {
        deduplication_token: Some("token".to_owned()),
        members_sequence,
        ..message(&conversation.id, "tom", "hi")
    };
    fixture.store.remove_members(&fixture.app, &conversation.id, &asked(&["jerry"]), None).await.unwrap().unwrap();
    assert_eq!(fixture.append(with_token(1)).await, Err(NotAppended::MembersChanged));
    assert!(newest(fixture, &conversation.id).await.is_empty());
    assert_eq!(fixture.append(with_token(2)).await.unwrap().sequence, 3, "the refused one has taken no number");
    let again = fixture.append(with_token(1)).await;
    assert_eq!(again, Err(NotAppended::MembersChanged), "not even as the same message again");
    assert!(fixture.append(with_token(2)).await.unwrap().earlier.is_some());
}

pub async fn message_moves_the_conversation_up(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    fixture.advance(Duration::from_secs(5));
    let appended = fixture.say(&conversation, "hi").await;
    let after = fixture.conversation(&conversation.id).await;
    assert_eq!(after.last_message_at, Some(appended.timestamp));
    assert_eq!(after.updated_at, appended.timestamp);
    assert_eq!(after.created_at, conversation.created_at);
}
