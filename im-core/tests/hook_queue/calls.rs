//! Calls: queued, claimed, settled.

use std::time::Duration;

use hookd_im_core::hooks::queue::{Channel, Fate, Letters};
use hookd_im_core::ids::AppId;

use crate::fixture::{Fixture, MANY, in_short, messages, offline, online, presence, sent};

pub async fn calls_are_claimed_in_order_and_once(fixture: &Fixture) {
    assert_eq!(fixture.claim(messages()).await, []);
    fixture.push(vec![sent("one"), sent("two")]).await;
    fixture.push(vec![sent("three")]).await;
    let claimed = fixture.queue.claim(&fixture.app, messages(), 2).await.unwrap().calls;
    assert_eq!(in_short(&claimed), ["one", "two"]);
    let call = &claimed[0];
    assert_eq!((call.hook, call.attempts, call.queued_at), ("_messageSent", 0, fixture.now()));
    assert_eq!(call.remote_address, sent("").remote_address);
    assert_eq!(in_short(&fixture.claim(messages()).await), ["three"]);
    assert_eq!(fixture.claim(messages()).await, []);
}

pub async fn a_settled_call_is_gone(fixture: &Fixture) {
    fixture.push(vec![sent("one")]).await;
    let claimed = fixture.claim(messages()).await;
    fixture.settle(&claimed[0], Fate::Done).await;
    assert_eq!(fixture.queue.backlog().await.unwrap(), []);
    let reopened = fixture.reopened();
    assert_eq!(reopened.claim(&fixture.app, messages(), 10).await.unwrap().calls, []);
}

pub async fn a_failed_call_comes_back_when_it_is_due(fixture: &Fixture) {
    fixture.push(vec![sent("one"), sent("two")]).await;
    let claimed = fixture.claim(messages()).await;
    let at = fixture.now().plus(Duration::from_secs(5));
    fixture.settle(&claimed[0], Fate::Again { at }).await;
    let early = fixture.queue.claim(&fixture.app, messages(), 10).await.unwrap();
    assert_eq!((early.calls, early.next), (Vec::new(), Some(at)));
    fixture.advance(Duration::from_secs(5));
    let again = fixture.claim(messages()).await;
    assert_eq!(in_short(&again), ["one"]);
    assert_eq!((again[0].attempts, again[0].sequence), (1, claimed[0].sequence));
}

pub async fn what_was_given_back_is_claimed_again(fixture: &Fixture) {
    fixture.push(vec![sent("one")]).await;
    let claimed = fixture.claim(messages()).await;
    fixture.queue.give_back(&fixture.app, messages(), claimed.clone()).await.unwrap();
    assert_eq!(fixture.claim(messages()).await, claimed);
}

pub async fn claimed_calls_survive_the_process(fixture: &Fixture) {
    fixture.push((0..25).map(|number| sent(&number.to_string())).collect()).await;
    let mut before = fixture.claim(messages()).await;
    before.extend(fixture.claim(messages()).await);
    fixture.settle(&before[0], Fate::Done).await;
    let reopened = fixture.reopened();
    let mut after = Vec::new();
    loop {
        let calls = reopened.claim(&fixture.app, messages(), 10).await.unwrap().calls;
        if calls.is_empty() {
            break;
        }
        after.extend(calls);
    }
    let expected: Vec<String> = (1..25).map(|number| number.to_string()).collect();
    assert_eq!(in_short(&after), expected);
}

pub async fn a_full_queue_refuses_the_last_calls(fixture: &Fixture) {
    let three = vec![sent("one"), sent("two"), sent("three")];
    assert_eq!(fixture.queue.push(&fixture.app, three, 2).await.unwrap(), 1);
    let claimed = fixture.claim(messages()).await;
    assert_eq!(in_short(&claimed), ["one", "two"]);
    assert_eq!(fixture.queue.push(&fixture.app, vec![sent("four")], 2).await.unwrap(), 1);
    fixture.settle(&claimed[0], Fate::Done).await;
    assert_eq!(fixture.queue.push(&fixture.app, vec![sent("five")], 2).await.unwrap(), 0);
    assert_eq!(fixture.reopened().push(&fixture.app, vec![sent("six")], 2).await.unwrap(), 1);
}

pub async fn sequences_grow_though_the_clock_goes_back(fixture: &Fixture) {
    fixture.push(vec![sent("one"), sent("two")]).await;
    let first = fixture.claim(messages()).await;
    assert_eq!(first[0].sequence, fixture.now().0.unsigned_abs());
    for call in &first {
        fixture.settle(call, Fate::Done).await;
    }
    fixture.turn_back(Duration::from_secs(60));
    let reopened = fixture.reopened();
    reopened.push(&fixture.app, vec![sent("three")], MANY).await.unwrap();
    let third = reopened.claim(&fixture.app, messages(), 10).await.unwrap().calls;
    let sequences = [first[0].sequence, first[1].sequence, third[0].sequence];
    assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
}

