//! `hookd logs`: the output of functions, and the outcomes of their calls.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Control, Server, assert_refused, stderr};

const SECRET: &str = "the-words-of-the-message";

fn invoke_sent(server: &Server) {
    let params = server.data().join("sent.json");
    let text = format!(
        r#"{{"fromPeer":"Tom","convId":"64f0c0ffee0000000000a001","msgId":"m1","onlinePeers":["Jerry"],
        "offlinePeers":[],"transient":false,"system":null,"bin":false,"content":"{SECRET}","receipt":false,
        "timestamp":1700000000123,"sourceIP":"203.0.113.7","groupId":null}}"#
    );
    std::fs::write(&params, text).unwrap();
    server.hookd_ok(&["invoke", "_messageSent", "--params", params.to_str().unwrap()]);
}

fn lines(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let text = server.hookd_ok(&[&["logs", "--json"], arguments].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_carry_their_origin_and_are_filtered() {
    let server = Server::with_module("audit-log");
    assert!(lines(&server, &[]).is_empty());
    invoke_sent(&server);
    invoke_sent(&server);
    let all = lines(&server, &[]);
    assert_eq!(all.len(), 2, "{all:?}");
    let line = &all[0];
    assert_eq!(
        (&line["app_id"], &line["version"], &line["function"]),
        (&"demo".into(), &1.into(), &"_messageSent".into())
    );
    assert_eq!(line["level"], "info");
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
    let id = line["request_id"].as_str().unwrap();
    assert_ne!(all[1]["request_id"], id);
    assert_eq!(lines(&server, &["--request-id", id]), all[..1]);
    assert_eq!(lines(&server, &["--limit", "1"]), all[1..]);
    assert_eq!(lines(&server, &["--hook", "_messageSent"]).len(), 2);
    assert!(lines(&server, &["--hook", "_messageReceived"]).is_empty());
    assert_eq!(lines(&server, &["-n", "1", "--since", "1h", "-e", "prod", "--level", "info"]), all[1..]);
    assert_eq!(lines(&server, &["--since", "2020-01-01", "--format", "json"]).len(), 2);
    assert!(lines(&server, &["--until", "2020-01-01"]).is_empty());
    assert!(lines(&server, &["--level", "warn"]).is_empty());
    assert!(lines(&server, &["--env", "staging"]).is_empty());
    assert_refused(&server.hookd(&["logs", "--since", "yesterday"]), &["yesterday", "10m"]);
    let text = server.hookd_ok(&["logs"]);
    assert!(text.contains("demo v1 _messageSent") && text.contains("Tom"), "{text}");
    assert_refused(&server.hookd(&["logs", "--limit", "many"]), &["many"]);
}

#[test]
fn lines_outlive_a_server_that_is_killed() {
    let mut server = Server::with_module("audit-log");
    invoke_sent(&server);
    let before = lines(&server, &[]);
    // The lines are on their way to the disk; a kill may take the last moment, so the test waits until it is over.
    let written = || {
        let files = std::fs::read_dir(server.data().join("engine/logs/demo")).into_iter().flatten();
        files.filter_map(Result::ok).any(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0))
    };
    while !written() {
        std::thread::yield_now();
    }
    server.kill();
    for damaged in ["engine/logs/demo/7.jsonl", "engine/logs/nonsense"] {
        std::fs::write(server.data().join(damaged), [0xff; 100]).unwrap();
    }
    server.start_again();
    let lost = serde_json::json!({"event": "unreadable", "lines": 1, "files": 0});
    assert_eq!(lines(&server, &[]), [std::slice::from_ref(&lost), &before[..]].concat());
    invoke_sent(&server);
    let after = lines(&server, &[]);
    assert_eq!((after.len(), &after[..2]), (3, &[lost, before[0].clone()][..]));
    let shown = server.hookd(&["logs"]);
    assert!(stderr(&shown).contains("(1 damaged line of the kept log cannot be read"), "{}", stderr(&shown));
    assert_eq!(String::from_utf8_lossy(&shown.stdout).lines().count(), 2);
    let told: Vec<String> = server.log().lines().filter(|line| line.contains("7.jsonl")).map(str::to_owned).collect();
    assert!(told.len() == 1 && told[0].contains("it is damaged"), "{told:?}");
}

#[test]
fn the_servers_own_log_does_not_repeat_what_functions_write() {
    let server = Server::with_module("audit-log");
    invoke_sent(&server);
    let shown = server.hookd_ok(&["logs"]);
    let words = shown.trim_end().rsplit(": ").next().unwrap();
    assert!(!words.is_empty() && !server.log().contains(words), "{words}");
}

#[test]
fn following_shows_what_comes() {
    let mut server = Server::with_module("audit-log");
    invoke_sent(&server);
    let mut following = server.hookd_started(&["logs", "-f", "--json"]);
    let mut seen = BufReader::new(following.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&seen.next().unwrap().unwrap()).unwrap();
    invoke_sent(&server);
    let second: Value = serde_json::from_str(&seen.next().unwrap().unwrap()).unwrap();
    assert_ne!(first["request_id"], second["request_id"]);
    server.kill();
    assert!(seen.next().is_none());
    assert_eq!(following.wait().unwrap().code(), Some(2), "the log broke off");
}

/// F-14: a follower can tell a silent log from a server that hangs.
#[tokio::test]
async fn a_followed_log_says_now_and_then_that_it_is_there() {
    let server = Server::start();
    let mut answer = Control::of(&server).get("/logs?follow=true").send().await.unwrap();
    let seconds: u64 = answer.headers()["x-hookd-keep-alive"].to_str().unwrap().parse().unwrap();
    assert!(seconds <= 10);
    let said = tokio::time::timeout(Duration::from_secs(30), answer.chunk()).await.expect("a sign").unwrap().unwrap();
    assert_eq!(said.trim_ascii(), b"");
}

#[test]
fn a_failed_call_is_logged_without_what_was_said() {
    for name in ["trap", "not-json"] {
        let server = Server::with_module(name);
        let params = server.data().join("params.json");
        std::fs::write(&params, crate::harness::MESSAGE.replace("Holy crap!", SECRET)).unwrap();
        let output = server.hookd(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let engine = lines(&server, &[]).into_iter().filter(|line| line["source"] == "engine").collect::<Vec<_>>();
        assert_eq!(engine.len(), 1, "{name}");
        assert_eq!(engine[0]["level"], "error");
        assert!(!server.hookd_ok(&["logs"]).contains(SECRET), "{name}");
    }
}

#[test]
fn a_long_log_is_shown_to_a_bound_that_is_reported() {
    let mut server = Server::with_module("audit-log");
    server.kill();
    // As many as an app keeps of short lines, and some more, of the last minutes.
    let (count, bound) = (100_010_u64, 100_000_usize);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = u64::try_from(now.as_micros()).unwrap() - 60_000_000;
    let line = |number: u64| {
        let id = first + number;
        format!(
            r#"{{"id":{id},"at_us":{id},"level":"info","environment":"production","version":1,"function":"f","request_id":"r","source":"stdout","text":"{number}"}}"#
        ) + "\n"
    };
    let folder = server.data().join("engine/logs/demo");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{first:020}.jsonl")), (0..count).map(line).collect::<String>()).unwrap();
    server.start_again();

    let shown = server.hookd(&["logs", "--since", "1h"]);
    let text = String::from_utf8(shown.stdout.clone()).unwrap();
    assert!(
        text.lines().count() == bound && text.lines().next().unwrap().ends_with(": 10"),
        "{}",
        text.lines().count()
    );
    assert!(text.lines().last().unwrap().ends_with(&format!(": {}", count - 1)));
    assert!(stderr(&shown).contains("the newest 100000 of these lines"), "{}", stderr(&shown));
    let few = server.hookd(&["logs"]);
    assert_eq!(String::from_utf8_lossy(&few.stdout).lines().count(), 100);
    assert!(stderr(&few).contains("the newest 100 lines; -n or --since shows more"), "{}", stderr(&few));
}
