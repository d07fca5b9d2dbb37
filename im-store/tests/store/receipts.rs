//! Unread messages, read marks and receipts (S-58 … S-68).

use std::time::Duration;

use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    Acknowledged, AppendedMessage, Conversation, Delivered, Direction, HistoryQuery, MarkedRead, MessageBody,
    NewMessage, ReceiptMarks, ReceiptMessage, UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START, asked, clients, message};

/// A client id that neither a text of PostgreSQL nor a pattern takes easily.
const ODD: &str = "je\0rry\",\"";

async fn unread(fixture: &Fixture, client: &str) -> Vec<UnreadConversation> {
    fixture.store.unread(&fixture.app, &ClientId::new(client), None).await.unwrap()
}

/// Ids and counts.
async fn counts(fixture: &Fixture, client: &str) -> Vec<(ConversationId, u32)> {
    unread(fixture, client).await.into_iter().map(|unread| (unread.conversation, unread.count)).collect()
}

async fn read(fixture: &Fixture, client: &str, conversation: &Conversation, until: Timestamp) -> Option<MarkedRead> {
    let read = vec![(conversation.id.clone(), until)];
    fixture.store.mark_read(&fixture.app, &ClientId::new(client), read).await.unwrap().pop()
}

async fn acknowledge(
    fixture: &Fixture,
    client: &str,
    conversation: &Conversation,
    acknowledged: Acknowledged,
) -> Option<Delivered> {
    fixture.store.mark_delivered(&fixture.app, &ClientId::new(client), &conversation.id, &acknowledged).await.unwrap()
}

fn range(from: Timestamp, to: Timestamp) -> Acknowledged {
    Acknowledged::Range { from, to }
}

async fn marks_of(fixture: &Fixture, conversation: &Conversation) -> Vec<ReceiptMarks> {
    fixture.store.receipt_marks(&fixture.app, &conversation.id).await.unwrap()
}

/// A message of Tom that asks for receipts.
async fn say_with_receipt(fixture: &Fixture, conversation: &Conversation, text: &str) -> AppendedMessage {
    fixture.append(NewMessage { receipt: true, ..message(&conversation.id, "tom", text) }).await.unwrap()
}

pub async fn messages_of_others_are_unread_until_they_are_read(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", ODD], json!({})).await;
    assert!(unread(fixture, ODD).await.is_empty());
    fixture.say(&conversation, "one").await;
    let two = fixture.say(&conversation, "two").await;
    fixture.append(message(&conversation.id, ODD, "my own")).await.unwrap();
    let three = fixture.say(&conversation, "three").await;

    let [told] = unread(fixture, ODD).await.try_into().unwrap();
    assert_eq!((told.conversation, told.count, told.is_mentioned), (conversation.id.clone(), 3, false));
    let last = told.last_message.unwrap();
    assert_eq!((last.id, last.body), (three.id.clone(), MessageBody::Text("three".to_owned())));
    assert_eq!((told.counted_until, told.last_sequence), (three.timestamp, three.sequence));
    assert_eq!(counts(fixture, "tom").await, [(conversation.id.clone(), 1)], "own messages do not count");

    assert!(read(fixture, ODD, &conversation, two.timestamp).await.is_some());
    assert_eq!(counts(fixture, ODD).await, [(conversation.id.clone(), 1)]);
    assert_eq!(read(fixture, ODD, &conversation, two.timestamp).await, None, "it had read as far before");
    assert_eq!(read(fixture, ODD, &conversation, START).await, None);
    // The clock of a client may be ahead.
    assert!(read(fixture, ODD, &conversation, Timestamp(i64::MAX)).await.is_some());
    assert!(unread(fixture, ODD).await.is_empty());
    fixture.say(&conversation, "four").await;
    assert_eq!(counts(fixture, ODD).await, [(conversation.id.clone(), 1)]);
}

pub async fn what_was_said_before_a_member_came_is_not_unread(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    fixture.say(&conversation, "before").await;
    fixture.store.add_members(&fixture.app, &conversation.id, &asked(&["jerry"]), 10, None).await.unwrap().unwrap();
    assert!(unread(fixture, "jerry").await.is_empty());
    fixture.say(&conversation, "after").await;
    assert_eq!(counts(fixture, "jerry").await, [(conversation.id.clone(), 1)]);
    fixture.store.remove_members(&fixture.app, &conversation.id, &asked(&["jerry"]), None).await.unwrap().unwrap();
    assert!(unread(fixture, "jerry").await.is_empty());
    fixture.store.add_members(&fixture.app, &conversation.id, &asked(&["jerry"]), 10, None).await.unwrap().unwrap();
    assert!(unread(fixture, "jerry").await.is_empty());
}

