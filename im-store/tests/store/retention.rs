//! Conversations and messages that are too old to be kept (S-13, S-69).

use std::time::Duration;

use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{Conversation, ConversationAge, Direction, HistoryQuery};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START};

async fn all_ages(fixture: &Fixture) -> Vec<ConversationAge> {
    let (mut ages, mut after) = (Vec::new(), 0);
    loop {
        let page = fixture.store.conversation_ages(after).await.unwrap();
        assert_eq!(page.now, fixture.now());
        ages.extend(page.conversations);
        match page.next {
            Some(next) => after = next,
            None => return ages,
        }
    }
}

async fn messages(fixture: &Fixture, conversation: &Conversation) -> usize {
    let query = HistoryQuery { start: None, end: None, direction: Direction::Old, limit: 1000, message_type: None };
    fixture.store.history(&fixture.app, &conversation.id, &query).await.unwrap().len()
}

/// A page has a bounded number of rows.
pub async fn a_walk_meets_every_conversation_once_with_its_oldest_message(fixture: &Fixture) {
    let mut expected = Vec::new();
    for _ in 0..450 {
        expected.push(fixture.create(&["tom"], json!({})).await.id);
    }
    let spoken_in = fixture.create(&["tom"], json!({})).await;
    fixture.advance(Duration::from_secs(1));
    fixture.say(&spoken_in, "first").await;
    fixture.advance(Duration::from_secs(1));
    fixture.say(&spoken_in, "second").await;
    let mut ages = all_ages(fixture).await;
    let last = ages.pop().unwrap();
    assert_eq!(last.oldest_message_at, Some(START.plus(Duration::from_secs(1))));
    assert_eq!((last.id, last.updated_at), (spoken_in.id, START.plus(Duration::from_secs(2))));
    assert!(ages.iter().all(|age| age.app == fixture.app && age.oldest_message_at.is_none()));
    assert_eq!(ages.into_iter().map(|age| age.id).collect::<Vec<_>>(), expected);
}

pub async fn old_messages_are_deleted_in_small_steps_and_no_others(fixture: &Fixture) {
    let (conversation, other) = (fixture.create(&["tom"], json!({})).await, fixture.create(&["tom"], json!({})).await);
    for number in 0..600 {
        fixture.say(&conversation, &number.to_string()).await;
    }
    fixture.say(&other, "hi").await;
    fixture.advance(Duration::from_secs(60));
    let before = fixture.now();
    fixture.say(&conversation, "new").await;
    let delete =
        async |app: &AppId, id: &ConversationId| fixture.store.delete_messages_before(app, id, before).await.unwrap();
    assert!(!delete(&AppId::new("other"), &conversation.id).await);
    assert!(delete(&fixture.app, &conversation.id).await, "there is more than one step takes");
    while delete(&fixture.app, &conversation.id).await {}
    assert_eq!((messages(fixture, &conversation).await, messages(fixture, &other).await), (1, 1));
    assert_eq!(fixture.conversation(&conversation.id).await.last_sequence, 602, "numbers go on");
}

pub async fn an_idle_conversation_is_deleted_with_all_that_is_stored_of_it(fixture: &Fixture) {
    let (idle, used) = (fixture.create(&["tom"], json!({})).await, fixture.create(&["tom"], json!({})).await);
    for number in 0..600 {
        fixture.say(&idle, &number.to_string()).await;
    }
    fixture.advance(Duration::from_secs(60));
    let since = fixture.now();
    fixture.say(&used, "hi").await;
    let delete = async |conversation: &Conversation, since: Timestamp| {
        fixture.store.delete_conversation_idle_since(&fixture.app, &conversation.id, since).await.unwrap()
    };
    assert!(!delete(&idle, idle.created_at).await, "something has happened since");
    assert!(!delete(&used, since).await);
    assert_eq!(messages(fixture, &used).await, 1);
    let mut steps = 0;
    while delete(&idle, since).await {
        steps += 1;
    }
    assert!((1..10).contains(&steps), "{steps}");
    assert_eq!(fixture.store.conversation(&fixture.app, &idle.id).await.unwrap(), None);
    assert_eq!(messages(fixture, &idle).await, 0);
    assert_eq!(all_ages(fixture).await.len(), 1);
}
