//! F-42: the embedded store against a Redis, with drawn commands whose arguments are odd.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookd_leancache::Command;
use hookd_runtime::{CacheReply, Limits};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{Backend, TestApp};

const KEYS: [&str; 5] = ["k0", "k1", "k2", "k3", ""];
const VALUES: [&str; 10] = ["a", "b", "c", "", "10", "-3", "1.5", "9223372036854775807", "\u{e9}\0", "3.0"];
const INTEGERS: [&str; 19] = [
    "0",
    "1",
    "-1",
    "2",
    "-2",
    "5",
    "-7",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4611686018427387904",
    "-4611686018427387905",
    "01",
    "+1",
    " 1",
    "1.5",
    "",
    "-0",
];
const FLOATS: [&str; 44] = [
    "0",
    "1",
    "-1",
    "2",
    "0.1",
    "0.2",
    "-0.1",
    "0.3",
    "3.0",
    "-0.0",
    "1e3",
    "5.0e3",
    ".5",
    "5.",
    "+2",
    "100.1",
    "1000.1",
    "123456789.123456789",
    "1e17",
    "1e18",
    "12345678901234567890",
    "3.14159265358979323846",
    "1e-17",
    "1e-20",
    "1e308",
    "1.7e308",
    "1e400",
    "-1e400",
    "1e-400",
    "1e5000",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "nan",
    "0x10",
    "0x1.8p1",
    " 1",
    "1 ",
    "",
    "abc",
    "1e",
    "e1",
    "1,5",
];
const BOUNDS: [&str; 25] = [
    "-inf", "+inf", "inf", "0", "1", "2", "-1", "(0", "(1", "(2", "(-inf", "(inf", "(", "((1", "[1", "", " 1", "1e400",
    "nan", "a", "[a", "(b", "-", "+", "[",
];
/// Not near enough to run out while the commands run.
const SECONDS: [&str; 12] = [
    "100",
    "1000",
    "100000",
    "0",
    "-1",
    "-100",
    "9223372036854775807",
    "9223372036854775",
    "-9223372036854775808",
    "1.5",
    "abc",
    "",
];
const MILLISECONDS: [&str; 10] = [
    "100000",
    "1000000",
    "0",
    "-1",
    "-100",
    "9223372036854775807",
    "9223372036854775",
    "-9223372036854775808",
    "1.5",
    "",
];
/// In about a century, and long ago.
const MOMENTS: [&str; 6] = ["4891363200", "1", "0", "-1", "9223372036854775807", "x"];
const MOMENTS_MS: [&str; 6] = ["4891363200000", "1", "0", "-1", "9223372036854775807", "x"];

