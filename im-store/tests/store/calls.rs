//! Calls: added, claimed, settled.

use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel};
use hookd_im_core::store::{CallLimits, CallOutcome, NewCall, StoredCall};

use crate::fixture::{Fixture, death, in_short, messages, offline, online, presence, sent};

pub async fn calls_are_claimed_in_order_and_once(fixture: &Fixture) {
    assert_eq!(fixture.claim(&messages()).await, []);
    fixture.add(vec![sent("one"), sent("two")]).await;
    fixture.add(vec![sent("three")]).await;
    let claimed = fixture.store.claim(&fixture.node, &fixture.app, &messages(), 2).await.unwrap().calls;
    assert_eq!(in_short(&claimed), ["one", "two"]);
    let call = &claimed[0];
    assert_eq!((call.target.as_str(), call.attempts, call.queued_at), ("_messageSent", 0, fixture.now()));
    assert_eq!(call.remote_address, sent("").remote_address);
    assert_eq!(in_short(&fixture.claim(&messages()).await), ["three"]);
    assert_eq!(fixture.claim(&messages()).await, []);
}

pub async fn a_payload_is_any_bytes(fixture: &Fixture) {
    let payload = Bytes::from_static(b"\0no text: \xff\xfe");
    fixture.add(vec![NewCall { payload: payload.clone(), ..sent("") }]).await;
    let claimed = fixture.claim(&messages()).await;
    assert_eq!(claimed[0].payload, payload);
}

pub async fn a_settled_call_is_gone(fixture: &Fixture) {
    fixture.add(vec![sent("one")]).await;
    let claimed = fixture.claim(&messages()).await;
    fixture.settle(&messages(), &claimed[0], CallOutcome::Done).await;
    assert_eq!(fixture.store.backlog().await.unwrap(), []);
    let next = fixture.after(fixture).await;
    assert_eq!(next.claim(&messages()).await, []);
}

pub async fn a_failed_call_comes_back_when_it_is_due(fixture: &Fixture) {
    fixture.add(vec![sent("one"), sent("two")]).await;
    let claimed = fixture.claim(&messages()).await;
    let at = fixture.now().plus(Duration::from_secs(5));
    fixture.settle(&messages(), &claimed[0], CallOutcome::Again { at }).await;
    let early = fixture.store.claim(&fixture.node, &fixture.app, &messages(), 10).await.unwrap();
    assert_eq!((early.calls, early.next), (Vec::new(), Some(at)));
    fixture.advance(Duration::from_secs(5));
    let again = fixture.claim(&messages()).await;
    assert_eq!(in_short(&again), ["one"]);
    assert_eq!((again[0].attempts, again[0].number), (1, claimed[0].number));
}

pub async fn what_was_given_back_is_claimed_again(fixture: &Fixture) {
    fixture.add(vec![sent("one")]).await;
    let claimed = fixture.claim(&messages()).await;
    fixture.give_back(&messages(), &claimed).await;
    assert_eq!(fixture.claim(&messages()).await, claimed);
}

pub async fn claimed_calls_survive_the_process(fixture: &Fixture) {
    fixture.add((0..25).map(|number| sent(&number.to_string())).collect()).await;
    let mut before = fixture.claim(&messages()).await;
    before.extend(fixture.claim(&messages()).await);
    fixture.settle(&messages(), &before[0], CallOutcome::Done).await;
    let next = fixture.after(fixture).await;
    let mut after = Vec::new();
    loop {
        let calls = next.claim(&messages()).await;
        if calls.is_empty() {
            break;
        }
        after.extend(calls);
    }
    let expected: Vec<String> = (1..25).map(|number| number.to_string()).collect();
    assert_eq!(in_short(&after), expected);
}

