//! Calls of one client, one after the other.

use std::time::Duration;

use hookd_im_core::store::{CallOutcome, DeadLetterFilter};

use crate::fixture::{Fixture, at_most, death, in_short, offline, online, presence};

pub async fn one_call_of_a_key_at_a_time_in_order(fixture: &Fixture) {
    fixture.add(vec![online("tom"), offline("tom"), online("jerry"), online("tom")]).await;
    let first = fixture.claim(&presence()).await;
    assert_eq!(in_short(&first), ["Online tom", "Online jerry"]);
    assert_eq!(fixture.claim(&presence()).await, []);
    assert_eq!(fixture.beside().claim(&presence()).await, [], "no other node makes the next one either");
    fixture.settle(&presence(), &first[0], CallOutcome::Done).await;
    let second = fixture.claim(&presence()).await;
    assert_eq!(in_short(&second), ["Offline tom"]);
    fixture.settle(&presence(), &second[0], CallOutcome::Done).await;
    let third = fixture.claim(&presence()).await;
    assert_eq!(in_short(&third), ["Online tom"]);
    assert!(first[0].number < second[0].number && second[0].number < third[0].number);
    fixture.settle(&presence(), &third[0], CallOutcome::Done).await;
    fixture.add(vec![offline("tom")]).await;
    assert_eq!(in_short(&fixture.claim(&presence()).await), ["Offline tom"]);
}

pub async fn a_failed_call_holds_its_key_back_and_no_other(fixture: &Fixture) {
    fixture.add(vec![online("tom"), offline("tom"), online("jerry"), offline("jerry")]).await;
    let first = fixture.claim(&presence()).await;
    let again = CallOutcome::Again { at: fixture.now().plus(Duration::from_secs(5)) };
    fixture.settle(&presence(), &first[0], again).await;
    fixture.settle(&presence(), &first[1], CallOutcome::Done).await;
    assert_eq!(in_short(&fixture.claim(&presence()).await), ["Offline jerry"]);
    fixture.advance(Duration::from_secs(5));
    let again = fixture.claim(&presence()).await;
    assert_eq!(in_short(&again), ["Online tom"]);
    fixture.settle(&presence(), &again[0], CallOutcome::Done).await;
    assert_eq!(in_short(&fixture.claim(&presence()).await), ["Offline tom"]);
}

pub async fn a_dead_call_lets_its_key_go_on(fixture: &Fixture) {
    fixture.add(vec![online("tom"), offline("tom")]).await;
    let first = fixture.claim(&presence()).await;
    fixture.settle(&presence(), &first[0], death()).await;
    let second = fixture.claim(&presence()).await;
    assert_eq!(in_short(&second), ["Offline tom"]);

    // The dead call comes back while its key is claimed: still one at a time.
    let all = DeadLetterFilter::All { target: None };
    assert_eq!(fixture.store.retry_dead_letters(&fixture.app, &all, at_most(10)).await.unwrap(), 1);
    assert_eq!(fixture.claim(&presence()).await, []);
    fixture.settle(&presence(), &second[0], CallOutcome::Done).await;
    assert_eq!(fixture.claim(&presence()).await[0].number, first[0].number);
}

pub async fn keys_survive_the_process(fixture: &Fixture) {
    fixture.add(vec![online("tom"), offline("tom")]).await;
    assert_eq!(fixture.claim(&presence()).await.len(), 1);
    let next = fixture.after(fixture).await;
    let claimed = next.claim(&presence()).await;
    assert_eq!(in_short(&claimed), ["Online tom"]);
    next.settle(&presence(), &claimed[0], CallOutcome::Done).await;
    assert_eq!(in_short(&next.claim(&presence()).await), ["Offline tom"]);
}