pub async fn only_messages_that_were_for_the_client_count(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", ODD, "anna"], json!({})).await;
    for receivers in [clients(&["anna"]), clients(&["anna", ODD]), Vec::new()] {
        let narrowed = NewMessage { receivers: Some(receivers), ..message(&conversation.id, "tom", "psst") };
        fixture.append(narrowed).await.unwrap();
    }
    assert_eq!(counts(fixture, ODD).await, [(conversation.id.clone(), 1)]);
    assert_eq!(counts(fixture, "anna").await, [(conversation.id.clone(), 2)]);
}

pub async fn a_mention_is_told_while_it_is_unread(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", ODD, "anna"], json!({})).await;
    let mention = NewMessage { mentions: clients(&["x", ODD]), ..message(&conversation.id, "tom", "you!") };
    let mention = fixture.append(mention).await.unwrap();
    fixture.say(&conversation, "later").await;
    assert!(unread(fixture, ODD).await[0].is_mentioned);
    assert!(!unread(fixture, "anna").await[0].is_mentioned);
    read(fixture, ODD, &conversation, mention.timestamp).await.unwrap();
    assert!(!unread(fixture, ODD).await[0].is_mentioned);
    let all = NewMessage { mention_all: true, ..message(&conversation.id, "tom", "all!") };
    fixture.append(all).await.unwrap();
    assert!(unread(fixture, ODD).await[0].is_mentioned && unread(fixture, "anna").await[0].is_mentioned);
}

/// S-67.
pub async fn at_most_a_hundred_messages_count(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry"], json!({})).await;
    for number in 0..103 {
        fixture.say(&conversation, &number.to_string()).await;
    }
    assert_eq!(counts(fixture, "jerry").await, [(conversation.id.clone(), 100)]);
    let one = fixture.store.unread_in(&fixture.app, &ClientId::new("jerry"), &conversation.id).await.unwrap();
    assert_eq!(one.unwrap().count, 100);
}

/// S-68.
pub async fn at_most_fifty_conversations_are_told_the_newest(fixture: &Fixture) {
    let mut spoken = Vec::new();
    for _ in 0..52 {
        let conversation = fixture.create(&["tom", "jerry"], json!({})).await;
        fixture.advance(Duration::from_millis(1));
        fixture.say(&conversation, "hi").await;
        spoken.push(conversation.id);
    }
    spoken.reverse();
    spoken.truncate(50);
    let told: Vec<_> = counts(fixture, "jerry").await.into_iter().map(|(conversation, _)| conversation).collect();
    assert_eq!(told, spoken);
}

/// P-101.
pub async fn what_changed_since_a_time_is_told_also_when_all_is_read(fixture: &Fixture) {
    let quiet = fixture.create(&["tom", "jerry"], json!({})).await;
    let read_since = fixture.create(&["tom", "jerry"], json!({})).await;
    let spoken_since = fixture.create(&["tom", "jerry"], json!({})).await;
    fixture.say(&quiet, "old").await;
    let old = fixture.say(&read_since, "old").await;
    fixture.advance(Duration::from_secs(60));
    let told_until = fixture.now();
    fixture.advance(Duration::from_secs(60));
    read(fixture, "jerry", &read_since, old.timestamp).await.unwrap();
    fixture.say(&spoken_since, "new").await;
    let changed = fixture.store.unread(&fixture.app, &ClientId::new("jerry"), Some(told_until)).await.unwrap();
    let changed: Vec<_> = changed.into_iter().map(|unread| (unread.conversation, unread.count)).collect();
    assert_eq!(changed, [(spoken_since.id, 1), (read_since.id.clone(), 0)]);
    let one = fixture.store.unread_in(&fixture.app, &ClientId::new("jerry"), &read_since.id).await.unwrap().unwrap();
    assert_eq!((one.count, one.last_message.map(|message| message.id)), (0, Some(old.id)));
}