pub async fn two_nodes_never_hold_the_same_call(fixture: &Fixture) {
    let other = fixture.beside();
    fixture.add((0..20).map(|number| sent(&number.to_string())).collect()).await;
    let mut all = fixture.claim(&messages()).await;
    all.extend(other.claim(&messages()).await);
    assert_eq!(in_short(&all), (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub async fn nodes_that_work_at_the_same_time_make_each_call_once(fixture: &Fixture) {
    const CALLS: usize = 300;
    fixture.add((0..CALLS).map(|number| sent(&number.to_string())).collect()).await;
    let nodes = [fixture.beside(), fixture.beside(), fixture.beside()];
    let work = async |node: &crate::fixture::Process| {
        let mut made = Vec::new();
        loop {
            let calls = node.claim(&messages()).await;
            if calls.is_empty() {
                return made;
            }
            made.extend(in_short(&calls));
            for call in &calls {
                node.settle(&messages(), call, CallOutcome::Done).await;
            }
        }
    };
    let (one, two, three) = tokio::join!(work(&nodes[0]), work(&nodes[1]), work(&nodes[2]));
    let mut made = [one, two, three].concat();
    made.sort_by_key(|text| text.parse::<usize>().unwrap());
    assert_eq!(made, (0..CALLS).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub async fn a_node_settles_only_what_it_holds(fixture: &Fixture) {
    let other = fixture.beside();
    fixture.add(vec![sent("one")]).await;
    let claimed = fixture.claim(&messages()).await;
    for outcome in [CallOutcome::Done, CallOutcome::Again { at: fixture.now() }, death()] {
        other.settle(&messages(), &claimed[0], outcome).await;
    }
    other.give_back(&messages(), &claimed).await;
    assert_eq!(other.claim(&messages()).await, []);
    fixture.give_back(&messages(), &claimed).await;
    assert_eq!(other.claim(&messages()).await, claimed);
}

pub async fn a_full_channel_refuses_calls_and_no_other_channel_does(fixture: &Fixture) {
    const ROOM: StoredCall = StoredCall::Queued;
    let calls = vec![sent("one"), sent("two"), sent("three"), online("tom")];
    assert_eq!(fixture.add_up_to(2, calls).await, [ROOM, ROOM, StoredCall::Full, ROOM]);
    let claimed = fixture.claim(&messages()).await;
    assert_eq!(in_short(&claimed), ["one", "two"]);
    assert_eq!(fixture.add_up_to(2, vec![sent("four")]).await, [StoredCall::Full], "running calls count too");
    fixture.settle(&messages(), &claimed[0], CallOutcome::Done).await;
    assert_eq!(fixture.add_up_to(2, vec![sent("five")]).await, [ROOM]);
    let next = fixture.after(fixture).await;
    assert_eq!(next.add_up_to(2, vec![sent("six")]).await, [StoredCall::Full]);
}

pub async fn a_channel_is_full_at_so_many_bytes(fixture: &Fixture) {
    let limits = CallLimits { calls: 100, bytes: 250 };
    let add = async |bytes: usize| {
        let call = NewCall { payload: Bytes::from(vec![b'x'; bytes]), ..sent("") };
        fixture.store.add_calls(&fixture.node, &fixture.app, vec![call.into()], limits).await.unwrap()
    };
    assert_eq!(add(100).await, [StoredCall::Queued]);
    assert_eq!(add(151).await, [StoredCall::Full]);
    assert_eq!(add(150).await, [StoredCall::Queued]);
    assert_eq!(add(1).await, [StoredCall::Full]);
    let claimed = fixture.claim(&messages()).await;
    fixture.settle(&messages(), &claimed[0], CallOutcome::Done).await;
    assert_eq!(add(100).await, [StoredCall::Queued]);
}

pub async fn numbers_grow_though_the_clock_goes_back(fixture: &Fixture) {
    fixture.add(vec![online("tom"), offline("tom")]).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let calls = fixture.claim(&presence()).await;
        fixture.settle(&presence(), &calls[0], CallOutcome::Done).await;
        numbers.push(calls[0].number);
    }
    fixture.turn_back(Duration::from_secs(60));
    let next = fixture.after(fixture).await;
    next.add(vec![online("tom")]).await;
    numbers.push(next.claim(&presence()).await[0].number);
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

pub async fn a_clock_that_is_set_back_leaves_no_call_waiting_for_its_return(fixture: &Fixture) {
    fixture.add(vec![sent("one"), sent("two")]).await;
    let first = fixture.store.claim(&fixture.node, &fixture.app, &messages(), 1).await.unwrap().calls;
    let again = CallOutcome::Again { at: fixture.now().plus(Duration::from_secs(5)) };
    fixture.settle(&messages(), &first[0], again).await;
    fixture.turn_back(Duration::from_secs(24 * 60 * 60));
    let mut claimed = in_short(&fixture.claim(&messages()).await);
    claimed.sort_unstable();
    assert_eq!(claimed, ["one", "two"]);
}

pub async fn channels_and_apps_are_apart(fixture: &Fixture) {
    fixture.add(vec![sent("one"), online("tom")]).await;
    let other = AppId::new("other");
    let of_other = fixture.store.claim(&fixture.node, &other, &messages(), 10).await.unwrap().calls;
    assert_eq!(of_other, []);
    assert_eq!(fixture.claim(&Channel::new("_conversationAdded")).await, []);
    assert_eq!(in_short(&fixture.claim(&presence()).await), ["Online tom"]);
    assert_eq!(in_short(&fixture.claim(&messages()).await), ["one"]);
}

pub async fn the_backlog_counts_what_waits_and_what_runs(fixture: &Fixture) {
    fixture.add(vec![sent("one")]).await;
    let oldest = fixture.now();
    fixture.advance(Duration::from_secs(1));
    fixture.add(vec![sent("two"), online("tom"), offline("tom")]).await;
    let claimed = fixture.claim(&messages()).await;
    let again = CallOutcome::Again { at: fixture.now().plus(Duration::from_secs(5)) };
    fixture.settle(&messages(), &claimed[1], again).await;
    let mut backlog = fixture.store.backlog().await.unwrap();
    backlog.sort_by(|one, other| one.channel.cmp(&other.channel));
    let waiting: Vec<_> = backlog.iter().map(|entry| (entry.channel.as_str(), entry.waiting)).collect();
    assert_eq!(waiting, [("_messageSent", 2), ("presence", 2)]);
    assert_eq!((&backlog[0].app, backlog[0].oldest), (&fixture.app, oldest));
}

pub async fn a_forgotten_app_leaves_nothing(fixture: &Fixture) {
    fixture.dead(&["dead"]).await;
    fixture.add(vec![sent("one"), online("tom"), offline("tom")]).await;
    let claimed = fixture.claim(&messages()).await;
    fixture.store.forget_calls(&fixture.app).await.unwrap();
    assert_eq!(fixture.store.backlog().await.unwrap(), []);
    fixture.settle(&messages(), &claimed[0], death()).await;
    assert_eq!(crate::dead_letters::all(fixture).await, []);
    fixture.add(vec![online("tom")]).await;
    assert_eq!(in_short(&fixture.claim(&presence()).await), ["Online tom"]);
}