/// Each command of LeanCache: `K` a key, `V` a value, `I` an integer, `F` a float, `B` a bound, `S` seconds, `P`
/// milliseconds, `T` a moment, `U` one in milliseconds. `*` repeats the word before it up to three times; `|` lists choices, an
/// empty one leaves the word out.
const TEMPLATES: &[&str] = &[
    "DEL K K*",
    "UNLINK K K*",
    "EXISTS K K*",
    "TYPE K",
    "EXPIRE K S |NX|XX|nx|BAD |XX",
    "PEXPIRE K P |NX|XX |XX",
    // Whether a time from now on is later than one from a moment ago depends on the clock.
    "EXPIRE K -100|0|9223372036854775807 GT|LT |NX|XX|LT",
    "EXPIREAT K T |NX|XX|GT|LT |XX|GT|LT",
    "PEXPIREAT K U |NX|XX|GT|LT",
    "TTL K",
    "PTTL K",
    "PERSIST K",
    "RENAME K K",
    "RENAMENX K K",
    "GET K",
    "SET K V",
    "SET K V |NX|XX|nx |GET|KEEPTTL EX|PX S",
    "SET K V |NX|XX |GET EX S |KEEPTTL|GET",
    "SET K V |GET PX P |XX",
    "SET K V EXAT T |GET",
    "SET K V PXAT U",
    "SET K V |NX|XX |GET |KEEPTTL |GET",
    "SET K V EX S EX S",
    "SET K V |PERSIST|BAD|EX|GET",
    "SETNX K V",
    "SETEX K S V",
    "PSETEX K P V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K",
    "GETEX K EX S |PERSIST",
    "GETEX K PX P",
    "GETEX K EXAT T",
    "GETEX K PXAT U",
    "GETEX K PERSIST|BAD|EX |PERSIST",
    "MGET K K*",
    "MSET K V K V",
    "MSETNX K V K V",
    "INCR K",
    "DECR K",
    "INCRBY K I",
    "DECRBY K I",
    "INCRBYFLOAT K F",
    "APPEND K V",
    "STRLEN K",
    "GETRANGE K I I",
    "HSET K V V",
    "HSET K V V V V*",
    "HSET K V V V F",
    "HMSET K V V V*",
    "HSETNX K V V",
    "HGET K V",
    "HMGET K V V*",
    "HGETALL K",
    "HKEYS K",
    "HVALS K",
    "HDEL K V V*",
    "HEXISTS K V",
    "HLEN K",
    "HSTRLEN K V",
    "HINCRBY K V I",
    "HINCRBYFLOAT K V F",
    "LPUSH K V V*",
    "RPUSH K V V*",
    "LPUSHX K V V*",
    "RPUSHX K V V*",
    "LPOP K",
    "LPOP K I",
    "RPOP K",
    "RPOP K I",
    "LLEN K",
    "LRANGE K I I",
    "LINDEX K I",
    "LSET K I V",
    "LINSERT K BEFORE|AFTER|before|BAD V V",
    "LREM K I V",
    "LTRIM K I I",
    "RPOPLPUSH K K",
    "LMOVE K K LEFT|RIGHT|left|BAD LEFT|RIGHT",
    "SADD K V V*",
    "SREM K V V*",
    "SCARD K",
    "SISMEMBER K V",
    "SMISMEMBER K V V*",
    "SMEMBERS K",
    // Others take what chance wants, and leave two stores that differ.
    "SPOP K 0|-1|100|9223372036854775807|x|01|-9223372036854775808",
    "SRANDMEMBER K",
    "SRANDMEMBER K 0|1|-5|100|-9223372036854775808|9223372036854775808|x|1.5|",
    "SMOVE K K V",
    "SUNION K K*",
    "SINTER K K*",
    "SDIFF K K*",
    "SUNIONSTORE K K K*",
    "SINTERSTORE K K K*",
    "SDIFFSTORE K K K*",
    "ZADD K F V",
    "ZADD K F V F V",
    "ZADD K |NX|XX |GT|LT |CH |INCR F V",
    "ZADD K |NX|XX|xx |GT|LT |LT |CH F V F V",
    "ZADD K |INCR F V F",
    "ZADD K CH INCR NX V",
    "ZINCRBY K F V",
    "ZREM K V V*",
    "ZSCORE K V",
    "ZMSCORE K V V*",
    "ZCARD K",
    "ZCOUNT K B B",
    "ZRANK K V",
    "ZREVRANK K V",
    "ZRANGE K I I",
    "ZRANGE K I I WITHSCORES|withscores|REV|BAD |REV|WITHSCORES",
    "ZRANGE K I I LIMIT I I",
    "ZRANGE K B B BYSCORE |REV |WITHSCORES",
    "ZRANGE K B B BYSCORE LIMIT I I |REV",
    "ZRANGE K B B BYLEX |REV |WITHSCORES",
    "ZRANGE K B B |REV BYLEX LIMIT I I",
    "ZREVRANGE K I I",
    "ZREVRANGE K I I WITHSCORES|BAD",
    "ZRANGEBYSCORE K B B",
    "ZRANGEBYSCORE K B B |WITHSCORES LIMIT I I",
    "ZRANGEBYSCORE K B B LIMIT|WITHSCORES I",
    "ZREVRANGEBYSCORE K B B |LIMIT",
    "ZREVRANGEBYSCORE K B B LIMIT I I |WITHSCORES",
    "ZREMRANGEBYRANK K I I",
    "ZREMRANGEBYSCORE K B B",
    "ZPOPMIN K",
    "ZPOPMIN K I",
    "ZPOPMAX K",
    "ZPOPMAX K I",
];

