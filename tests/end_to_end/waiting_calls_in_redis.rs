//! Calls of notification hooks that an earlier version kept in Redis are made after the update, once.

use std::collections::{HashMap, HashSet};

use redis::Commands as _;
use serde_json::{Value, json};

use crate::harness::{LeanEngine, Redis, Server, Shape};
use crate::notifications::letters_until;

const APP: &str = "hookd:hooks:{demo}:";

/// A call as the earlier version wrote it.
fn stored(hook: &str, params: &Value, client: Option<&str>) -> String {
    json!({
        "hook": hook,
        "params": params.to_string(),
        "lane": client,
        "remote_address": "203.0.113.7",
        "queued_at": 1_700_000_000_000_i64,
        "attempts": 1,
    })
    .to_string()
}

fn of_client(hook: &str, client: &str) -> String {
    stored(hook, &json!({"peerId": client}), Some(client))
}

/// What waits in Redis: two messages, a log-in and log-out of tom, a dead letter, a call that cannot be read, the sessions of
/// the node that was killed and of one that is silent.
fn fill(redis: &Redis, killed_node: &str) {
    let mut redis = redis.connection();
    let () = redis.sadd("hookd:hooks:apps", "demo").unwrap();
    let calls = [
        (101, stored("_messageSent", &json!({"msgId": "one"}), None)),
        (102, stored("_messageSent", &json!({"msgId": "two"}), None)),
        (103, of_client("_clientOnline", "tom")),
        (104, of_client("_clientOffline", "tom")),
        (105, "{no JSON".to_owned()),
    ];
    for (number, call) in &calls {
        let () = redis.hset(format!("{APP}calls"), number, call).unwrap();
    }
    let () = redis.rpush(format!("{APP}lane:tom"), &["103", "104"]).unwrap();
    let mut add = redis::cmd("XADD");
    add.arg(format!("{APP}queue:_messageSent")).arg("*").arg(&["s", "101", "l", ""]);
    let () = add.query(&mut redis).unwrap();
    let () = redis.zadd(format!("{APP}later:_messageSent"), 102, 1_700_000_000_000_i64).unwrap();
    let call: Value = serde_json::from_str(&stored("_messageSent", &json!({"msgId": "three"}), None)).unwrap();
    let letter = json!({"call": call, "cause": "trap", "reason": "unreachable", "died_at": 1_700_000_000_001_i64});
    let () = redis.hset(format!("{APP}letters"), 50, letter.to_string()).unwrap();
    let () = redis.zadd(format!("{APP}dead"), 50, 1_700_000_000_001_i64).unwrap();
    let () = redis.set(format!("{APP}sequence"), 104).unwrap();
    let (now, _): (u64, u64) = redis::cmd("TIME").query(&mut redis).unwrap();
    for (node, client, lived_at) in [(killed_node, "jerry", now), ("silent", "spike", now - 90)] {
        let () = redis.hset(format!("{APP}online:{node}"), "run:1", of_client("_clientOffline", client)).unwrap();
        let () = redis.zadd(format!("{APP}nodes"), node, lived_at).unwrap();
    }
}

/// Number of calls by hook and what they are about.
fn in_short(records: &[Value]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for record in records {
        let params = &record["params"];
        let about = params["msgId"].as_str().or(params["peerId"].as_str()).unwrap();
        *counts.entry(format!("{} {about}", record["hook"].as_str().unwrap())).or_insert(0) += 1;
    }
    counts
}

