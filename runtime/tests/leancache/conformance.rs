//! One set of commands and replies, the same on every backend.

use std::time::{Duration, Instant};

use hookd_runtime::Limits;

use crate::cases::GROUPS;
use crate::{Backend, TestApp, shown};

async fn check(backend: Backend) {
    let mut wrong = Vec::new();
    for (index, (group, cases)) in GROUPS.iter().enumerate() {
        let app = backend.app(&format!("app{index}")).await;
        for (command, expected) in *cases {
            let reply = app.run(command).await;
            let (reply, expected) = match expected.strip_prefix('~') {
                Some(expected) => (sorted(&reply), expected),
                None => (reply, *expected),
            };
            if reply != expected {
                wrong.push(format!("{group}: {command} -> {reply}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let app = backend.app("pipelines").await;
    pipelines_answer_in_order(&app).await;
    values_may_hold_any_bytes(&app).await;
    keys_expire(&app).await;
    replies_are_bounded(&app).await;
}

fn sorted(reply: &str) -> String {
    let mut parts: Vec<&str> = reply.trim_matches(['[', ']']).split(' ').collect();
    parts.sort_unstable();
    format!("[{}]", parts.join(" "))
}

async fn pipelines_answer_in_order(app: &TestApp<'_>) {
    let lines = ["SET a 1", "GET a", "INCR a", "HSET a f 1", "MGET a b", "LPUSH l x y", "LRANGE l 0 -1", "EXISTS a l"];
    let replies = app.pipeline(&lines).await.unwrap();
    let shown: Vec<String> = replies.iter().map(shown).collect();
    assert_eq!(shown, ["OK", "'1'", "2", "!WRONGTYPE", "['2' nil]", "2", "['y' 'x']", "2"]);

    let refused = app.pipeline(&["SET a changed", "FLUSHALL"]).await.unwrap_err().to_string();
    assert!(refused.contains("`FLUSHALL` is not offered"), "{refused}");
    assert_eq!(app.run("GET a").await, "'2'", "nothing of a refused pipeline is carried out");
    assert_eq!(app.pipeline(&[]).await, Ok(Vec::new()));
}

async fn values_may_hold_any_bytes(app: &TestApp<'_>) {
    let (key, value): (&[u8], &[u8]) = (b"\0\xff{}\r\n", b"$-1\r\n\0\xfe");
    let limits = Limits::default();
    app.try_run(&[&[b"SET", key, value]], &limits).await.unwrap();
    let replies = app.try_run(&[&[b"GET", key], &[b"GET", b""]], &limits).await.unwrap();
    assert_eq!(replies, [hookd_runtime::CacheReply::bulk(value), hookd_runtime::CacheReply::Nil]);
}

async fn keys_expire(app: &TestApp<'_>) {
    assert_eq!(app.run("SET short 1 PX 30").await, "OK");
    assert_eq!(app.run("HSET gone f 1").await, "1");
    assert_eq!(app.run("PEXPIRE gone 30").await, "1");
    let started = Instant::now();
    while app.run("EXISTS short gone").await != "0" {
        assert!(started.elapsed() < Duration::from_secs(5), "the keys do not expire");
        tokio::task::yield_now().await;
    }
    assert!(started.elapsed() >= Duration::from_millis(20), "too soon");
    assert_eq!(app.run("TTL short").await, "-2");
}

/// A large value named many times must not be gathered many times, neither here nor in Redis.
async fn replies_are_bounded(app: &TestApp<'_>) {
    let limits = Limits { cache_bytes: 1 << 20, ..Limits::default() };
    let value = vec![b'x'; 100_000];
    app.try_run(&[&[b"SET", b"big", &value], &[b"HSET", b"hash", b"f", &value]], &limits).await.unwrap();
    app.try_run(&[&[b"RPUSH", b"list", &value, &value, &value, &value]], &limits).await.unwrap();
    let nine: Vec<&[u8]> = std::iter::once(b"MGET".as_slice()).chain([b"big".as_slice(); 9]).collect();
    assert_eq!(app.try_run(&[&nine], &limits).await.map(|replies| replies.len()), Ok(1));
    let many: Vec<&[u8]> = std::iter::once(b"MGET".as_slice()).chain([b"big".as_slice(); 4_000]).collect();
    let fields: Vec<&[u8]> = [b"HMGET".as_slice(), b"hash"].into_iter().chain([b"f".as_slice(); 4_000]).collect();
    let get: &[&[u8]] = &[b"GET", b"big"];
    let range: &[&[u8]] = &[b"LRANGE", b"list", b"0", b"-1"];
    app.try_run(&[&[b"SADD", b"set", &value]], &limits).await.unwrap();
    // F-42: as many as are asked for, however few there are.
    let drawn: &[&[u8]] = &[b"SRANDMEMBER", b"set", b"-9223372036854775807"];
    let draws: &[&[u8]] = &[b"SRANDMEMBER", b"set", b"-1000"];
    let floods =
        [vec![many.as_slice()], vec![fields.as_slice()], vec![get; 500], vec![range; 500], vec![drawn], vec![draws]];
    for flood in floods {
        let error = app.try_run(&flood, &limits).await.unwrap_err().to_string();
        assert!(error.contains("`cache_bytes` of 1048576 bytes"), "{error}");
    }
}

#[tokio::test]
async fn embedded_conforms() {
    check(Backend::embedded().await).await;
}

#[tokio::test]
async fn redis_conforms() {
    check(Backend::redis().await).await;
}

#[tokio::test]
async fn redis_cluster_conforms() {
    check(Backend::cluster().await).await;
}

#[test]
fn every_command_that_is_offered_is_in_the_set() {
    let tested: Vec<String> = GROUPS
        .iter()
        .flat_map(|(_, cases)| *cases)
        .filter_map(|(command, _)| command.split(' ').next())
        .map(str::to_ascii_uppercase)
        .collect();
    let missing: Vec<&str> = hookd_leancache::names()
        .into_iter()
        .filter(|name| !tested.iter().any(|tested| tested == name))
        // Times of these are tested by waiting for them.
        .filter(|name| *name != "PEXPIRE")
        .collect();
    assert!(missing.is_empty(), "not tested: {missing:?}");
}
