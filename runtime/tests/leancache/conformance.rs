//! One set of commands and replies, the same on every backend.

use std::time::{Duration, Instant};

use hookd_runtime::Limits;

use crate::{Backend, TestApp, shown};

/// A command and its reply. `~` before the reply: the order of its parts is open.
type Case = (&'static str, &'static str);

const GROUPS: &[(&str, &[Case])] = &[
    (
        "strings",
        &[
            ("GET a", "nil"),
            ("SET a 1", "OK"),
            ("GET a", "'1'"),
            ("set a 2 NX", "nil"),
            ("SET b 2 XX", "nil"),
            ("SET a 2 XX GET", "'1'"),
            ("SET b 5 GET", "nil"),
            ("SET a x EX 0", "!ERR"),
            ("SET a x EX", "!ERR"),
            ("SET a x NX XX", "!ERR"),
            ("SET a x EX 5 KEEPTTL", "!ERR"),
            ("SET a x BANANA", "!ERR"),
            ("SETNX a 9", "0"),
            ("SETNX c 9", "1"),
            ("GETSET a 3", "'2'"),
            ("GETDEL c", "'9'"),
            ("EXISTS c", "0"),
            ("MSET k1 v1 k2 v2 k1 v3", "OK"),
            ("MGET k1 nothing k2 k1", "['v3' nil 'v2' 'v3']"),
            ("MSETNX k1 x k9 y", "0"),
            ("GET k9", "nil"),
            ("MSETNX k8 x k9 y", "1"),
            ("APPEND k8 yz", "3"),
            ("APPEND new yz", "2"),
            ("STRLEN k8", "3"),
            ("STRLEN nothing", "0"),
            ("GETRANGE k8 -2 -1", "'yz'"),
            ("GETRANGE k8 5 9", "''"),
            ("GETRANGE nothing 0 -1", "''"),
            ("SETEX e 100 v", "OK"),
            ("TTL e", "100"),
            ("SETEX e 0 v", "!ERR"),
            ("PSETEX e 50000 v", "OK"),
            ("TTL e", "50"),
            ("SET e w KEEPTTL", "OK"),
            ("TTL e", "50"),
            ("SET e w", "OK"),
            ("TTL e", "-1"),
            ("GETEX e EX 10", "'w'"),
            ("TTL e", "10"),
            ("GETEX e", "'w'"),
            ("TTL e", "10"),
            ("GETEX e PERSIST", "'w'"),
            ("TTL e", "-1"),
            ("GETEX nothing EX 10", "nil"),
            ("LPUSH list x", "1"),
            ("GET list", "!WRONGTYPE"),
            ("GETSET list x", "!WRONGTYPE"),
            ("MGET list k1", "[nil 'v3']"),
            ("SET list text", "OK"),
            ("GET list", "'text'"),
        ],
    ),
    (
        "counters",
        &[
            ("INCR n", "1"),
            ("INCRBY n 41", "42"),
            ("DECR n", "41"),
            ("DECRBY n 40", "1"),
            ("INCRBY n -5", "-4"),
            ("INCRBY n 1.5", "!ERR"),
            ("SET n 9223372036854775806", "OK"),
            ("INCR n", "9223372036854775807"),
            ("INCR n", "!ERR"),
            ("GET n", "'9223372036854775807'"),
            ("SET text abc", "OK"),
            ("INCR text", "!ERR"),
            ("INCRBYFLOAT f 1.5", "'1.5'"),
            ("INCRBYFLOAT f 1.5", "'3'"),
            ("INCRBYFLOAT text 1", "!ERR"),
            ("SETEX t 100 5", "OK"),
            ("INCR t", "6"),
            ("TTL t", "100"),
        ],
    ),
    (
        "keys",
        &[
            ("MSET a 1 b 2 c 3", "OK"),
            ("EXISTS a b a nothing", "3"),
            ("TYPE a", "string"),
            ("TYPE nothing", "none"),
            ("EXPIRE a 100", "1"),
            ("EXPIRE nothing 100", "0"),
            ("TTL a", "100"),
            ("TTL b", "-1"),
            ("TTL nothing", "-2"),
            ("PTTL nothing", "-2"),
            ("PERSIST a", "1"),
            ("PERSIST a", "0"),
            ("TTL a", "-1"),
            ("EXPIRE a soon", "!ERR"),
            ("EXPIRE a -1", "1"),
            ("EXISTS a", "0"),
            ("EXPIREAT b 1", "1"),
            ("EXISTS b", "0"),
            ("PEXPIREAT c 99999999999999", "1"),
            ("RENAME c d", "OK"),
            ("EXISTS c d", "1"),
            ("RENAME nothing e", "!ERR"),
            ("SET e 5", "OK"),
            ("RENAMENX d e", "0"),
            ("RENAMENX d f", "1"),
            ("DEL e f nothing", "2"),
            ("UNLINK e", "0"),
            ("SET {x}}{ braces", "OK"),
            ("MGET {x}}{ {x} }", "['braces' nil nil]"),
        ],
    ),
    (
        "hashes",
        &[
            ("HGETALL h", "[]"),
            ("HSET h a 1 b 2", "2"),
            ("HSET h a 3", "0"),
            ("HSET h a", "failed: wrong number of arguments for `HSET`"),
            ("HSET h a 1 b", "!ERR"),
            ("HMSET h c 4", "OK"),
            ("HSETNX h c 5", "0"),
            ("HSETNX h d 5", "1"),
            ("HGET h a", "'3'"),
            ("HGET h nothing", "nil"),
            ("HMGET h a nothing d a", "['3' nil '5' '3']"),
            ("HMGET nothing a b", "[nil nil]"),
            ("HGETALL h", "~['2' '3' '4' '5' 'a' 'b' 'c' 'd']"),
            ("HKEYS h", "~['a' 'b' 'c' 'd']"),
            ("HVALS h", "~['2' '3' '4' '5']"),
            ("HLEN h", "4"),
            ("HSTRLEN h a", "1"),
            ("HEXISTS h a", "1"),
            ("HEXISTS h z", "0"),
            ("HINCRBY h n 5", "5"),
            ("HINCRBY h n -7", "-2"),
            ("HSET h word x", "1"),
            ("HINCRBY h word 1", "!ERR"),
            ("HINCRBYFLOAT h f 0.5", "'0.5'"),
            ("HDEL h a b nothing", "2"),
            ("HDEL h c d n word f", "5"),
            ("EXISTS h", "0"),
            ("SET text x", "OK"),
            ("HGET text a", "!WRONGTYPE"),
            ("HMGET text a b", "!WRONGTYPE"),
            ("HSET text a 1", "!WRONGTYPE"),
        ],
    ),
    (
        "lists",
        &[
            ("RPUSH l b c", "2"),
            ("LPUSH l a z", "4"),
            ("LRANGE l 0 -1", "['z' 'a' 'b' 'c']"),
            ("LRANGE l -2 100", "['b' 'c']"),
            ("LRANGE nothing 0 -1", "[]"),
            ("LLEN l", "4"),
            ("LINDEX l 0", "'z'"),
            ("LINDEX l -1", "'c'"),
            ("LINDEX l 9", "nil"),
            ("LSET l 0 y", "OK"),
            ("LSET l 9 y", "!ERR"),
            ("LSET nothing 0 y", "!ERR"),
            ("LINSERT l BEFORE b 1", "5"),
            ("LINSERT l AFTER b 2", "6"),
            ("LINSERT l AFTER nothing 2", "-1"),
            ("LINSERT nothing AFTER b 2", "0"),
            ("LRANGE l 0 -1", "['y' 'a' '1' 'b' '2' 'c']"),
            ("LPOP l", "'y'"),
            ("RPOP l 2", "['c' '2']"),
            ("LPOP nothing", "nil"),
            ("LPOP nothing 2", "nil"),
            ("LPOP l -1", "!ERR"),
            ("LPUSHX nothing x", "0"),
            ("RPUSHX l a a", "5"),
            ("LREM l -1 a", "1"),
            ("LRANGE l 0 -1", "['a' '1' 'b' 'a']"),
            ("LREM l 0 a", "2"),
            ("RPOPLPUSH l m", "'b'"),
            ("LMOVE l m LEFT RIGHT", "'1'"),
            ("LRANGE m 0 -1", "['b' '1']"),
            ("EXISTS l", "0"),
            ("RPOPLPUSH l m", "nil"),
            ("RPOPLPUSH m m", "'1'"),
            ("LRANGE m 0 -1", "['1' 'b']"),
            ("RPUSH t 1 2 3 4 5", "5"),
            ("LTRIM t 1 -2", "OK"),
            ("LRANGE t 0 -1", "['2' '3' '4']"),
            ("LTRIM t 5 9", "OK"),
            ("EXISTS t", "0"),
            ("SET text x", "OK"),
            ("LPUSH text a", "!WRONGTYPE"),
            ("LMOVE m text LEFT LEFT", "!WRONGTYPE"),
            ("LLEN m", "2"),
        ],
    ),
    (
        "sets",
        &[
            ("SADD s a b c a", "3"),
            ("SADD s a d", "1"),
            ("SCARD s", "4"),
            ("SMEMBERS s", "~['a' 'b' 'c' 'd']"),
            ("SISMEMBER s a", "1"),
            ("SISMEMBER s z", "0"),
            ("SMISMEMBER s a z d", "[1 0 1]"),
            ("SREM s d z", "1"),
            ("SADD t b c x", "3"),
            ("SUNION s t", "~['a' 'b' 'c' 'x']"),
            ("SINTER s t", "~['b' 'c']"),
            ("SINTER s nothing", "[]"),
            ("SDIFF s t", "['a']"),
            ("SDIFF s s", "[]"),
            ("SUNIONSTORE u s t", "4"),
            ("SINTERSTORE u s t", "2"),
            ("SDIFFSTORE v s t", "1"),
            ("SDIFFSTORE v s s", "0"),
            ("EXISTS v", "0"),
            ("SMOVE s t a", "1"),
            ("SMOVE s t a", "0"),
            ("SISMEMBER t a", "1"),
            ("SADD one x", "1"),
            ("SRANDMEMBER one", "'x'"),
            ("SPOP one", "'x'"),
            ("SPOP one", "nil"),
            ("SPOP s 5", "~['b' 'c']"),
            ("EXISTS one s", "0"),
            ("SMEMBERS nothing", "[]"),
            ("SET text x", "OK"),
            ("SADD text a", "!WRONGTYPE"),
            ("SUNION t text", "!WRONGTYPE"),
        ],
    ),
    (
        "sorted sets",
        &[
            ("ZADD z 1 a 2 b 3 c", "3"),
            ("ZADD z 5 a", "0"),
            ("ZADD z CH 6 a 2 b", "1"),
            ("ZADD z NX 9 a 4 d", "1"),
            ("ZADD z XX 9 e", "0"),
            ("ZADD z GT 5 a", "0"),
            ("ZSCORE z a", "'6'"),
            ("ZADD z LT 5 a", "0"),
            ("ZSCORE z a", "'5'"),
            ("ZADD z INCR 0.5 a", "'5.5'"),
            ("ZADD z NX INCR 1 a", "nil"),
            ("ZADD z NX XX 1 a", "!ERR"),
            ("ZADD z 1", "failed: wrong number of arguments for `ZADD`"),
            ("ZADD z word a", "!ERR"),
            ("ZRANGE z 0 -1", "['b' 'c' 'd' 'a']"),
            ("ZRANGE z 0 1 WITHSCORES", "['b' '2' 'c' '3']"),
            ("ZREVRANGE z 0 1 WITHSCORES", "['a' '5.5' 'd' '4']"),
            ("ZRANGEBYSCORE z 2 (4", "['b' 'c']"),
            ("ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 1 1", "['c' '3']"),
            ("ZREVRANGEBYSCORE z +inf 3 LIMIT 0 -1", "['a' 'd' 'c']"),
            ("ZRANGEBYSCORE z x y", "!ERR"),
            ("ZCARD z", "4"),
            ("ZCOUNT z 2 3", "2"),
            ("ZRANK z b", "0"),
            ("ZREVRANK z b", "3"),
            ("ZRANK z nothing", "nil"),
            ("ZINCRBY z -10 b", "'-8'"),
            ("ZINCRBY z 2 new", "'2'"),
            ("ZMSCORE z b nothing", "['-8' nil]"),
            ("ZREM z new nothing", "1"),
            ("ZPOPMIN z", "['b' '-8']"),
            ("ZPOPMAX z 2", "['a' '5.5' 'd' '4']"),
            ("ZPOPMIN nothing", "[]"),
            ("ZADD r 1 a 2 b 3 c 4 d", "4"),
            ("ZREMRANGEBYRANK r 0 0", "1"),
            ("ZREMRANGEBYSCORE r (3 4", "1"),
            ("ZRANGE r 0 -1", "['b' 'c']"),
            ("ZADD same 0 b 0 a 0 c", "3"),
            ("ZRANGE same 0 -1", "['a' 'b' 'c']"),
            ("ZADD bounds -inf a inf b", "2"),
            ("ZSCORE bounds b", "'inf'"),
            ("ZADD r INCR 1 b 1 c", "!ERR"),
            ("SET text x", "OK"),
            ("ZADD text 1 a", "!WRONGTYPE"),
        ],
    ),
];

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
    for flood in [vec![many.as_slice()], vec![fields.as_slice()], vec![get; 500], vec![range; 500]] {
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