pub async fn a_clock_that_is_set_back_leaves_no_call_waiting_for_its_return(fixture: &Fixture) {
    fixture.push(vec![sent("one"), sent("two")]).await;
    let first = fixture.queue.claim(&fixture.app, messages(), 1).await.unwrap().calls;
    fixture.settle(&first[0], Fate::Again { at: fixture.now().plus(Duration::from_secs(5)) }).await;
    fixture.turn_back(Duration::from_secs(24 * 60 * 60));
    let mut claimed = in_short(&fixture.claim(messages()).await);
    claimed.sort_unstable();
    assert_eq!(claimed, ["one", "two"]);
}

pub async fn an_unreadable_call_is_a_dead_letter_and_holds_no_call_up(fixture: &Fixture) {
    fixture.push(vec![sent("one"), sent("two"), online("tom"), offline("tom"), online("jerry")]).await;
    let first = fixture.now().0.unsigned_abs();
    fixture.spoil(first).await;
    fixture.spoil(first + 2).await;
    let queue = fixture.reopened();
    let claim = async |channel| queue.claim(&fixture.app, channel, 10).await.unwrap().calls;
    assert_eq!(in_short(&claim(messages()).await), ["two"]);
    let mut presence_calls = in_short(&claim(presence()).await);
    presence_calls.extend(in_short(&claim(presence()).await));
    presence_calls.sort_unstable();
    assert_eq!(presence_calls, ["Offline tom", "Online jerry"]);

    let all = Letters::All { hook: None };
    let letters = queue.dead_letters(&fixture.app, &all, 10, false).await.unwrap();
    let told: Vec<_> = letters.iter().map(|letter| (letter.id, letter.cause.as_str())).collect();
    assert_eq!(told, [(first + 2, "unreadable"), (first, "unreadable")]);
    assert_eq!(queue.revive(&fixture.app, &all, MANY).await.unwrap(), 0, "no worker can call them");
    assert_eq!(queue.discard(&fixture.app, &all).await.unwrap(), 2);
    assert_eq!(queue.push(&fixture.app, vec![sent("three")], 4).await.unwrap(), 0, "their places are free");
    queue.forget(&fixture.app).await.unwrap();
    assert_eq!(queue.backlog().await.unwrap(), []);
}

pub async fn channels_and_apps_are_apart(fixture: &Fixture) {
    fixture.push(vec![sent("one"), online("tom")]).await;
    let other = AppId::new("other");
    assert_eq!(fixture.queue.claim(&other, messages(), 10).await.unwrap().calls, []);
    assert_eq!(fixture.claim(Channel::of("_conversationAdded")).await, []);
    assert_eq!(in_short(&fixture.claim(presence()).await), ["Online tom"]);
    assert_eq!(in_short(&fixture.claim(messages()).await), ["one"]);
}

pub async fn the_backlog_counts_what_waits_and_what_runs(fixture: &Fixture) {
    fixture.push(vec![sent("one")]).await;
    let oldest = fixture.now();
    fixture.advance(Duration::from_secs(1));
    fixture.push(vec![sent("two"), online("tom"), offline("tom")]).await;
    let claimed = fixture.claim(messages()).await;
    fixture.settle(&claimed[1], Fate::Again { at: fixture.now().plus(Duration::from_secs(5)) }).await;
    let mut backlog = fixture.queue.backlog().await.unwrap();
    backlog.sort_by_key(|entry| entry.channel);
    let told: Vec<_> = backlog.iter().map(|entry| (entry.channel.name(), entry.waiting)).collect();
    assert_eq!(told, [("_messageSent", 2), ("presence", 2)]);
    assert_eq!((&backlog[0].app, backlog[0].oldest), (&fixture.app, oldest));
}

pub async fn a_forgotten_app_leaves_nothing(fixture: &Fixture) {
    fixture.dead(&["dead"]).await;
    fixture.push(vec![sent("one"), online("tom"), offline("tom")]).await;
    let claimed = fixture.claim(messages()).await;
    fixture.queue.forget(&fixture.app).await.unwrap();
    assert_eq!(fixture.queue.backlog().await.unwrap(), []);
    fixture.settle(&claimed[0], crate::fixture::death()).await;
    assert_eq!(crate::letters::all(fixture).await, []);
    fixture.push(vec![online("tom")]).await;
    assert_eq!(in_short(&fixture.claim(presence()).await), ["Online tom"]);
}
