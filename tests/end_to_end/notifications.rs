//! Notification hooks arrive at least once, also when the server, the engine or the function dies.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Facts, LeanEngine, Server, assert_refused, http_client, stderr, stdout};

/// A server whose hooks are in a recorder, with short waits.
fn recorded(failures: &Value) -> (Server, LeanEngine) {
    let server = Server::start();
    let engine = LeanEngine::recorder(&server, failures);
    server.hookd_ok(&["settings", "--engine-url", engine.url(), "--notification-retry", "50ms"]);
    (server, engine)
}

pub fn ids(facts: &Facts) -> HashSet<String> {
    facts["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// The messages in the calls of `_messageSent`.
pub fn announced(records: &[Value]) -> HashSet<String> {
    let sent = records.iter().filter(|record| record["hook"] == "_messageSent" && record["failed"] == false);
    sent.map(|record| record["params"]["msgId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_acknowledged_message_reaches_the_hook_though_the_server_is_killed() {
    let (mut server, engine) = recorded(&json!({}));
    let acknowledged = ids(&server.play("restart"));
    assert!(acknowledged.len() >= 150, "the test saw nothing");
    engine.records_until(|records| acknowledged.is_subset(&announced(records)));
}

/// The dead process may not have acknowledged what it had stored. The hook is called nevertheless.
#[test]
fn every_operation_that_is_stored_reaches_its_hook_though_the_server_is_killed() {
    let (mut server, engine) = recorded(&json!({}));
    let facts = server.play("killed_at_work");
    assert!(facts["acknowledged"].as_u64().unwrap() >= 200, "the test saw nothing");
    let done = |kind: &str| -> HashSet<String> {
        facts[kind].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let stored: usize = ["started", "added", "removed", "sent"].iter().map(|kind| done(kind).len()).sum();
    eprintln!("{stored} operations are stored, {} were acknowledged", facts["acknowledged"]);
    engine.records_until(|records| {
        let told = |hook: &str, key: &str| -> HashSet<String> {
            let of_hook = records.iter().filter(|record| record["hook"] == hook);
            of_hook.map(|record| record["params"][key].as_str().unwrap().to_owned()).collect()
        };
        done("started").is_subset(&told("_conversationStarted", "convId"))
            && done("added").is_subset(&told("_conversationAdded", "convId"))
            && done("removed").is_subset(&told("_conversationRemoved", "convId"))
            && done("sent").is_subset(&told("_messageSent", "msgId"))
    });
}

#[test]
fn messages_sent_while_the_engine_is_dead_reach_the_hook_when_it_is_back() {
    let (mut server, mut engine) = recorded(&json!({}));
    // One failure would be a dead letter: an engine that is away must not count as one.
    server.hookd_ok(&["settings", "--notification-attempts", "1"]);
    let before = ids(&server.play_with("chatter", &["10"]));
    engine.records_until(|records| before.is_subset(&announced(records)));
    engine.kill();
    let meanwhile = ids(&server.play_with("chatter", &["100"]));
    server.kill();
    server.start_again();
    engine.start_again(&server, &json!({}));
    engine.records_until(|records| meanwhile.is_subset(&announced(records)));
    assert_eq!(server.hookd_ok(&["dead-letters", "list", "--json"]), "");
}

#[test]
fn a_server_that_is_asked_to_stop_ends_in_time_and_keeps_what_waits() {
    let (mut server, engine) = recorded(&json!({}));
    // Which hooks there are is known after this.
    let before = ids(&server.play_with("chatter", &["3"]));
    engine.records_until(|records| before.is_subset(&announced(records)));
    engine.freeze(true);
    let waiting = ids(&server.play_with("chatter", &["200"]));
    let asked = Instant::now();
    server.processes().stop_front();
    // The calls under way are waited for: 3 s, the default of notification hooks.
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    eprintln!("stopped in {:?}", asked.elapsed());
    engine.freeze(false);
    server.start_front();
    engine.records_until(|records| waiting.is_subset(&announced(records)));
}

#[test]
fn dead_letters_are_listed_retried_and_dropped() {
    let (mut server, mut engine) = recorded(&json!({"_messageSent": 1_000}));
    server.hookd_ok(&["settings", "--notification-attempts", "2"]);
    let sent = ids(&server.play_with("chatter", &["3"]));
    let letters = letters_until(&server, 3);
    let letter = &letters[0];
    assert_eq!((&letter["hook"], &letter["cause"]), (&json!("_messageSent"), &json!("failed")));
    assert_eq!(letter["attempts"], 2);
    assert!(letter["reason"].as_str().unwrap().contains("the database is away"), "{letter}");
    assert!(letter.get("params").is_none(), "params are shown only when asked for");
    let shown = server.hookd_ok(&["dead-letters", "list", "--params", "--json", "--hook", "_messageSent"]);
    let with_params: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: HashSet<_> =
        with_params.iter().map(|letter| letter["params"]["msgId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, sent);
    assert_eq!(server.hookd_ok(&["dead-letters", "list", "--hook", "_clientOnline"]), "");

    assert_refused(&server.hookd(&["dead-letters", "retry"]), &["--all"]);
    assert_refused(&server.hookd(&["dead-letters", "drop", "--hook", "_messageSent"]), &["--all"]);
    // The hook is called for it nevertheless.
    for (flags, told) in [(&["retry", "42"][..], "0 queued again"), (&["drop", "42", "--json"], r#"{"dropped":0}"#)] {
        let output = server.hookd(&[&["dead-letters"], flags].concat());
        assert_eq!((output.status.code(), stdout(&output).trim()), (Some(1), told));
        assert!(stderr(&output).contains("of the ids 1 belong to no dead letter of this app"), "{}", stderr(&output));
    }
    engine.kill();
    engine.start_again(&server, &json!({}));
    let id = letter["id"].to_string();
    assert_eq!(server.hookd_ok(&["dead-letters", "drop", &id]).trim(), "1 dropped");
    assert_eq!(server.hookd_ok(&["dead-letters", "retry", "--all", "--hook", "_messageSent"]).trim(), "2 queued again");
    let records = engine.records_until(|records| announced(records).len() == 2);
    let again: HashSet<u64> = records
        .iter()
        .filter(|record| record["hook"] == "_messageSent")
        .map(|record| record["sequence"].as_u64().unwrap())
        .collect();
    let dead: HashSet<u64> = letters[1..].iter().map(|letter| letter["id"].as_u64().unwrap()).collect();
    assert_eq!(again, dead, "a call keeps its number");
    letters_until(&server, 0);
}

#[test]
fn online_and_offline_of_a_client_keep_their_order_and_hold_back_no_other() {
    let (mut server, engine) = recorded(&json!({"_clientOnline:tom": 2, "_clientOffline:tom": 2}));
    server.play("presence");
    // tom 10, jerry 2, spike 2, tyke 4, and the four failures.
    let records = engine.records_until(|records| records.len() == 22);
    for (client, expected) in [
        ("tom", "online offline online offline online offline online offline online offline"),
        ("jerry", "online offline"),
        ("spike", "online offline"),
        ("tyke", "online offline online offline"),
    ] {
        let of_client: Vec<&Value> = records.iter().filter(|record| record["params"]["peerId"] == client).collect();
        let done: Vec<&Value> = of_client.iter().copied().filter(|record| record["failed"] == false).collect();
        let hooks: Vec<&str> =
            done.iter().map(|record| if record["hook"] == "_clientOnline" { "online" } else { "offline" }).collect();
        assert_eq!(hooks.join(" "), expected, "{client}");
        let sequences: Vec<u64> = of_client.iter().map(|record| record["sequence"].as_u64().unwrap()).collect();
        assert!(sequences.is_sorted(), "{client}: {sequences:?}");
        let numbers: HashSet<u64> = sequences.iter().copied().collect();
        assert_eq!(numbers.len(), done.len(), "each event has one number, the same on all attempts");
    }
    let position = |wanted: &dyn Fn(&Value) -> bool| records.iter().position(wanted).unwrap();
    let failed = |record: &Value| record["failed"] == true && record["hook"] == "_clientOnline";
    assert!(position(&failed) < position(&|record| record["params"]["peerId"] == "jerry"));
    let codes: Vec<&Value> = records
        .iter()
        .filter(|record| record["hook"] == "_clientOffline" && record["failed"] == false)
        .map(|record| &record["params"])
        .collect();
    let code_of = |client: &str| codes.iter().find(|params| params["peerId"] == client).unwrap()["closeCode"].clone();
    assert_eq!([code_of("tom"), code_of("spike"), code_of("tyke")], [json!(1), json!(2), json!(3)]);

    let newest = records.iter().map(|record| record["sequence"].as_u64().unwrap()).max().unwrap();
    server.kill();
    server.start_again();
    server.play("presence");
    // What was answered just before the kill may come once more, with its old number; nothing else has an old one.
    let is_new = |record: &&Value| record["sequence"].as_u64().unwrap() > newest;
    let after = engine.records_until(|records| records.iter().filter(is_new).count() == 18);
    let mut repeated = after.iter().filter(|record| !is_new(record));
    assert!(
        repeated.all(|record| records.iter().any(|earlier| earlier["sequence"] == record["sequence"])),
        "numbers grow over a restart"
    );
}

/// Asks until there are so many dead letters.
pub fn letters_until(server: &Server, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = server.hookd_ok(&["dead-letters", "list", "--json"]);
        let letters: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if letters.len() == count {
            return letters;
        }
        assert!(Instant::now() < deadline, "there are {} dead letters, not {count}", letters.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_its_number_into_the_module() {
    let mut server = Server::with_module("audit-log");
    let sent = tokio::task::block_in_place(|| ids(&server.play_with("chatter", &["3"])));
    let numbers = numbers_in_the_log(&server, 3);
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), sent.len());
    assert!(numbers.iter().all(|number| *number > 1_700_000_000_000), "{numbers:?}");

    let key = |name: &str| server.connection()[name].as_str().unwrap().to_owned();
    let call = async |hook_key: &str| {
        let client = http_client().build().unwrap();
        let request = client.post(format!("{}/1.1/functions/_messageSent", key("url")));
        let request = request.header("x-lc-id", key("app_id")).header("x-lc-key", key("app_key"));
        let request = request.header("x-lc-hook-key", hook_key).header("x-hookd-sequence", "17");
        let request = request.header("content-type", "application/json").body(SENT);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(call("another key").await, 401);
    assert_eq!(call(&key("hook_key")).await, 200);
    assert_eq!(numbers_in_the_log(&server, 4)[3], 17);
}

const SENT: &str = r#"{"fromPeer":"tom","convId":"64f0c0ffee0000000000a001","msgId":"m1","onlinePeers":[],
    "offlinePeers":[],"transient":false,"bin":false,"content":"hi","receipt":false,"timestamp":1700000000123,
    "sourceIP":"203.0.113.7"}"#;

/// The numbers that the audit log noted, once there are so many.
fn numbers_in_the_log(server: &Server, count: usize) -> Vec<u64> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = server.hookd_ok(&["logs", "--json"]);
        let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let texts: Vec<String> = lines.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect();
        if texts.len() >= count {
            return texts.iter().map(|text| text.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
        }
        assert!(Instant::now() < deadline, "the log has {} lines, not {count}", texts.len());
    }
}
