//! Calls of another table.

use std::time::Duration;

use hookd_im_core::ids::AppId;
use hookd_im_core::store::{Call, CallOutcome, DeadLetterFilter, ImportedCall, NewCall};
use hookd_im_core::timestamp::Timestamp;

use crate::fixture::{Fixture, death, in_short, messages, offline, online, presence, sent};

fn imported(number: u64, new: NewCall) -> ImportedCall {
    let NewCall { channel, target, order_key, payload, remote_address } = new;
    let queued_at = Timestamp(1_600_000_000_000);
    let call = Call { number, target, order_key, payload, remote_address, queued_at, attempts: 2 };
    ImportedCall { channel, call, due_at: queued_at, death: None }
}

async fn import(fixture: &Fixture, calls: Vec<ImportedCall>) {
    fixture.store.import_calls(&fixture.app, calls).await.unwrap();
}

pub async fn imported_calls_keep_everything_and_come_once(fixture: &Fixture) {
    let calls = || vec![imported(7, sent("one")), imported(8, sent("two"))];
    import(fixture, calls()).await;
    import(fixture, calls()).await;
    let claimed = fixture.claim(&messages()).await;
    assert_eq!(claimed, calls().into_iter().map(|imported| imported.call).collect::<Vec<_>>());
    fixture.settle(&messages(), &claimed[0], death()).await;
    import(fixture, calls()).await;
    assert_eq!(fixture.claim(&messages()).await, [], "one is a dead letter, one runs");
    let other = AppId::new("other");
    fixture.store.import_calls(&other, calls()).await.unwrap();
    let of_other = fixture.store.claim(&fixture.node, &other, &messages(), 10).await.unwrap().calls;
    assert_eq!(of_other.len(), 2, "numbers are those of an app");
}

pub async fn imported_calls_go_before_newer_ones_of_their_key(fixture: &Fixture) {
    fixture.add(vec![online("tom")]).await;
    import(fixture, vec![imported(7, online("tom")), imported(8, offline("tom"))]).await;
    let mut numbers = Vec::new();
    for expected in ["Online tom", "Offline tom", "Online tom"] {
        let claimed = fixture.claim(&presence()).await;
        assert_eq!(in_short(&claimed), [expected]);
        numbers.push(claimed[0].number);
        fixture.settle(&presence(), &claimed[0], CallOutcome::Done).await;
    }
    assert_eq!(numbers[..2], [7, 8]);
}

pub async fn numbers_given_later_are_greater_than_imported_ones(fixture: &Fixture) {
    let future = fixture.now().plus(Duration::from_secs(3600)).0.unsigned_abs();
    import(fixture, vec![imported(future, online("tom"))]).await;
    fixture.add(vec![offline("tom")]).await;
    let first = fixture.claim(&presence()).await;
    assert_eq!(first[0].number, future);
    fixture.settle(&presence(), &first[0], CallOutcome::Done).await;
    assert!(fixture.claim(&presence()).await[0].number > future);
}

pub async fn imported_calls_wait_until_they_are_due(fixture: &Fixture) {
    let due_at = fixture.now().plus(Duration::from_secs(5));
    import(fixture, vec![ImportedCall { due_at, ..imported(7, sent("one")) }]).await;
    let early = fixture.store.claim(&fixture.node, &fixture.app, &messages(), 10).await.unwrap();
    assert_eq!((early.calls, early.next), (Vec::new(), Some(due_at)));
    fixture.advance(Duration::from_secs(5));
    assert_eq!(in_short(&fixture.claim(&messages()).await), ["one"]);
}

pub async fn dead_letters_are_imported_too(fixture: &Fixture) {
    let death = Some(("trap".to_owned(), "unreachable".to_owned(), Timestamp(1_600_000_001_000)));
    let letter = ImportedCall { death, ..imported(7, sent("one")) };
    import(fixture, vec![letter.clone()]).await;
    import(fixture, vec![letter.clone()]).await;
    let all = DeadLetterFilter::All { target: None };
    let letters = fixture.store.dead_letters(&fixture.app, &all, 10, true).await.unwrap();
    assert_eq!(letters.len(), 1);
    let found = &letters[0];
    assert_eq!((found.number, found.cause.as_str(), found.reason.as_str()), (7, "trap", "unreachable"));
    assert_eq!((found.attempts, found.died_at), (2, Timestamp(1_600_000_001_000)));
    assert_eq!(found.payload.as_ref(), Some(&letter.call.payload));
    assert_eq!(fixture.claim(&messages()).await, []);
}

/// The embedded store and Redis gave numbers of their own, by the same clock.
#[tokio::test]
async fn an_imported_call_whose_number_another_one_has_is_not_lost() {
    let fixture = Fixture::sqlite().await;
    fixture.add(vec![sent("own"), sent("next")]).await;
    let number = fixture.now().0.unsigned_abs();
    let calls = || vec![imported(number, sent("of Redis")), imported(number + 1, sent("also of Redis"))];
    import(&fixture, calls()).await;
    import(&fixture, calls()).await;
    let claimed = fixture.claim(&messages()).await;
    let numbers: Vec<u64> = claimed.iter().map(|call| call.number).collect();
    assert_eq!(in_short(&claimed), ["of Redis", "also of Redis", "own", "next"], "by the time when they were queued");
    assert_eq!(numbers, [number + 2, number + 3, number, number + 1]);
    fixture.add(vec![sent("later")]).await;
    assert_eq!(fixture.claim(&messages()).await[0].number, number + 4);
}