/// S-58, S-60.
pub async fn an_acknowledged_message_is_delivered_once(fixture: &Fixture) {
    let pair = fixture.create(&["tom", "jerry"], json!({})).await;
    let plain = fixture.say(&pair, "plain").await;
    let first = say_with_receipt(fixture, &pair, "first").await;
    let second = say_with_receipt(fixture, &pair, "second").await;
    let own = fixture.append(NewMessage { receipt: true, ..message(&pair.id, "jerry", "own") }).await.unwrap();
    fixture.advance(Duration::from_secs(1));
    let receipt = |sent: &AppendedMessage| ReceiptMessage { id: sent.id.clone(), author: ClientId::new("tom") };

    let one = acknowledge(fixture, "jerry", &pair, Acknowledged::Message(first.id.clone())).await.unwrap();
    assert_eq!(one.first, [receipt(&first)]);
    assert_eq!(one.mark, first.timestamp, "the second one came a millisecond later and is not covered");
    let all = acknowledge(fixture, "jerry", &pair, range(Timestamp(0), Timestamp(i64::MAX))).await.unwrap();
    assert_eq!((all.first, all.mark), (vec![receipt(&second)], fixture.now()));
    let again = acknowledge(fixture, "jerry", &pair, range(plain.timestamp, own.timestamp)).await.unwrap();
    assert_eq!(again.first, []);

    let query = HistoryQuery { start: None, end: None, direction: Direction::New, limit: 10, message_type: None };
    let history = fixture.store.history(&fixture.app, &pair.id, &query).await.unwrap();
    let acknowledged: Vec<_> = history.iter().map(|message| message.acknowledged_at).collect();
    assert_eq!(acknowledged, [Some(fixture.now()), Some(fixture.now()), Some(fixture.now()), None]);

    let group = fixture.create(&["tom", "jerry", "anna"], json!({})).await;
    let plain = fixture.say(&group, "plain").await;
    let asked = say_with_receipt(fixture, &group, "asked").await;
    let both = acknowledge(fixture, "jerry", &group, range(plain.timestamp, asked.timestamp)).await.unwrap();
    assert_eq!(both.first, [receipt(&asked)]);
    let late = acknowledge(fixture, "anna", &group, range(plain.timestamp, asked.timestamp)).await.unwrap();
    assert_eq!(late.first, [], "the first receiver was another one");
    let history = fixture.store.history(&fixture.app, &group.id, &query).await.unwrap();
    assert_eq!(history[0].acknowledged_at, None, "in groups only where receipts were asked for");
}

/// S-59: who looks at a mark must not take a later message for read.
pub async fn a_mark_does_not_cover_what_came_later(fixture: &Fixture) {
    let pair = fixture.create(&["tom", "jerry"], json!({})).await;
    let early = say_with_receipt(fixture, &pair, "early").await;
    fixture.advance(Duration::from_secs(5));
    let late = fixture.say(&pair, "late").await;
    fixture.advance(Duration::from_secs(5));
    let marked = read(fixture, "jerry", &pair, early.timestamp).await.unwrap();
    let receipt = ReceiptMessage { id: early.id, author: ClientId::new("tom") };
    assert_eq!((marked.newest, marked.mark), (Some(receipt), Timestamp(late.timestamp.0 - 1)));
    let marked = read(fixture, "jerry", &pair, late.timestamp).await.unwrap();
    assert_eq!((marked.newest, marked.mark), (None, fixture.now()));
    let of_jerry = ReceiptMarks {
        client: ClientId::new("jerry"),
        delivered_at: Some(fixture.now()),
        read_at: Some(fixture.now()),
    };
    assert_eq!(marks_of(fixture, &pair).await, [of_jerry]);
}

pub async fn marks_never_go_back(fixture: &Fixture) {
    let pair = fixture.create(&["tom", "jerry"], json!({})).await;
    let first = fixture.say(&pair, "first").await;
    let second = fixture.say(&pair, "second").await;
    fixture.advance(Duration::from_secs(5));
    acknowledge(fixture, "jerry", &pair, range(first.timestamp, second.timestamp)).await.unwrap();
    read(fixture, "jerry", &pair, second.timestamp).await.unwrap();
    let before = marks_of(fixture, &pair).await;
    fixture.turn_back(Duration::from_secs(60));
    acknowledge(fixture, "jerry", &pair, Acknowledged::Message(first.id)).await.unwrap();
    let third = fixture.say(&pair, "third").await;
    read(fixture, "jerry", &pair, third.timestamp).await.unwrap();
    assert_eq!(marks_of(fixture, &pair).await, before);
}

pub async fn a_client_that_is_no_member_marks_nothing(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let said = fixture.say(&conversation, "hi").await;
    assert_eq!(read(fixture, "spike", &conversation, said.timestamp).await, None);
    assert_eq!(acknowledge(fixture, "spike", &conversation, range(START, said.timestamp)).await, None);
    assert_eq!(fixture.store.unread_in(&fixture.app, &ClientId::new("spike"), &conversation.id).await.unwrap(), None);
    for unknown in ["64f0c0ffee0000000000a001", "a\0b"] {
        let unknown = Conversation { id: ConversationId::new(unknown), ..conversation.clone() };
        assert_eq!(read(fixture, "tom", &unknown, said.timestamp).await, None);
        assert_eq!(acknowledge(fixture, "tom", &unknown, range(START, said.timestamp)).await, None);
        assert_eq!(marks_of(fixture, &unknown).await, []);
    }
    let odd = Acknowledged::Message(hookd_im_core::ids::MessageId::new("a\0b"));
    assert_eq!(acknowledge(fixture, "tom", &conversation, odd).await, None);
    let reversed = range(Timestamp(i64::MAX), Timestamp(i64::MIN));
    assert_eq!(acknowledge(fixture, "tom", &conversation, reversed).await, None);
}
