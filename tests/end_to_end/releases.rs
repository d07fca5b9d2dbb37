//! What was released, and the way back.

use serde_json::Value;

use crate::harness::{Server, assert_refused, http_client, module};

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
fn releases_show_author_and_reason() {
    let server = Server::start();
    let probe = module("version-probe");
    let probe = probe.to_str().unwrap();
    server.hookd_ok(&["deploy", probe, "--author", "ada", "-m", "First try\n\nMore about it."]);
    server.hookd_ok(&["publish", "--author", "bob"]);
    server.hookd_ok(&["env", "set", "MODE=strict", "-m", "Be strict"]);
    let facts: Vec<_> = releases(&server)
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            let author = if text("author").contains('@') { "user@host".to_owned() } else { text("author") };
            format!("{} {} {} {author}: {}", one["version"], text("environment"), text("act"), text("message"))
        })
        .collect();
    assert_eq!(
        facts,
        [
            "2 staging env user@host: Be strict",
            "2 production env user@host: Be strict",
            "1 production publish bob: ",
            "1 staging deploy ada: First try\n\nMore about it.",
        ]
    );
    let table = server.hookd_ok(&["releases"]);
    assert!(table.contains("ada") && table.contains("(First try)"), "{table}");
    let shown = server.hookd_ok(&["releases", "show", "1"]);
    for line in
        ["functions  probe, variable, variables", "variables  none", "publish in production by bob", "More about it."]
    {
        assert!(shown.contains(line), "`{line}` is not in:\n{shown}");
    }
    assert!(server.hookd_ok(&["releases", "show", "2"]).contains("variables  MODE=strict"));
    assert_refused(&server.hookd(&["releases", "show", "9"]), &["version 9", "1 to 2"]);
    assert_refused(&server.hookd(&["releases", "show", "0"]), &["0"]);
    assert_refused(&server.hookd(&["deploy", probe, "--author", &"x".repeat(200)]), &["author", "128"]);
}

#[tokio::test]
async fn a_header_picks_the_environment() {
    let server = Server::with_module("version-probe");
    server.hookd_ok(&["deploy", module("version-probe").to_str().unwrap()]);
    let client = http_client().build().unwrap();
    let version = async |header: Option<(&str, &str)>| {
        let request = client.post(server.url("/1.1/functions/variable")).body(r#"{"name":"LEANCLOUD_VERSION_TAG"}"#);
        let request = request.header("x-lc-id", server.key("app_id")).header("x-lc-key", server.key("app_key"));
        let request = request.header("content-type", "application/json");
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.unwrap().json::<Value>().await.unwrap()["result"].clone()
    };
    assert_eq!(version(None).await, "1");
    assert_eq!(version(Some(("x-lc-prod", "1"))).await, "1");
    assert_eq!(version(Some(("x-lc-prod", "0"))).await, "2");
    assert_eq!(version(Some(("x-avoscloud-application-production", "0"))).await, "2");
}

#[test]
fn messages_run_the_hooks_of_production_only() {
    let mut server = Server::start();
    server.hookd_ok(&["deploy", module("word-filter").to_str().unwrap()]);
    server.play("staged_hooks");
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
