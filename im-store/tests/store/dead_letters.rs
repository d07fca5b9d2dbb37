//! Dead letters.

use bytes::Bytes;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{CallOutcome, DeadLetter, DeadLetterFilter, StoredCall};

use crate::fixture::{Fixture, at_most, death, in_short, messages, online, presence, sent};

const ALL: DeadLetterFilter = DeadLetterFilter::All { target: None };

pub async fn all(fixture: &Fixture) -> Vec<DeadLetter> {
    fixture.store.dead_letters(&fixture.app, &ALL, 100, false).await.unwrap()
}

async fn retry(fixture: &Fixture, filter: &DeadLetterFilter, calls_at_most: usize) -> usize {
    fixture.store.retry_dead_letters(&fixture.app, filter, at_most(calls_at_most)).await.unwrap()
}

async fn discard(fixture: &Fixture, filter: &DeadLetterFilter) -> usize {
    fixture.store.discard_dead_letters(&fixture.app, filter).await.unwrap()
}

pub async fn dead_letters_say_everything_newest_first(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    let letters = all(fixture).await;
    let expected = DeadLetter {
        number: calls[1].number,
        channel: messages(),
        target: "_messageSent".to_owned(),
        cause: "trap".to_owned(),
        reason: "unreachable".to_owned(),
        attempts: 1,
        queued_at: calls[1].queued_at,
        died_at: fixture.now(),
        payload: None,
    };
    assert_eq!(letters[0], expected);
    assert_eq!((letters.len(), letters[1].number), (2, calls[0].number));
    let newest = fixture.store.dead_letters(&fixture.app, &ALL, 1, false).await.unwrap();
    assert_eq!(newest, [expected]);
    let other = AppId::new("other");
    assert_eq!(fixture.store.dead_letters(&other, &ALL, 100, true).await.unwrap(), []);
    let numbers = DeadLetterFilter::Numbers(vec![calls[0].number]);
    let of_other = fixture.store.discard_dead_letters(&other, &numbers).await.unwrap();
    assert_eq!(of_other, 0, "numbers of another app mean nothing");
}

pub async fn payloads_are_shown_when_asked_for(fixture: &Fixture) {
    fixture.dead(&["one"]).await;
    let letters = fixture.store.dead_letters(&fixture.app, &ALL, 100, true).await.unwrap();
    assert_eq!(letters[0].payload, Some(Bytes::from_static(br#"{"content":"one"}"#)));
}

pub async fn letters_are_chosen_by_number_or_target(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two", "three"]).await;
    fixture.add(vec![online("tom")]).await;
    let call = fixture.claim(&presence()).await;
    fixture.settle(&presence(), &call[0], death()).await;
    let found = async |filter: DeadLetterFilter| {
        let found = fixture.store.dead_letters(&fixture.app, &filter, 100, false).await.unwrap();
        let mut numbers: Vec<u64> = found.iter().map(|letter| letter.number).collect();
        numbers.sort_unstable();
        numbers
    };
    let target = |name: &str| DeadLetterFilter::All { target: Some(name.to_owned()) };
    assert_eq!(found(target("_clientOnline")).await, [call[0].number]);
    assert_eq!(found(target("_messageSent")).await.len(), 3);
    assert_eq!(found(target("_clientOffline")).await, [] as [u64; 0]);
    let some = vec![calls[0].number, calls[2].number, 7, calls[0].number];
    assert_eq!(found(DeadLetterFilter::Numbers(some)).await, [calls[0].number, calls[2].number]);
}

pub async fn the_oldest_letters_go_beyond_the_limit(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    fixture.add(vec![sent("three")]).await;
    let third = fixture.claim(&messages()).await;
    let settled = vec![(third[0].number, death())];
    let deleted = fixture.store.settle(&fixture.node, &fixture.app, &messages(), settled, 2).await.unwrap();
    assert_eq!(deleted, 1);
    let numbers: Vec<u64> = all(fixture).await.iter().map(|letter| letter.number).collect();
    assert_eq!(numbers, [third[0].number, calls[1].number]);
}

pub async fn a_retried_letter_is_a_call_again(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    let numbers = DeadLetterFilter::Numbers(vec![calls[0].number]);
    assert_eq!(retry(fixture, &numbers, 10).await, 1);
    assert_eq!(retry(fixture, &numbers, 10).await, 0);
    let claimed = fixture.claim(&messages()).await;
    assert_eq!(in_short(&claimed), ["one"]);
    let call = &claimed[0];
    assert_eq!((call.number, call.attempts, call.queued_at), (calls[0].number, 0, fixture.now()));
    assert_eq!(call.remote_address, calls[0].remote_address);
    assert_eq!(all(fixture).await.len(), 1);
    fixture.settle(&messages(), call, CallOutcome::Done).await;
    assert_eq!(fixture.store.backlog().await.unwrap(), []);
}

pub async fn no_more_letters_are_retried_than_their_channel_has_room_for(fixture: &Fixture) {
    fixture.dead(&["one", "two", "three"]).await;
    fixture.add(vec![sent("four"), online("tom")]).await;
    let of_tom = fixture.claim(&presence()).await;
    fixture.settle(&presence(), &of_tom[0], death()).await;
    assert_eq!(retry(fixture, &ALL, 3).await, 3, "two of one channel, one of the other");
    assert_eq!(all(fixture).await.len(), 1);
    assert_eq!(fixture.add_up_to(3, vec![sent("five")]).await, [StoredCall::Full]);
}

pub async fn discarded_letters_are_gone(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    assert_eq!(discard(fixture, &DeadLetterFilter::Numbers(vec![calls[0].number, 7])).await, 1);
    assert_eq!(discard(fixture, &ALL).await, 1);
    assert_eq!(all(fixture).await, []);
    assert_eq!(retry(fixture, &ALL, 10).await, 0);
}
