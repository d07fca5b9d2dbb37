//! Sessions and claims of processes that die.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::ids::SessionId;
use hookd_im_core::store::{CallEntry, CallOutcome, NewCall, OpenSession, SessionEntry, StoredCall};
use serde_json::json;

use crate::fixture::{Fixture, LONG_LEASE, MANY, Process, in_short, offline, online, presence, sent};

/// A lease that is over at once.
const NO_TIME: Duration = Duration::ZERO;

fn opened(session: u64, client: &str) -> CallEntry {
    let payload = Bytes::from(json!({"closeMsg": "lost", "peerId": client}).to_string());
    let call_if_lost = NewCall { payload, ..offline(client) };
    let session = SessionEntry::Opened(OpenSession { session: SessionId(session), call_if_lost });
    CallEntry { call: Some(online(client)), session: Some(session) }
}

fn ended(session: u64, call: Option<NewCall>) -> CallEntry {
    CallEntry { call, session: Some(SessionEntry::Ended(SessionId(session))) }
}

/// Makes everything that waits about clients, in its order.
async fn made(process: &Process) -> Vec<String> {
    let (mut made, mut newest) = (Vec::new(), HashMap::new());
    loop {
        let calls = process.claim(&presence()).await;
        let Some(first) = calls.first() else { return made };
        made.extend(in_short(std::slice::from_ref(first)));
        let earlier = newest.insert(first.order_key.clone(), first.number);
        assert!(earlier.is_none_or(|earlier| earlier < first.number), "the order of a client: {made:?}");
        process.give_back(&presence(), &calls[1..]).await;
        process.settle(&presence(), first, CallOutcome::Done).await;
    }
}

pub async fn sessions_of_a_dead_process_are_ended_once(fixture: &Fixture) {
    fixture.add_entries(MANY, vec![opened(1, "tom"), opened(2, "jerry")]).await;
    fixture.add_entries(MANY, vec![ended(2, Some(offline("jerry"))), opened(3, "tom")]).await;
    let next = fixture.after(fixture).await;
    assert_eq!(next.store.end_node(&fixture.node).await.unwrap(), 0, "it is ended already");
    // The next process gives it the same number: it is nevertheless another session.
    next.add_entries(MANY, vec![opened(1, "tom")]).await;
    let all = made(&next).await;
    let of = |client: &str| -> Vec<&str> { all.iter().filter_map(|one| one.strip_suffix(client)).collect() };
    assert_eq!(of(" tom"), ["Online", "Online", "Offline", "Offline", "Online"]);
    assert_eq!(of(" jerry"), ["Online", "Offline"]);

    let last = fixture.after(&next).await;
    assert_eq!(made(&last).await, ["Offline tom"]);
}

pub async fn sessions_of_living_nodes_go_on(fixture: &Fixture) {
    let other = fixture.beside();
    fixture.store.begin_lease(&other.node, LONG_LEASE).await.unwrap();
    fixture.add_entries(MANY, vec![opened(1, "tom")]).await;
    other.add_entries(MANY, vec![opened(1, "jerry")]).await;
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 0, "not its own, and none with a lease");
    assert_eq!(made(fixture).await, ["Online tom", "Online jerry"]);
}

pub async fn a_node_whose_lease_is_over_is_ended_by_another(fixture: &Fixture) {
    let lost = fixture.beside();
    fixture.store.begin_lease(&fixture.node, LONG_LEASE).await.unwrap();
    lost.store.begin_lease(&lost.node, NO_TIME).await.unwrap();
    lost.add_entries(MANY, vec![opened(1, "tom"), opened(2, "jerry")]).await;
    let held = lost.claim(&presence()).await;
    assert_eq!(held.len(), 2);
    assert_eq!(fixture.claim(&presence()).await, []);
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 2);
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 0, "once");

    // It was only slow: others have its calls now.
    let taken = fixture.claim(&presence()).await;
    assert_eq!(taken, held);
    lost.settle(&presence(), &held[0], CallOutcome::Done).await;
    fixture.give_back(&presence(), &taken).await;
    let all = made(fixture).await;
    let of = |client: &str| -> Vec<&str> { all.iter().filter_map(|one| one.strip_suffix(client)).collect() };
    assert_eq!([of(" tom"), of(" jerry")], [["Online", "Offline"], ["Online", "Offline"]]);
}

pub async fn a_node_learns_that_others_ended_it(fixture: &Fixture) {
    let other = fixture.beside();
    let renewed = async || other.store.renew_lease(&other.node, LONG_LEASE).await.unwrap();
    assert!(!renewed().await, "it has not begun");
    other.store.begin_lease(&other.node, NO_TIME).await.unwrap();
    assert!(renewed().await);
    other.store.begin_lease(&other.node, NO_TIME).await.unwrap();
    other.add_entries(MANY, vec![opened(1, "tom")]).await;
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 1);
    assert_eq!([renewed().await, renewed().await], [false, false], "until it begins again");
    other.store.begin_lease(&other.node, LONG_LEASE).await.unwrap();
    other.add_entries(MANY, vec![opened(1, "tom")]).await;
    assert!(renewed().await);
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 0, "it lives again");
}

pub async fn sessions_without_a_lease_are_ended(fixture: &Fixture) {
    let lost = fixture.beside();
    lost.add_entries(MANY, vec![opened(1, "tom")]).await;
    assert_eq!(fixture.store.end_lost_nodes(&fixture.node).await.unwrap(), 1);
}

pub async fn a_session_is_kept_though_its_channel_is_full(fixture: &Fixture) {
    assert_eq!(fixture.add_entries(0, vec![opened(1, "tom")]).await, [StoredCall::Full]);
    let stored = fixture.add_entries(MANY, vec![opened(2, "jerry"), ended(2, None)]).await;
    assert_eq!(stored, [StoredCall::Queued, StoredCall::None]);
    let next = fixture.after(fixture).await;
    assert_eq!(made(&next).await, ["Online jerry", "Offline tom"]);
}

pub async fn sessions_of_a_forgotten_app_are_forgotten(fixture: &Fixture) {
    fixture.add_entries(MANY, vec![opened(1, "tom")]).await;
    fixture.store.forget_calls(&fixture.app).await.unwrap();
    let next = fixture.after(fixture).await;
    assert_eq!(next.store.backlog().await.unwrap(), []);
}

pub async fn an_old_session_is_ended_with_a_new_age(fixture: &Fixture) {
    fixture.add_entries(MANY, vec![opened(1, "tom")]).await;
    made(fixture).await;
    fixture.advance(Duration::from_secs(60 * 60 * 24 * 7));
    let next = fixture.after(fixture).await;
    let calls = next.claim(&presence()).await;
    assert_eq!((calls[0].target.as_str(), calls[0].queued_at), ("_clientOffline", fixture.now()));
    assert_eq!(calls[0].payload, Bytes::from_static(br#"{"closeMsg":"lost","peerId":"tom"}"#));
}

pub async fn more_sessions_than_one_write_takes_are_ended(fixture: &Fixture) {
    let entries = (0..1_100).map(|session| CallEntry { call: None, ..opened(session, &session.to_string()) });
    fixture.add_entries(MANY, entries.collect()).await;
    fixture.add(vec![sent("beside")]).await;
    let next = fixture.after(fixture).await;
    let waiting: u64 = next.store.backlog().await.unwrap().iter().map(|entry| entry.waiting).sum();
    assert_eq!(waiting, 1_101);
}
