//! What was released, and the way back.

use serde_json::Value;

use crate::command_line::assert_refused;
use crate::harness::{Server, module};

fn releases(server: &Server) -> Vec<Value> {
    let lines = server.hookd_ok(&["releases", "--json"]);
    lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn releases_are_listed_newest_first() {
    let server = Server::start();
    assert!(releases(&server).is_empty());
    let filter = module("word-filter");
    server.hookd_ok(&["deploy", filter.to_str().unwrap()]);
    server.hookd_ok(&["publish"]);
    server.deploy("audit-log");

    let listed = releases(&server);
    let facts: Vec<_> = listed
        .iter()
        .map(|one| (one["version"].as_u64().unwrap(), &one["environment"], &one["act"], &one["live"]))
        .map(|(version, environment, act, live)| format!("{version} {environment} {act} {live}"))
        .collect();
    assert_eq!(
        facts,
        [r#"2 "production" "deploy" true"#, r#"1 "production" "publish" false"#, r#"1 "staging" "deploy" true"#,]
    );
    let size = std::fs::metadata(&filter).unwrap().len();
    assert_eq!(listed[1]["size_bytes"], size);
    assert_eq!(listed[1]["module"].as_str().unwrap().len(), 64);
    assert_eq!(listed[1]["functions"][0], "_messageReceived");
    assert!(listed[1]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(server.hookd_ok(&["releases", "--limit", "1", "--json"]).lines().count(), 1);
    let table = server.hookd_ok(&["releases"]);
    assert!(table.starts_with("VERSION") && table.contains("2 *"), "{table}");
}

#[test]
fn rollback_goes_back_step_by_step_or_to_a_version_and_is_kept() {
    let mut server = Server::start();
    assert_refused(&server.hookd(&["rollback"]), &["no earlier version", "hookd releases"]);
    assert_refused(&server.hookd(&["rollback", "4"]), &["version 4", "nothing was deployed"]);
    for name in ["word-filter", "audit-log", "word-filter"] {
        server.deploy(name);
    }
    let live = |server: &Server| releases(server)[0]["version"].clone();
    let back: Value = serde_json::from_str(&server.hookd_ok(&["rollback", "--json"])).unwrap();
    assert_eq!((&back["version"], &back["environment"]), (&2.into(), &"production".into()));
    server.hookd_ok(&["rollback"]);
    assert_eq!(live(&server), 1);
    assert_refused(&server.hookd(&["rollback"]), &["no earlier version"]);
    assert_refused(&server.hookd(&["rollback", "9"]), &["version 9", "1 to 3"]);
    assert_refused(&server.hookd(&["rollback", "first"]), &["first"]);

    let text = server.hookd_ok(&["rollback", "3"]);
    assert!(text.contains("Version 3 is live in production"), "{text}");
    server.kill();
    server.start_again();
    assert_eq!(live(&server), 3);
}