type Words = Vec<String>;

/// Half of what a place for a value is filled with are the few keys and members that commands meet again.
fn word(place: &'static str) -> BoxedStrategy<Words> {
    let one = |pool: &'static [&'static str]| select(pool).prop_map(|word| vec![word.to_owned()]).boxed();
    match place {
        "K" => prop_oneof![9 => one(&KEYS[..4]), 1 => one(&KEYS)].boxed(),
        "V" => prop_oneof![2 => one(&VALUES[..3]), 1 => one(&VALUES)].boxed(),
        "I" => prop_oneof![2 => one(&INTEGERS[..8]), 1 => one(&INTEGERS)].boxed(),
        "F" => prop_oneof![1 => one(&FLOATS[..8]), 1 => one(&FLOATS)].boxed(),
        "B" => one(&BOUNDS),
        "S" => one(&SECONDS),
        "P" => one(&MILLISECONDS),
        "T" => one(&MOMENTS),
        "U" => one(&MOMENTS_MS),
        repeated if repeated.ends_with('*') => {
            let repeated = word(&repeated[..repeated.len() - 1]);
            prop::collection::vec(repeated, 0..3).prop_map(|words| words.concat()).boxed()
        }
        choice => {
            let choices: Vec<&'static str> = choice.split('|').collect();
            let words = |word: &'static str| if word.is_empty() { Vec::new() } else { vec![word.to_owned()] };
            select(choices).prop_map(words).boxed()
        }
    }
}

fn template(template: &'static str) -> BoxedStrategy<Words> {
    let words: Vec<_> = template.split(' ').map(word).collect();
    words.prop_map(|words| words.concat()).boxed()
}

/// A command that both take; others are refused before any store sees them.
fn command() -> impl Strategy<Value = Words> {
    let all = prop::strategy::Union::new(TEMPLATES.iter().map(|text| template(text)));
    all.prop_filter("LeanCache refuses it", |words| Command::check(bytes(words)).is_ok())
}

fn bytes(words: &Words) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// What both hold, asked for in each way that shows it.
fn everything() -> Vec<Words> {
    let asked = ["TYPE", "PTTL", "GET", "HGETALL", "LRANGE", "SMEMBERS", "ZRANGE"];
    let of_key = |key: &&str| {
        let key = (*key).to_owned();
        asked.map(|name| {
            let mut words = vec![name.to_owned(), key.clone()];
            match name {
                "LRANGE" => words.extend(["0", "-1"].map(str::to_owned)),
                "ZRANGE" => words.extend(["0", "-1", "WITHSCORES"].map(str::to_owned)),
                _ => {}
            }
            words
        })
    };
    KEYS.iter().flat_map(of_key).collect()
}

/// A reply without what chance or the clock decides.
fn settled(command: &Words, reply: &CacheReply) -> String {
    let parts = |reply: &CacheReply| match reply {
        CacheReply::Array(parts) => parts.iter().map(text).collect(),
        other => vec![text(other)],
    };
    match (command[0].as_str(), reply) {
        ("SMEMBERS" | "SUNION" | "SINTER" | "SDIFF" | "HKEYS" | "HVALS" | "SPOP", CacheReply::Array(_)) => {
            let mut parts = parts(reply);
            parts.sort();
            format!("{parts:?}")
        }
        ("HGETALL", CacheReply::Array(_)) => {
            let parts = parts(reply);
            let mut pairs: Vec<_> = parts.chunks(2).collect();
            pairs.sort();
            format!("{pairs:?}")
        }
        ("SRANDMEMBER", CacheReply::Array(parts)) => format!("{} members", parts.len()),
        ("SRANDMEMBER", CacheReply::Bulk(_)) => "a member".to_owned(),
        // The two stores are asked one after the other.
        ("TTL", CacheReply::Integer(seconds @ 0..)) => format!("about {} s", (seconds + 30) / 60),
        ("PTTL", CacheReply::Integer(milliseconds @ 0..)) => format!("about {} s", (milliseconds / 1_000 + 30) / 60),
        _ => text(reply),
    }
}

