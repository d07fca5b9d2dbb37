//! Projects of LeanEngine: hooks that stay where they are, on one of LeanCloud's own SDKs and called over HTTP, and hooks that move
//! into the sandbox.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{AppKeys, Peer, Sdk, Server, assert_refused, code, leanengine_project, stderr, stdout};

/// The hooks of `examples-hooks/team-chat`, written for this SDK.
fn play_team_chat(sdk: Sdk) {
    let mut server = Server::start();
    let app = Peer::start(sdk, &["team_chat"], &AppKeys::of(&server));
    server.hookd_ok(&["settings", "--engine-url", app.url()]);
    server.play("team_chat");
}

#[test]
fn hooks_of_a_node_app_decide_as_ours_do() {
    play_team_chat(Sdk::Node);
}

#[test]
fn hooks_of_a_python_app_decide_as_ours_do() {
    play_team_chat(Sdk::Python);
}

/// The project of `hooks_of_a_node_app_decide_as_ours_do`, without one changed line.
#[test]
fn hooks_of_a_node_project_decide_in_the_sandbox_as_in_its_own_process() {
    let mut server = Server::start();
    let project = leanengine_project("team_chat");
    server.hookd_ok(&["deploy", project.path().to_str().unwrap(), "--prod"]);
    server.play("team_chat");
}

#[test]
fn the_same_calls_to_a_leanengine_app_and_to_the_sandbox_are_compared() {
    let server = Server::start();
    let keys = AppKeys::of(&server);
    let app = Peer::with_environment(Sdk::Node, &["greeter"], &[("GREETING", "Hello")], &keys);
    let project = leanengine_project("greeter");
    server.hookd_ok(&["env", "set", "GREETING=Hello"]);
    server.hookd_ok(&["deploy", project.path().to_str().unwrap(), "--prod"]);
    let fixtures = tempfile::tempdir().unwrap();
    let params = [
        ("_messageReceived.blanks", json!({"content": " hi "})),
        ("askForALogIn", json!({})),
        ("cut", json!({"text": "😀"})),
        ("greet", json!({"name": "Tom"})),
        ("missing", json!({})),
        ("mutter", json!({})),
        ("refuse", json!({})),
    ];
    for (name, params) in &params {
        fs::write(fixtures.path().join(format!("{name}.params.json")), params.to_string()).unwrap();
    }
    let log = app.log();
    let to_app = ["--leanengine", app.url(), "--leanengine-log", log.to_str().unwrap()];
    let all = [&["migrate", "compare", "--fixtures", fixtures.path().to_str().unwrap()], &to_app[..]].concat();
    let same = server.hookd(&all);
    assert_eq!(code(&same), 0, "{}{}", stdout(&same), stderr(&same));
    assert_eq!(stdout(&same).lines().count(), params.len(), "{}", stdout(&same));

    server.hookd_ok(&["env", "set", "GREETING=Bye"]);
    let differing = server.hookd(&all);
    assert_eq!(code(&differing), 1);
    assert!(stderr(&differing).contains("2 of 7 calls differ"), "{}", stderr(&differing));
    let told = stdout(&differing);
    for line in [
        "DIFF greet",
        "-   \"result\": \"Hello, Tom\"",
        "+   \"result\": \"Bye, Tom\"",
        "DIFF mutter",
        "- Hello",
        "+ Bye",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let compare = |name: &str| -> Value {
        let one = [&["migrate", "compare", name, "--json"], &to_app[..]].concat();
        serde_json::from_str(&stdout(&server.hookd(&one))).unwrap()
    };
    let found = compare("mutter");
    assert_eq!((&found["differs"], &found["hookd"]["log"]), (&json!(["log"]), &json!(["Bye", "twice"])));
    // QuickJS and V8 have texts of their own.
    let found = compare("stumble");
    assert_eq!(found["leanengine"]["body"]["error"], "Cannot read properties of null (reading 'name')");
    assert_eq!(found["hookd"]["body"]["error"], "cannot read property 'name' of null");
    assert_eq!((&found["leanengine"]["status"], &found["hookd"]["status"]), (&json!(500), &json!(500)));

    let other_keys = AppKeys { master_key: "a-master-key-of-another-app".to_owned(), ..keys };
    let stranger = Peer::start(Sdk::Node, &["greeter"], &other_keys);
    let refused = server.hookd(&["migrate", "compare", "greet", "--leanengine", stranger.url()]);
    assert_refused(&refused, &["refused the app's keys", "LEANCLOUD_APP_HOOK_KEY"]);
    let nothing = server.hookd(&["migrate", "compare", "greet", "--leanengine", "http://127.0.0.1:1"]);
    assert_refused(&nothing, &["no LeanEngine app answers", "node server.js"]);
}

#[test]
fn address_that_is_no_engine_is_refused() {
    let server = Server::start();
    let output = server.hookd(&["settings", "--engine-url", "ftp://engine"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("engine_url") && stderr.contains("http://host:port"), "{stderr}");
}
