//! LeanCache: the online-status example, floods, a Redis that fails, and `hookd cache`.

use std::io::Write as _;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Facts, MESSAGE, Redis, Server, Shape, assert_refused, code, module, stderr, stdout};

#[test]
fn online_status_in_memory() {
    Server::with_module("online-status").play("online_status");
}

#[test]
fn online_status_in_redis_outlives_the_server() {
    let redis = Redis::start();
    let mut server = Server::start_with(&["--redis-url", &redis.url()]);
    server.deploy("online-status");
    server.play("online_status");
    server.hookd_ok(&["cache", "SET", "stays", "1"]);
    server.kill();
    server.start_again();
    assert_eq!(server.hookd_ok(&["cache", "GET", "stays"]), "\"1\"\n");
}

/// The example `online-status` over this Redis, which holds the example's data.
fn cache_is_in(redis: &Redis, flags: &[&str]) -> Server {
    let mut server = Server::start_as_with(Shape::OneProcess, flags);
    server.deploy("online-status");
    server.play("online_status");
    server.hookd_ok(&["cache", "SET", "stays", "1"]);
    assert!(redis.keys("hookd:cache:").contains(&"hookd:cache:{demo}:stays".to_owned()), "the cache");
    server
}

#[test]
fn cache_is_reached_in_a_cluster_over_tls() {
    let (redis, url, authority) = Redis::with_tls_as_cluster();
    let flags = ["--redis-url", &url, "--redis-ca-file", &authority];
    cache_is_in(&redis, &flags);
    // A server that does not trust the cluster sends it no commands, and says why.
    let distrusting = Server::start_as_with(Shape::OneProcess, &["--redis-url", &url]);
    assert_ne!(code(&distrusting.hookd(&["cache", "GET", "stays"])), 0);
    assert!(distrusting.log().contains("certificate"), "{}", distrusting.log());
}

#[test]
fn cache_is_reached_over_tls() {
    let (redis, url, authority) = Redis::with_tls();
    let flags = ["--redis-url", &url, "--redis-ca-file", &authority];
    let server = cache_is_in(&redis, &flags);

    let found = stdout(&server.hookd(&[&["doctor"], flags.as_slice()].concat()));
    assert!(found.contains(&format!("`{}` answers", url.trim_start_matches("rediss://"))), "{found}");
    let distrusting = server.hookd(&["doctor", "--redis-url", &url]);
    assert_ne!(code(&distrusting), 0);
    let found = stdout(&distrusting);
    assert!(found.contains("certificate") && found.contains("--redis-ca-file"), "{found}");
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let (data, file) = (folder.path().join("data"), file.to_str().unwrap());
    let refused = |arguments: &[&str], words: &[&str]| {
        assert_refused(&crate::harness::hookd_in(&data, &[&["up"], arguments].concat()), words);
    };
    refused(&["--redis-url", "rediss://a:1", "--redis-ca-file", file], &["--redis-ca-file", "no certificate"]);
    refused(&["--redis-url", "rediss://a:1", "--redis-ca-file", "absent.pem"], &["absent.pem", "--redis-ca-file"]);
    refused(&["--redis-url", "rediss://a:1", "--redis-cert-file", file], &["--redis-key-file", "both"]);
    refused(&["--redis-url", "rediss://a:1/#insecure"], &["always checked", "--redis-ca-file"]);
}

#[test]
fn modules_that_do_not_use_the_cache_do_not_import_it() {
    let imports = |name: &str| {
        let bytes = std::fs::read(module(name)).unwrap();
        bytes.windows(22).any(|window| window == b"hookd:engine/leancache")
    };
    assert!(imports("online-status"));
    assert!(!imports("word-filter"));
}

/// Calls a function or hook of `app` by hand.
fn invoke(server: &Server, app: &[&str], name: &str) -> Output {
    // Apps are called side by side: a file for each.
    let params = server.data().join(format!("{name}-{}.json", app.len()));
    std::fs::write(&params, if name == "_messageReceived" { MESSAGE } else { "{}" }).unwrap();
    server.hookd(&[&["invoke", name, "--json", "--params", params.to_str().unwrap()], app].concat())
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no answer: {}", stderr(output)))
}

/// A server whose first app has a hostile module, and the arguments that name a second, decent app.
fn with_neighbour(hostile: &str) -> (Server, Vec<String>) {
    let server = Server::with_module(hostile);
    let neighbour: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "neighbour", "--json"])).unwrap();
    let arguments = ["--app", "neighbour", "--master-key", neighbour["master_key"].as_str().unwrap()];
    let path = module("rate-limit");
    server.hookd_ok(&[&["deploy", path.to_str().unwrap(), "--prod"], arguments.as_slice()].concat());
    (server, arguments.map(str::to_owned).to_vec())
}