/// Numbers by their value: Redis's versions write the score 0.1 in different ways.
fn text(reply: &CacheReply) -> String {
    match reply {
        CacheReply::Bulk(data) => String::from_utf8_lossy(data).into_owned(),
        CacheReply::Array(parts) => format!("{:?}", parts.iter().map(text).collect::<Vec<_>>()),
        CacheReply::Error(text) => format!("!{}", text.split(' ').next().unwrap_or_default()),
        other => format!("{other:?}"),
    }
}

/// Of commands that answer scores; `INCRBYFLOAT` and `HINCRBYFLOAT` are compared to the letter.
fn has_scores(command: &Words) -> bool {
    command[0].starts_with('Z')
}

fn same(command: &Words, embedded: &CacheReply, redis: &CacheReply) -> bool {
    if settled(command, embedded) == settled(command, redis) {
        return true;
    }
    let number = |data: &[u8]| std::str::from_utf8(data).ok()?.parse::<f64>().ok();
    match (embedded, redis) {
        (CacheReply::Bulk(left), CacheReply::Bulk(right)) if has_scores(command) => {
            number(left).is_some() && number(left) == number(right)
        }
        (CacheReply::Array(left), CacheReply::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(command, left, right))
        }
        _ => false,
    }
}

async fn replies(app: &TestApp<'_>, commands: &[Words]) -> Vec<CacheReply> {
    let limits = Limits { cache_commands: 10_000, cache_bytes: 64 << 20, ..Limits::default() };
    let owned: Vec<Vec<Vec<u8>>> = commands.iter().map(bytes).collect();
    app.engine.cache(&app.app, owned, &limits).await.expect("both take every command")
}

#[test]
fn the_embedded_store_answers_as_redis_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (embedded, redis) = (Backend::embedded().await, Backend::redis().await);
        let (embedded, redis) = (embedded.app("drawn").await, redis.app("drawn").await);
        let cases = std::env::var("LEANCACHE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
        let seen = AtomicUsize::new(0);
        let check = |drawn: Vec<Words>| {
            let clear = std::iter::once("DEL").chain(KEYS).map(str::to_owned).collect();
            let commands = [vec![clear], drawn, everything()].concat();
            let (embedded, redis) = tokio::task::block_in_place(|| {
                runtime
                    .handle()
                    .block_on(async { (replies(&embedded, &commands).await, replies(&redis, &commands).await) })
            });
            seen.fetch_add(1, Ordering::Relaxed);
            for (index, command) in commands.iter().enumerate() {
                let (embedded, redis) = (&embedded[index], &redis[index]);
                if !same(command, embedded, redis) {
                    let text = format!("{command:?}: embedded {embedded:?}, Redis {redis:?}");
                    return Err(TestCaseError::fail(text));
                }
            }
            Ok(())
        };
        let config = Config { cases, failure_persistence: None, max_global_rejects: 1_000_000, ..Config::default() };
        let ran = TestRunner::new(config).run(&prop::collection::vec(command(), 1..40), check);
        if let Err(error) = ran {
            panic!("{error}");
        }
        assert!(seen.load(Ordering::Relaxed) >= usize::try_from(cases).unwrap());
    });
}

#[test]
fn every_command_is_drawn() {
    let mut drawn: HashMap<&str, usize> = HashMap::new();
    for template in TEMPLATES {
        *drawn.entry(template.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    let missing: Vec<_> = hookd_leancache::names().into_iter().filter(|name| !drawn.contains_key(name)).collect();
    assert!(missing.is_empty(), "not drawn: {missing:?}");
    assert_eq!(drawn.len(), hookd_leancache::names().len());
}