fn taken_over_once(mut server: Server, redis: &Redis) {
    let engine = LeanEngine::recorder(&server, &json!({}));
    server.hookd_ok(&["settings", "--engine-url", engine.url()]);
    server.kill();
    fill(redis, std::fs::read_to_string(server.data().join("node")).unwrap().trim());
    server.start_again();

    let expected = ["_messageSent one", "_messageSent two", "_clientOnline tom"].into_iter().chain(
        ["tom", "jerry", "spike"].map(|client| match client {
            "tom" => "_clientOffline tom",
            "jerry" => "_clientOffline jerry",
            _ => "_clientOffline spike",
        }),
    );
    let expected: HashMap<String, usize> = expected.map(|call| (call.to_owned(), 1)).collect();
    let records = engine.records_until(|records| records.len() == expected.len());
    assert_eq!(in_short(&records), expected);
    let numbers: Vec<u64> = records
        .iter()
        .filter(|record| record["params"]["peerId"] == "tom")
        .map(|record| record["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [103, 104], "in their order, with their numbers");

    let letters = letters_until(&server, 2);
    let causes: HashMap<_, _> =
        letters.iter().map(|letter| (letter["id"].as_u64().unwrap(), &letter["cause"])).collect();
    assert_eq!(causes, HashMap::from([(50, &json!("trap")), (105, &json!("unreadable"))]));
    assert_eq!(redis.keys("hookd:hooks:"), [] as [&str; 0]);

    // An orderly stop, which settles what was answered.
    server.processes().stop_front();
    server.start_front();
    assert_eq!(server.hookd_ok(&["dead-letters", "retry", "50"]).trim(), "1 queued again");
    let records = engine.records_until(|records| !records.is_empty());
    assert_eq!(in_short(&records), HashMap::from([("_messageSent three".to_owned(), 1)]), "nothing else comes again");
}

#[test]
fn calls_that_wait_in_redis_are_taken_over_once() {
    let redis = Redis::start();
    taken_over_once(Server::start_with_variable("HOOKD_REDIS_URL", &redis.url()), &redis);
}

#[test]
fn calls_that_wait_in_a_cluster_over_tls_are_taken_over_once() {
    let (redis, url, authority) = Redis::with_tls_as_cluster();
    let flags = ["--redis-url", &url, "--redis-ca-file", &authority];
    taken_over_once(Server::start_as_with(Shape::OneProcess, &flags), &redis);
}

#[test]
fn a_start_that_was_interrupted_is_repeated_and_no_call_comes_twice() {
    let redis = Redis::start();
    let mut server = Server::start_with_variable("HOOKD_REDIS_URL", &redis.url());
    let engine = LeanEngine::recorder(&server, &json!({}));
    server.hookd_ok(&["settings", "--engine-url", engine.url()]);
    // The engine is away, so that what was taken over waits in the table.
    engine.freeze(true);
    for _ in 0..2 {
        server.kill();
        // As if the first start had died after it wrote to the table.
        fill(&redis, "absent");
        server.start_again();
    }
    engine.freeze(false);
    let expected = ["_messageSent one", "_messageSent two", "_clientOnline tom", "_clientOffline tom"];
    let records = engine.records_until(|records| {
        let counts = in_short(records);
        expected.iter().all(|call| counts.contains_key(*call))
    });
    // A call that was on its way when the server was killed is recorded too. It has the same number.
    let numbers = |hook: &str, about: &str| -> HashSet<u64> {
        let params = [("msgId", about), ("peerId", about)];
        let is = |record: &&Value| {
            record["hook"] == hook && params.iter().any(|(key, value)| record["params"][key] == *value)
        };
        records.iter().filter(is).map(|record| record["sequence"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("_messageSent", "one"), HashSet::from([101]));
    assert_eq!(numbers("_messageSent", "two"), HashSet::from([102]));
    assert_eq!(numbers("_clientOnline", "tom"), HashSet::from([103]));
    assert_eq!(numbers("_clientOffline", "tom"), HashSet::from([104]));
    letters_until(&server, 2);
}

/// A server that was killed, its engine, and a Redis that is filled as the earlier version left it.
fn killed(redis: &Redis) -> (Server, LeanEngine) {
    let mut server = Server::start_with_variable("HOOKD_REDIS_URL", &redis.url());
    let engine = LeanEngine::recorder(&server, &json!({}));
    server.hookd_ok(&["settings", "--engine-url", engine.url()]);
    server.kill();
    fill(redis, killed_node(&server).as_str());
    (server, engine)
}

fn killed_node(server: &Server) -> String {
    std::fs::read_to_string(server.data().join("node")).unwrap().trim().to_owned()
}

/// So many calls of [`fill`] are made, each once.
fn are_made_once(engine: &LeanEngine, calls: usize) {
    let records = engine.records_until(|records| records.len() >= calls);
    let counts = in_short(&records);
    assert!(counts.len() == calls && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn an_app_whose_calls_cannot_be_taken_keeps_no_other_app_from_its_own() {
    let redis = Redis::start();
    let (mut server, engine) = killed(&redis);
    for app in ["aaa", "zzz"] {
        let mut redis = redis.connection();
        let () = redis.set(format!("hookd:hooks:{{{app}}}:calls"), "no hash").unwrap();
        let () = redis.sadd("hookd:hooks:apps", app).unwrap();
    }
    server.start_again();
    are_made_once(&engine, 6);
    assert_eq!(redis.keys(APP), [] as [&str; 0]);
    assert!(server.log().contains("aaa") && server.log().contains("zzz"), "{}", server.log());
}

#[test]
fn calls_are_deleted_from_redis_though_it_refuses_at_first() {
    let redis = Redis::start();
    let (mut server, engine) = killed(&redis);
    // Those are ended by a script, which must delete too.
    let sessions = ["nodes".to_owned(), "online:silent".to_owned(), format!("online:{}", killed_node(&server))];
    let () = redis.connection().del(sessions.map(|key| format!("{APP}{key}")).to_vec()).unwrap();
    let allow = |rule: &str| {
        let mut set = redis::cmd("ACL");
        let () = set.arg("SETUSER").arg("default").arg(rule).query(&mut redis.connection()).unwrap();
    };
    allow("-hdel");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let refused =
                || -> Vec<redis::Value> { redis::cmd("ACL").arg("LOG").query(&mut redis.connection()).unwrap() };
            while refused().is_empty() {}
            allow("+hdel");
        });
        server.start_again();
    });
    are_made_once(&engine, 4);
    assert_eq!(redis.keys("hookd:hooks:"), [] as [&str; 0]);
}

#[test]
fn the_lock_of_a_node_that_died_ends() {
    let redis = Redis::start();
    let (mut server, engine) = killed(&redis);
    let () = redis.connection().set_ex(format!("{APP}taken_over_by"), "a node that is no more", 2).unwrap();
    server.start_again();
    are_made_once(&engine, 6);
    assert_eq!(redis.keys("hookd:hooks:"), [] as [&str; 0]);
}

#[test]
fn many_rows_are_looked_at_once_each() {
    const LETTERS: usize = 40_000;
    let redis = Redis::start();
    let (mut server, _engine) = killed(&redis);
    let call: Value = serde_json::from_str(&stored("_messageSent", &json!({"msgId": "dead"}), None)).unwrap();
    let letter = json!({"call": call, "cause": "trap", "reason": "unreachable", "died_at": 1_700_000_000_001_i64});
    let mut fill = redis::pipe();
    for number in 0..LETTERS {
        fill.hset(format!("{APP}letters"), 1_000 + number, letter.to_string()).ignore();
    }
    let () = fill.query(&mut redis.connection()).unwrap();
    server.start_again();
    assert_eq!(redis.keys("hookd:hooks:"), [] as [&str; 0]);
    let statistics: String = redis::cmd("INFO").arg("commandstats").query(&mut redis.connection()).unwrap();
    let scans = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_hscan:calls=")).unwrap();
    let scans: usize = scans.split(',').next().unwrap().parse().unwrap();
    assert!(scans < 3 * LETTERS / 250, "{scans} looks for {LETTERS} letters");
}

/// The old server died after it had handed a call from its outbox to Redis, and before it deleted the row of the outbox.
#[test]
fn calls_that_were_in_the_outbox_and_in_redis_are_made_once() {
    let redis = Redis::start();
    let (mut server, engine) = killed(&redis);
    let database = rusqlite::Connection::open(server.data().join("im.db")).unwrap();
    for (row, text) in [(101, "one"), (777, "two"), (778, "left")] {
        let insert = "INSERT INTO calls
                (key, number, app, channel, target, payload, queued_at, due_at, attempts, is_first)
             VALUES (?1, ?1, 'demo', '_messageSent', '_messageSent', ?2, ?1, ?1, 0, 1)";
        let payload = json!({"msgId": text}).to_string();
        database.execute(insert, (row, payload.as_bytes())).unwrap();
    }
    drop(database);
    let (taken, node) = (format!("{APP}taken"), killed_node(&server));
    for name in [format!("{node}:101"), format!("{node}:777"), "another node:778".to_owned()] {
        let () = redis.connection().zadd(&taken, name, 1).unwrap();
    }
    server.start_again();
    let records =
        engine.records_until(|records| in_short(records).contains_key("_messageSent left") && records.len() >= 7);
    let counts = in_short(&records);
    assert!(counts.len() == 7 && counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(redis.keys(APP), [taken.as_str()], "kept for the other node, for a while");
    let left: Vec<String> = redis.connection().zrange(&taken, 0, -1).unwrap();
    assert_eq!(left, ["another node:778"]);
    let ends_in: i64 = redis.connection().ttl(&taken).unwrap();
    assert!(ends_in > 0, "{ends_in}");
}
