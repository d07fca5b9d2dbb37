//! Sessions that are open when their process dies.

use std::collections::HashMap;

use bytes::Bytes;
use hookd_im_core::hooks::queue::{Entry, Fate, HookQueue, NewCall, SessionNote};
use hookd_im_core::ids::{ClientId, SessionId};
use serde_json::json;

use crate::fixture::{Fixture, MANY, in_short, offline, online, presence};

pub fn opened(session: u64, client: &str) -> Entry {
    let if_lost = Bytes::from(json!({"peerId": client, "closeMsg": "lost"}).to_string());
    let note = SessionNote::Opened { session: SessionId(session), client: ClientId::new(client), if_lost };
    Entry { call: Some(online(client)), session: Some(note), row: None }
}

fn ended(session: u64, call: Option<NewCall>) -> Entry {
    Entry { call, session: Some(SessionNote::Ended { session: SessionId(session) }), row: None }
}

/// Everything that waits about clients, in the order in which it is called.
pub async fn told(fixture: &Fixture, queue: &dyn HookQueue) -> Vec<String> {
    let (mut told, mut newest) = (Vec::new(), HashMap::new());
    loop {
        let calls = queue.claim(&fixture.app, presence(), 10).await.unwrap().calls;
        let Some(first) = calls.first().cloned() else { return told };
        told.extend(in_short(std::slice::from_ref(&first)));
        let earlier = newest.insert(first.lane.clone(), first.sequence);
        assert!(earlier.is_none_or(|earlier| earlier < first.sequence), "the order of a client: {told:?}");
        queue.give_back(&fixture.app, presence(), calls[1..].to_vec()).await.unwrap();
        queue.settle(&fixture.app, presence(), vec![(first, Fate::Done)], MANY).await.unwrap();
    }
}

async fn record(fixture: &Fixture, entries: Vec<Entry>) {
    assert_eq!(fixture.queue.record(&fixture.app, entries, MANY).await.unwrap(), 0);
}

pub async fn sessions_of_a_dead_process_are_ended_once(fixture: &Fixture) {
    record(fixture, vec![opened(1, "tom"), opened(2, "jerry")]).await;
    record(fixture, vec![ended(2, Some(offline("jerry"))), opened(3, "tom")]).await;
    let next = fixture.reopened();
    next.end_lost_sessions().await.unwrap();
    next.end_lost_sessions().await.unwrap();
    // The next process gives it the same number: it is nevertheless another session.
    assert_eq!(next.record(&fixture.app, vec![opened(1, "tom")], MANY).await.unwrap(), 0);
    let all = told(fixture, next.as_ref()).await;
    let of = |client: &str| -> Vec<&str> { all.iter().filter_map(|one| one.strip_suffix(client)).collect() };
    assert_eq!(of(" tom"), ["Online", "Online", "Offline", "Offline", "Online"]);
    assert_eq!(of(" jerry"), ["Online", "Offline"]);

    let last = fixture.reopened();
    last.end_lost_sessions().await.unwrap();
    assert_eq!(told(fixture, last.as_ref()).await, ["Offline tom"]);
}

pub async fn sessions_of_the_living_process_go_on(fixture: &Fixture) {
    record(fixture, vec![opened(1, "tom")]).await;
    fixture.queue.end_lost_sessions().await.unwrap();
    fixture.queue.backlog().await.unwrap();
    assert_eq!(told(fixture, fixture.queue.as_ref()).await, ["Online tom"]);
}

pub async fn a_session_is_noted_though_the_queue_is_full(fixture: &Fixture) {
    assert_eq!(fixture.queue.record(&fixture.app, vec![opened(1, "tom")], 0).await.unwrap(), 1);
    record(fixture, vec![opened(2, "jerry"), ended(2, None)]).await;
    let next = fixture.reopened();
    next.end_lost_sessions().await.unwrap();
    assert_eq!(told(fixture, next.as_ref()).await, ["Online jerry", "Offline tom"]);
}

pub async fn sessions_of_a_forgotten_app_are_forgotten(fixture: &Fixture) {
    record(fixture, vec![opened(1, "tom")]).await;
    fixture.queue.forget(&fixture.app).await.unwrap();
    let next = fixture.reopened();
    next.end_lost_sessions().await.unwrap();
    assert_eq!(next.backlog().await.unwrap(), []);
}

pub async fn an_old_session_is_ended_with_a_new_age(fixture: &Fixture) {
    record(fixture, vec![opened(1, "tom")]).await;
    told(fixture, fixture.queue.as_ref()).await;
    fixture.advance(std::time::Duration::from_secs(60 * 60 * 24 * 7));
    let next = fixture.reopened();
    next.end_lost_sessions().await.unwrap();
    let calls = next.claim(&fixture.app, presence(), 10).await.unwrap().calls;
    assert_eq!((calls[0].hook, calls[0].queued_at), ("_clientOffline", fixture.now()));
    assert_eq!(calls[0].params, Bytes::from(r#"{"closeMsg":"lost","peerId":"tom"}"#));
}