/// The call fails with these words; meanwhile all calls of the neighbour succeed, and the next call of the app works.
#[track_caller]
fn assert_contained(server: &Server, neighbour: &[String], name: &str, outcome: &str, words: &[&str]) {
    let neighbour: Vec<&str> = neighbour.iter().map(String::as_str).collect();
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| answer(&invoke(server, &[], name)));
        let mut calls = 0;
        while !flood.is_finished() || calls == 0 {
            let reply = answer(&invoke(server, &neighbour, "_messageReceived"));
            assert_eq!(reply["outcome"], "replied", "{reply}");
            calls += 1;
        }
        let failed = flood.join().unwrap();
        assert_eq!(failed["outcome"], outcome, "{failed}");
        for word in words {
            assert!(failed["body"]["error"].as_str().unwrap().contains(word), "`{word}` is not in: {failed}");
        }
    });
    let next = answer(&invoke(server, &[], "decent"));
    assert_eq!(next["body"]["result"], json!(true), "{next}");
}

#[test]
fn a_flood_of_commands_ends_at_its_limit() {
    let (server, neighbour) = with_neighbour("cache-command-flood");
    let limit = ["`cache_commands` of 1000 commands"];
    assert_contained(&server, &neighbour, "_messageReceived", "failed", &limit);
    server.hookd_ok(&["settings", "--limit", "cache_commands=7"]);
    assert_contained(&server, &neighbour, "_messageReceived", "failed", &["`cache_commands` of 7 commands"]);
    assert_eq!(server.hookd_ok(&["cache", "GET", "flood"]), "\"1007\"\n");
    server.hookd_ok(&["settings", "--limit", "deadline_ms=1s"]);
    assert_contained(&server, &neighbour, "stubborn", "timeout", &["timed out"]);
}

#[test]
fn a_flood_of_values_ends_at_its_limit() {
    let (server, neighbour) = with_neighbour("cache-value-flood");
    let limit = ["`cache_bytes` of 4194304 bytes"];
    assert_contained(&server, &neighbour, "_messageReceived", "failed", &limit);
    assert_contained(&server, &neighbour, "send", "failed", &limit);
    assert_contained(&server, &neighbour, "words", "failed", &["`DEL` has 100000 arguments", "5000"]);
    server.hookd_ok(&["settings", "--limit", "cache_bytes=64KiB"]);
    assert_contained(&server, &neighbour, "send", "failed", &["`cache_bytes` of 65536 bytes"]);
}

#[test]
fn every_call_has_a_budget_of_its_own_even_in_a_warm_instance() {
    let server = Server::start();
    let path = module("cache-value-flood");
    for isolation in ["per-call", "warm"] {
        server.hookd_ok(&["deploy", path.to_str().unwrap(), "--prod", "--isolation", isolation]);
        server.hookd_ok(&["settings", "--limit", "cache_commands=2"]);
        for _ in 0..3 {
            assert_eq!(answer(&invoke(&server, &[], "decent"))["body"]["result"], json!(true), "{isolation}");
        }
    }
}

fn message_sent(server: &mut Server) -> Facts {
    server.play("one_message")
}

#[test]
fn the_chat_goes_on_by_the_policy_when_redis_is_down_or_hangs() {
    let mut redis = Redis::start();
    let mut server = Server::start_with(&["--redis-url", &redis.url()]);
    server.deploy("rate-limit");
    assert!(message_sent(&mut server).contains_key("sent"));
    assert_eq!(server.hookd_ok(&["cache", "GET", "messages:tom"]), "\"1\"\n", "the hook counts");

    redis.kill();
    let through = message_sent(&mut server);
    assert!(through.contains_key("sent"), "{through:?}");
    server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
    let refused = message_sent(&mut server);
    assert_eq!(refused["code"], 4200, "{refused:?}");

    redis.start_again();
    let started = Instant::now();
    while !message_sent(&mut server).contains_key("sent") {
        assert!(started.elapsed() < Duration::from_secs(30), "redis is back, the hook still fails");
    }

    redis.freeze();
    let refused = message_sent(&mut server);
    assert_eq!(refused["code"], 4200, "{refused:?}");
    server.hookd_ok(&["settings", "--on-hook-failure", "ignore"]);
    let through = message_sent(&mut server);
    assert!(through.contains_key("sent"), "{through:?}");
    assert!(through["milliseconds"].as_u64().unwrap() < 5_000, "{through:?}: the hook waits for longer than it should");
    let failure = invoke(&server, &[], "_messageReceived");
    let text = answer(&failure).to_string();
    assert!(text.contains("LeanCache did not answer within 2000 ms"), "{text}");
}

#[test]
fn a_redis_url_that_is_none_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::harness::hookd_in(folder.path(), &["up", "--redis-url", "localhost:6379"]);
    assert_refused(&output, &["redis://", "Redis URL"]);
}

