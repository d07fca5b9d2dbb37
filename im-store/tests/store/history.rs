use hookd_im_core::ids::MessageId;
use hookd_im_core::store::{Conversation, Direction, HistoryBound, HistoryQuery, MessageBody, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START};

/// Message `n` has the time `START + n`.
async fn ten_messages(fixture: &Fixture) -> Conversation {
    let conversation = fixture.create(&["tom"], json!({})).await;
    for number in 0..10 {
        fixture.say(&conversation, &number.to_string()).await;
    }
    conversation
}

fn query(direction: Direction) -> HistoryQuery {
    HistoryQuery { start: None, end: None, direction, limit: 100, message_type: None }
}

fn at(number: i64, included: bool) -> Option<HistoryBound> {
    Some(HistoryBound { timestamp: Timestamp(START.0 + number), id: None, included })
}

async fn read(fixture: &Fixture, conversation: &Conversation, query: HistoryQuery) -> Vec<StoredMessage> {
    fixture.store.history(&fixture.app, &conversation.id, &query).await.unwrap()
}

async fn texts(fixture: &Fixture, conversation: &Conversation, query: HistoryQuery) -> String {
    let messages = read(fixture, conversation, query).await;
    messages
        .into_iter()
        .map(|message| match message.body {
            MessageBody::Text(text) => text,
            MessageBody::Binary(_) => panic!("no binary message was sent"),
        })
        .collect()
}

pub async fn ranges_in_both_directions(fixture: &Fixture) {
    let conversation = ten_messages(fixture).await;
    use Direction::{New, Old};
    for (direction, start, end, limit, expected) in [
        (Old, None, None, 3, "789"),
        (New, None, None, 3, "012"),
        (Old, at(7, false), None, 3, "456"),
        (Old, at(7, true), None, 3, "567"),
        (New, at(7, false), None, 3, "89"),
        (New, at(7, true), None, 2, "78"),
        (Old, at(7, false), at(4, false), 10, "56"),
        (Old, at(7, true), at(4, true), 10, "4567"),
        (New, at(4, false), at(7, false), 10, "56"),
        (New, at(4, true), at(7, true), 10, "4567"),
        (New, at(7, true), at(4, true), 10, ""),
        (Old, None, None, 0, ""),
    ] {
        let query = HistoryQuery { start: start.clone(), end: end.clone(), limit, ..query(direction) };
        let context = format!("{query:?}");
        assert_eq!(texts(fixture, &conversation, query).await, expected, "{context}");
    }
}

pub async fn bound_with_an_id_compares_time_and_id(fixture: &Fixture) {
    let conversation = ten_messages(fixture).await;
    let fifth = read(fixture, &conversation, query(Direction::New)).await.swap_remove(5);
    // Before and after every id in the order of text.
    let (low, high) = (MessageId::new(""), MessageId::new("~"));
    for (id, included, older, newer) in [
        (&fifth.id, false, "01234", "6789"),
        (&fifth.id, true, "012345", "56789"),
        (&low, false, "01234", "56789"),
        (&high, false, "012345", "6789"),
    ] {
        let start = Some(HistoryBound { timestamp: fifth.timestamp, id: Some(id.clone()), included });
        let old = HistoryQuery { start: start.clone(), ..query(Direction::Old) };
        assert_eq!(texts(fixture, &conversation, old).await, older, "old {id:?} {included}");
        let new = HistoryQuery { start, ..query(Direction::New) };
        assert_eq!(texts(fixture, &conversation, new).await, newer, "new {id:?} {included}");
    }
}

pub async fn bounds_beyond_all_times_give_the_logical_result(fixture: &Fixture) {
    let conversation = ten_messages(fixture).await;
    for (direction, timestamp, expected) in [
        (Direction::Old, i64::MAX, "0123456789"),
        (Direction::Old, 1, ""),
        (Direction::New, i64::MAX, ""),
        (Direction::New, 1, "0123456789"),
        (Direction::New, i64::MIN, "0123456789"),
    ] {
        let start = Some(HistoryBound { timestamp: Timestamp(timestamp), id: None, included: false });
        let query = HistoryQuery { start, ..query(direction) };
        assert_eq!(texts(fixture, &conversation, query).await, expected, "{direction:?} {timestamp}");
    }
}

pub async fn only_messages_of_the_wanted_type(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    for text in ["plain", r#"{"_lctype":-1}"#, r#"{"_lctype":2}"#, r#"{"_lctype":-1,"n":2}"#] {
        fixture.say(&conversation, text).await;
    }
    let typed = HistoryQuery { message_type: Some(-1), ..query(Direction::Old) };
    assert_eq!(texts(fixture, &conversation, typed).await, r#"{"_lctype":-1}{"_lctype":-1,"n":2}"#);
}

pub async fn limit_is_a_hundred_at_most(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    futures::future::join_all((0..105).map(|_| fixture.say(&conversation, "x"))).await;
    let many = HistoryQuery { limit: u32::MAX, ..query(Direction::Old) };
    assert_eq!(read(fixture, &conversation, many).await.len(), 100);
}
