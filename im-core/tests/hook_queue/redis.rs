//! What is special about Redis: it can be away, and it has other nodes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookd_im_core::hooks::queue::{Entry, Fate, HookQueue, Letters, NewCall};
use hookd_im_core::hooks::{RedisHookQueue, RedisNodes};
use hookd_im_core::ids::AppId;
use hookd_im_core::timestamp::Timestamp;
use redis::streams::StreamRangeReply;

use crate::fixture::{MANY, death, in_short, messages, offline, online, presence, sent};
use crate::redis_server::RedisServer;
use crate::sessions::opened;

fn node(redis: &RedisServer, name: &str) -> RedisHookQueue {
    let redis = RedisNodes { nodes: vec![redis.address()], is_cluster: false, certificates: None };
    RedisHookQueue::new(redis, name.to_owned(), Arc::new(Timestamp::now))
}

#[tokio::test]
async fn two_nodes_never_claim_the_same_call() {
    let redis = RedisServer::start();
    let (one, two) = (node(&redis, "one"), node(&redis, "two"));
    let app = AppId::new("demo");
    one.push(&app, (0..20).map(|number| sent(&number.to_string())).collect(), MANY).await.unwrap();
    let first = one.claim(&app, messages(), 10).await.unwrap().calls;
    let second = two.claim(&app, messages(), 20).await.unwrap().calls;
    let mut all = in_short(&first);
    all.extend(in_short(&second));
    assert_eq!(all, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

fn of_row(row: u64, call: NewCall) -> Entry {
    Entry { row: Some(row), ..call.into() }
}

#[tokio::test]
async fn a_row_of_an_outbox_is_queued_once_while_it_is_there() {
    let redis = RedisServer::start();
    let (one, two) = (node(&redis, "one"), node(&redis, "two"));
    let app = AppId::new("demo");
    assert_eq!(one.record(&app, vec![of_row(1, sent("one")), of_row(2, sent("two"))], MANY).await.unwrap(), 0);
    // A new process of the node, and one of another node whose outbox has the same numbers.
    let again = node(&redis, "one");
    let refused = again.record(&app, vec![of_row(2, sent("two")), of_row(3, sent("three"))], 3).await.unwrap();
    assert_eq!(refused, 0, "what is queued already takes no place");
    two.record(&app, vec![of_row(2, sent("of another node"))], MANY).await.unwrap();
    let calls = two.claim(&app, messages(), 10).await.unwrap().calls;
    assert_eq!(in_short(&calls), ["one", "two", "three", "of another node"]);
    let done = calls.into_iter().map(|call| (call, Fate::Done)).collect();
    two.settle(&app, messages(), done, MANY).await.unwrap();

    again.record(&app, vec![of_row(1, sent("one"))], MANY).await.unwrap();
    assert_eq!(one.claim(&app, messages(), 10).await.unwrap().calls, [], "though it is settled");
    again.forget_rows(&app, &[1, 2, 3]).await.unwrap();
    two.forget_rows(&app, &[2]).await.unwrap();
    let left: u64 =
        redis::cmd("EXISTS").arg("hookd:hooks:{demo}:taken").query_async(&mut redis.connect().await).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_row_that_a_full_queue_refused_was_not_queued() {
    let redis = RedisServer::start();
    let queue = node(&redis, "one");
    let app = AppId::new("demo");
    let rows = || vec![of_row(1, sent("one")), of_row(2, sent("two"))];
    assert_eq!(queue.record(&app, rows(), 1).await.unwrap(), 1);
    assert_eq!(queue.record(&app, rows(), 2).await.unwrap(), 0);
    assert_eq!(in_short(&queue.claim(&app, messages(), 10).await.unwrap().calls), ["one", "two"]);
}

#[tokio::test]
async fn the_numbers_of_a_node_that_lost_its_disk_are_forgotten_after_a_week() {
    let redis = RedisServer::start();
    let app = AppId::new("demo");
    let at = |days: i64| {
        let nodes = RedisNodes { nodes: vec![redis.address()], is_cluster: false, certificates: None };
        let time = Timestamp(Timestamp::now().0 + days * 24 * 60 * 60 * 1000);
        RedisHookQueue::new(nodes, "one".to_owned(), Arc::new(move || time))
    };
    at(0).record(&app, vec![of_row(1, sent("one"))], MANY).await.unwrap();
    at(6).record(&app, vec![of_row(2, sent("two"))], MANY).await.unwrap();
    let taken = async || -> u64 {
        redis::cmd("ZCARD").arg("hookd:hooks:{demo}:taken").query_async(&mut redis.connect().await).await.unwrap()
    };
    assert_eq!(taken().await, 2);
    at(8).record(&app, vec![of_row(3, sent("three"))], MANY).await.unwrap();
    assert_eq!(taken().await, 2);
    at(8).forget(&app).await.unwrap();
    assert_eq!(taken().await, 0);
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_in_time_and_used_again_when_it_is_back() {
    let mut redis = RedisServer::start();
    let queue = node(&redis, "one");
    let app = AppId::new("demo");
    queue.push(&app, vec![sent("one")], MANY).await.unwrap();
    redis.kill();
    let started = Instant::now();
    for _ in 0..20 {
        queue.push(&app, vec![sent("lost")], MANY).await.unwrap_err();
    }
    assert!(started.elapsed() < Duration::from_secs(3), "users wait one by one: {:?}", started.elapsed());
    redis.start_again();
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = queue.push(&app, vec![sent("two")], MANY).await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
    let claimed = queue.claim(&app, messages(), 10).await.unwrap().calls;
    assert_eq!(in_short(&claimed), ["one", "two"]);
}

#[tokio::test]
async fn a_redis_that_lost_its_data_is_used_again() {
    let redis = RedisServer::start();
    let queue = node(&redis, "one");
    let app = AppId::new("demo");
    queue.push(&app, vec![sent("lost")], MANY).await.unwrap();
    assert_eq!(queue.claim(&app, messages(), 10).await.unwrap().calls.len(), 1);
    let mut connection = redis.connect().await;
    let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    queue.push(&app, vec![sent("one")], MANY).await.unwrap();
    queue.claim(&app, messages(), 10).await.unwrap_err();
    assert_eq!(in_short(&queue.claim(&app, messages(), 10).await.unwrap().calls), ["one"]);
    assert_eq!(queue.backlog().await.unwrap().len(), 1);
    let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    assert_eq!(queue.backlog().await.unwrap(), []);
}

#[tokio::test]
async fn an_unreadable_dead_letter_hides_no_other_and_can_be_dropped() {
    let redis = RedisServer::start();
    let queue = node(&redis, "one");
    let app = AppId::new("demo");
    queue.push(&app, vec![sent("one"), sent("two")], MANY).await.unwrap();
    let calls = queue.claim(&app, messages(), 10).await.unwrap().calls;
    let dead = calls.iter().map(|call| (call.clone(), death())).collect();
    queue.settle(&app, messages(), dead, MANY).await.unwrap();
    let mut spoil = redis::cmd("HSET");
    spoil.arg("hookd:hooks:{demo}:letters").arg(calls[0].sequence).arg("{no JSON");
    let () = spoil.query_async(&mut redis.connect().await).await.unwrap();
    let all = Letters::All { hook: None };
    let letters = queue.dead_letters(&app, &all, 10, true).await.unwrap();
    let mut causes: Vec<_> = letters.iter().map(|letter| letter.cause.as_str()).collect();
    causes.sort_unstable();
    assert_eq!(causes, ["trap", "unreadable"]);
    assert_eq!(queue.revive(&app, &all, MANY).await.unwrap(), 1);
    assert_eq!(queue.discard(&app, &all).await.unwrap(), 1);
    assert_eq!(queue.dead_letters(&app, &all, 10, true).await.unwrap(), []);
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_made_again_at_once() {
    let redis = RedisServer::start();
    let queue = node(&redis, "one");
    let app = AppId::new("demo");
    queue.push(&app, vec![sent("one"), sent("two")], MANY).await.unwrap();
    assert_eq!(queue.claim(&app, messages(), 1).await.unwrap().calls.len(), 1);
    // As if the answer to a claim of this node had been lost: what it got is in Redis only.
    let mut connection = redis.connect().await;
    let mut lost = redis::cmd("XREADGROUP");
    lost.arg("GROUP").arg("hookd").arg("one").arg("STREAMS").arg("hookd:hooks:{demo}:queue:_messageSent").arg(">");
    let _: redis::Value = lost.query_async(&mut connection).await.unwrap();
    redis.freeze();
    queue.claim(&app, messages(), 10).await.unwrap_err();
    redis.thaw();
    let deadline = Instant::now() + Duration::from_secs(20);
    let claimed = loop {
        match queue.claim(&app, messages(), 10).await {
            Ok(claimed) => break claimed.calls,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(in_short(&claimed), ["two"]);
}

#[tokio::test]
async fn the_claims_of_a_dead_node_are_taken_over_and_each_client_keeps_its_order() {
    let redis = RedisServer::start();
    let (dead, heir) = (node(&redis, "dead"), node(&redis, "heir"));
    let app = AppId::new("demo");
    dead.push(&app, vec![online("tom"), offline("tom"), online("tom")], MANY).await.unwrap();
    let held = dead.claim(&app, presence(), 10).await.unwrap().calls;
    assert_eq!(in_short(&held), ["Online tom"]);
    assert_eq!(heir.claim(&app, presence(), 10).await.unwrap().calls, [], "it may still be alive");

    // Half a minute later, by the clock of Redis.
    let queue = "hookd:hooks:{demo}:queue:presence";
    let mut age = redis::cmd("XCLAIM");
    let entries: StreamRangeReply =
        redis::cmd("XRANGE").arg(queue).arg("-").arg("+").query_async(&mut redis.connect().await).await.unwrap();
    age.arg(queue).arg("hookd").arg("dead").arg(0).arg(&entries.ids[0].id).arg("IDLE").arg(31_000).arg("JUSTID");
    let _: redis::Value = age.query_async(&mut redis.connect().await).await.unwrap();
    let heir = node(&redis, "heir");
    let mut taken_over = Vec::new();
    for _ in 0..3 {
        let calls = heir.claim(&app, presence(), 10).await.unwrap().calls;
        taken_over.extend(in_short(&calls));
        let done = calls.into_iter().map(|call| (call, Fate::Done)).collect();
        heir.settle(&app, presence(), done, MANY).await.unwrap();
    }
    assert_eq!(taken_over, ["Online tom", "Offline tom", "Online tom"]);
    // The dead one was only slow after all: what it settles is settled already.
    let again = vec![(held[0].clone(), Fate::Again { at: Timestamp::now() })];
    dead.settle(&app, presence(), again, MANY).await.unwrap();
    assert_eq!(heir.backlog().await.unwrap(), []);
}

#[tokio::test]
async fn the_sessions_of_a_node_that_stays_silent_are_ended_by_another() {
    let redis = RedisServer::start();
    let (silent, other) = (node(&redis, "silent"), node(&redis, "other"));
    let app = AppId::new("demo");
    silent.record(&app, vec![opened(1, "tom"), opened(2, "jerry")], MANY).await.unwrap();
    let waiting = async || other.backlog().await.unwrap().iter().map(|entry| entry.waiting).sum::<u64>();
    assert_eq!(waiting().await, 2);
    let say_last = async |seconds: u64| {
        let now: (u64, u64) = redis::cmd("TIME").query_async(&mut redis.connect().await).await.unwrap();
        let mut said = redis::cmd("ZADD");
        said.arg("hookd:hooks:{demo}:nodes").arg(now.0 - seconds).arg("silent");
        let () = said.query_async(&mut redis.connect().await).await.unwrap();
    };
    say_last(90).await;
    silent.backlog().await.unwrap();
    assert_eq!(waiting().await, 2, "it has said that it lives");
    say_last(90).await;
    assert_eq!(waiting().await, 4);
    assert_eq!(waiting().await, 4, "once");
}

#[tokio::test]
async fn lost_sessions_are_ended_when_a_redis_that_was_away_at_the_start_is_back() {
    let mut redis = RedisServer::start();
    let app = AppId::new("demo");
    node(&redis, "one").record(&app, vec![opened(1, "tom")], MANY).await.unwrap();
    redis.kill();
    let next = node(&redis, "one");
    let asked = Instant::now();
    next.end_lost_sessions().await.unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(3), "the start waits: {:?}", asked.elapsed());
    redis.start_again();
    let deadline = Instant::now() + Duration::from_secs(20);
    let backlog = loop {
        match next.backlog().await {
            Ok(backlog) => break backlog,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(backlog.iter().map(|entry| entry.waiting).sum::<u64>(), 2, "online, and offline");
}