#[test]
fn commands_one_by_one() {
    let server = Server::start();
    let cache = |words: &[&str]| server.hookd_ok(&[&["cache"], words].concat());
    assert_eq!(cache(&["SET", "greeting", "hello world", "EX", "60"]), "OK\n");
    assert_eq!(cache(&["get", "greeting"]), "\"hello world\"\n");
    assert_eq!(cache(&["TTL", "greeting"]), "(integer) 60\n");
    assert_eq!(cache(&["RPUSH", "recent", "a", "b"]), "(integer) 2\n");
    assert_eq!(cache(&["LRANGE", "recent", "0", "-1"]), "1) \"a\"\n2) \"b\"\n");
    assert_eq!(cache(&["MGET", "greeting", "nothing"]), "1) \"hello world\"\n2) (nil)\n");
    assert_eq!(cache(&["--json", "MGET", "greeting", "nothing"]), "[\"hello world\",null]\n");
    assert_refused(&server.hookd(&["cache", "KEYS", "*"]), &["`KEYS` is not offered", "set"]);
    assert_refused(&server.hookd(&["cache", "GET"]), &["wrong number of arguments for `GET`"]);
    assert_refused(&server.hookd(&["cache", "GET", "recent"]), &["WRONGTYPE"]);
}

/// F-12: the engine carries it out, and the control API writes the reply, beside the threads that serve.
#[test]
fn a_large_set_is_filled_copied_and_read_by_hand() {
    const MEMBERS: usize = 4_000;
    let server = Server::start();
    let members: Vec<String> = (0..MEMBERS).map(|number| format!("a-member-{number}")).collect();
    let adding: Vec<&str> = ["cache", "SADD", "all"].into_iter().chain(members.iter().map(String::as_str)).collect();
    assert_eq!(server.hookd_ok(&adding), "(integer) 4000\n");
    assert_eq!(server.hookd_ok(&["cache", "SUNIONSTORE", "copy", "all"]), "(integer) 4000\n");
    let shown = server.hookd_ok(&["cache", "--json", "SMEMBERS", "copy"]);
    let shown: Vec<String> = serde_json::from_str(&shown).unwrap();
    assert!(shown.len() == MEMBERS && members.iter().all(|member| shown.contains(member)));
}

#[test]
fn apps_do_not_see_each_others_cache() {
    let server = Server::start();
    server.hookd_ok(&["cache", "SET", "secret", "treasure"]);
    let other: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "other", "--json"])).unwrap();
    let key = other["master_key"].as_str().unwrap();
    let as_other = ["cache", "--app", "other", "--master-key", key];
    assert_eq!(server.hookd_ok(&[as_other.as_slice(), &["GET", "secret"]].concat()), "(nil)\n");
    let with_foreign_key = server.hookd(&["cache", "--app", "demo", "--master-key", key, "GET", "secret"]);
    assert_refused(&with_foreign_key, &["refused the keys"]);
}

/// What `hookd cache` makes of lines from a pipe.
fn piped(server: &Server, arguments: &[&str], lines: &[u8]) -> std::process::Output {
    let mut session = server.hookd_piped(&[&["cache"], arguments].concat());
    session.stdin.take().unwrap().write_all(lines).unwrap();
    session.wait_with_output().unwrap()
}

#[test]
fn commands_line_by_line() {
    let server = Server::start();
    let good = "SET \"a key\" 'it\\'s \\x00'\nGET \"a key\"\nhelp\n\nSET bytes \"\\xff\"\r\nGET bytes\nGET a";
    let output = piped(&server, &[], good.as_bytes());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "OK\n\"it's \\\\x00\"\nOK\n\"\\xff\"\n(nil)\n");
    assert!(stderr(&output).contains("ZADD"), "help lists the commands: {}", stderr(&output));
    assert_eq!(code(&piped(&server, &[], b"")), 0);
}

#[test]
fn lines_that_fail_hold_up_no_others_and_are_counted() {
    let mut server = Server::start();
    let lines = b"SET a 1\nFLUSHALL\nGET \"open\nGET\nnonsense\nSET \xff\xfe v\nLPUSH a x\n\nINCR a\nquit\nGET a\n";
    let output = piped(&server, &[], lines);
    let shown = stdout(&output);
    assert_eq!((code(&output), shown.lines().last()), (1, Some("(integer) 2")), "{}", stderr(&output));
    let notes = stderr(&output);
    let told = [
        "`FLUSHALL` is not offered",
        "not closed",
        "wrong number",
        "`NONSENSE`",
        "\"\\xff\"",
        "6 of 8 commands failed",
    ];
    for told in told {
        assert!(notes.contains(told), "`{told}` is not in {notes}");
    }
    let output = piped(&server, &["--json"], lines);
    let replies = stdout(&output);
    let replies: Vec<serde_json::Value> = replies.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors: Vec<bool> = replies.iter().map(|reply| reply.get("error").is_some()).collect();
    assert_eq!(errors, [false, true, true, true, true, true, true, false], "one a command: {replies:?}");
    server.kill();
    let output = piped(&server, &[], b"GET a\nGET b\nGET c\n");
    assert_eq!(code(&output), 1);
    assert_eq!(stderr(&output).matches("no server answers").count(), 1, "{}", stderr(&output));
}
