//! Environment variables: from `hookd env` into the functions, and never out again when they are secret.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::harness::{Server, assert_refused, module};

/// What a function of `version-probe` answers.
fn invoke(server: &Server, function: &str, params: &Value, staging: bool) -> Value {
    let path = server.data().join("probe.json");
    std::fs::write(&path, params.to_string()).unwrap();
    let mut arguments = vec!["invoke", function, "--params", path.to_str().unwrap()];
    arguments.extend(staging.then_some("--staging"));
    serde_json::from_str(&server.hookd_ok(&arguments)).unwrap()
}

fn variable(server: &Server, name: &str) -> Value {
    invoke(server, "variable", &json!({"name": name}), false)
}

#[test]
fn functions_read_what_is_set_at_once() {
    let mut server = Server::with_module("version-probe");
    assert_eq!(variable(&server, "MODE"), Value::Null);
    let text = server.hookd_ok(&["env", "set", "MODE=strict", "URL=https://a.example/?x=1 2"]);
    assert!(text.contains("Version 2 is live in production"), "{text}");
    assert_eq!(variable(&server, "MODE"), "strict");
    assert_eq!(variable(&server, "URL"), "https://a.example/?x=1 2");
    server.hookd_ok(&["env", "set", "MODE", "mild"]);
    assert_eq!(variable(&server, "MODE"), "mild");
    server.kill();
    server.start_again();
    assert_eq!(variable(&server, "MODE"), "mild");
    server.hookd_ok(&["env", "unset", "MODE", "URL"]);
    assert_eq!(variable(&server, "MODE"), Value::Null);
    assert_eq!(server.hookd_ok(&["env", "list"]), "");

    server.hookd_ok(&["rollback"]);
    assert_eq!(variable(&server, "MODE"), "mild", "a version comes back with its variables");
    let listed = server.hookd(&["env", "list"]);
    let note = String::from_utf8(listed.stderr).unwrap();
    assert!(note.contains("production") && note.contains("MODE, URL"), "{note}");
}

#[test]
fn functions_learn_their_app_from_the_platform() {
    let server = Server::with_module("version-probe");
    server.deploy("version-probe");
    server.hookd_ok(&["deploy", module("version-probe").to_str().unwrap()]);
    let all = |staging: bool| -> Vec<(String, String)> {
        serde_json::from_value(invoke(&server, "variables", &json!({}), staging)).unwrap()
    };
    let own = |name: &str| server.connection()[name].as_str().unwrap().to_owned();
    let production = all(false);
    let value = |all: &[(String, String)], name: &str| {
        let found: Vec<_> = all.iter().filter(|(candidate, _)| candidate == name).collect();
        assert!(found.len() < 2, "{name} is there twice");
        found.first().map(|(_, value)| value.clone())
    };
    for (name, expected) in [
        ("LEANCLOUD_APP_ID", own("app_id")),
        ("LEANCLOUD_APP_KEY", own("app_key")),
        ("LEANCLOUD_APP_MASTER_KEY", own("master_key")),
        ("LEANCLOUD_APP_HOOK_KEY", own("hook_key")),
        ("LEANCLOUD_APP_ENV", "production".to_owned()),
        ("LEANCLOUD_VERSION_TAG", "2".to_owned()),
        ("LC_APP_ID", own("app_id")),
        ("NODE_ENV", "production".to_owned()),
    ] {
        assert_eq!(value(&production, name), Some(expected), "{name}");
    }
    let staging = all(true);
    assert_eq!(value(&staging, "LEANCLOUD_APP_ENV").as_deref(), Some("stage"));
    assert_eq!(value(&staging, "LEANCLOUD_VERSION_TAG").as_deref(), Some("3"));
    assert_eq!(value(&staging, "NODE_ENV"), None);
    // Nothing of the process that the engine runs in.
    assert_eq!(value(&production, "PATH"), None);

    server.hookd_ok(&["env", "set", "NODE_ENV=test"]);
    assert_eq!(value(&all(false), "NODE_ENV").as_deref(), Some("test"));
    let keys: Value =
        serde_json::from_str(&server.hookd_ok(&["apps", "rotate-key", "demo", "--key", "hook", "--json"])).unwrap();
    assert_eq!(value(&all(false), "LEANCLOUD_APP_HOOK_KEY").as_deref(), keys["hook_key"].as_str());
}

#[test]
fn a_secret_is_shown_to_functions_only() {
    const SECRET: &str = "hunter2-the-secret";
    let mut server = Server::with_module("version-probe");
    let mut setting = server.hookd_piped(&["env", "set", "--secret", "TOKEN"]);
    setting.stdin.take().unwrap().write_all(format!("{SECRET}\n").as_bytes()).unwrap();
    assert!(setting.wait().unwrap().success());
    server.hookd_ok(&["env", "set", "OPEN=seen"]);
    assert_eq!(variable(&server, "TOKEN"), SECRET);
    let listed = server.hookd_ok(&["env", "list"]);
    assert_eq!(listed, "OPEN=seen\nTOKEN=<secret>\n");
    server.hookd_ok(&["rollback"]);
    for arguments in [
        ["env", "list", "--json"].as_slice(),
        &["releases", "--json"],
        &["releases", "show", "3"],
        &["releases", "show", "3", "--json"],
        &["logs", "--json"],
        &["settings", "--json"],
        &["env", "set", "OTHER=1", "--json"],
    ] {
        assert!(!server.hookd_ok(arguments).contains(SECRET), "{arguments:?}");
    }
    server.kill();
    assert!(!server.log().contains(SECRET));
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(server.data().join("engine")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not look into {:?}", entry.path());
    }
}

/// F-44: more likely a file that is empty than a wish for an empty value.
#[test]
fn an_empty_input_is_no_value() {
    let server = Server::with_module("version-probe");
    for (arguments, input) in [
        (&["env", "set", "--secret", "TOKEN"][..], ""),
        (&["env", "set", "--secret", "TOKEN"], "\n"),
        (&["env", "set", "TOKEN"], "\r\n"),
    ] {
        let mut setting = server.hookd_piped(arguments);
        setting.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = setting.wait_with_output().unwrap();
        assert_refused(&output, &["TOKEN", "hookd env set TOKEN=", "hookd env unset TOKEN"]);
    }
    assert_eq!(variable(&server, "TOKEN"), Value::Null);
    server.hookd_ok(&["env", "set", "--secret", "TOKEN="]);
    assert_eq!(variable(&server, "TOKEN"), "");
    server.hookd_ok(&["env", "set", "MODE", ""]);
    assert_eq!(variable(&server, "MODE"), "");
}

#[test]
fn a_shell_gets_what_functions_read() {
    let server = Server::start_with(&["--api-server", "https://api.example/"]);
    server.deploy("version-probe");
    server.hookd_ok(&["env", "set", "QUOTED=it's \"a\" $b"]);
    server.hookd_ok(&["env", "set", "TOKEN=hunter2", "--secret"]);
    assert_eq!(variable(&server, "LEANCLOUD_API_SERVER"), "https://api.example");
    assert_eq!(variable(&server, "LC_API_SERVER"), "https://api.example");

    let of_shell = |arguments: &[&str]| {
        let assignments = server.hookd_ok(arguments);
        let script = format!("{assignments}\nenv");
        let output = std::process::Command::new("sh").env_clear().args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{assignments}");
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = of_shell(&["env"]);
    let has = |all: &str, line: &str| all.lines().any(|present| present == line);
    for line in [
        "LEANCLOUD_APP_ID=demo",
        "LEANCLOUD_APP_ENV=production",
        "LEANCLOUD_API_SERVER=https://api.example",
        "LEANCLOUD_VERSION_TAG=3",
        "QUOTED=it's \"a\" $b",
    ] {
        assert!(has(&plain, line), "{line} is not in {plain}");
    }
    let keys = ["app_key", "master_key", "hook_key"].map(|name| server.key(name).to_owned());
    assert!(!plain.contains("hunter2") && !keys.iter().any(|key| plain.contains(key.as_str())), "{plain}");

    let with_keys = of_shell(&["env", "--keys", "--staging"]);
    assert!(keys.iter().all(|key| with_keys.contains(key.as_str())), "{with_keys}");
    assert!(has(&with_keys, "LEANCLOUD_APP_ENV=stage") && !with_keys.contains("hunter2"), "{with_keys}");
    let json: Value = serde_json::from_str(&server.hookd_ok(&["env", "--json"])).unwrap();
    assert!(json.as_array().unwrap().contains(&json!({"name": "TOKEN", "secret": true, "value": null})));
}

#[test]
fn the_api_server_is_the_public_url_unless_another_is_named() {
    let place = |flags: &[&str]| {
        let server = Server::start_as_with(crate::harness::Shape::OneProcess, flags);
        server.deploy("version-probe");
        variable(&server, "LEANCLOUD_API_SERVER")
    };
    assert_eq!(place(&[]), Value::Null);
    assert_eq!(place(&["--public-url", "https://chat.example"]), "https://chat.example");
}

#[test]
fn variables_that_break_a_rule_are_refused_with_the_reason() {
    let server = Server::with_module("version-probe");
    assert_refused(&server.hookd(&["env", "set", "LEANCLOUD_APP_ID=x"]), &["LEANCLOUD_APP_ID", "hookd's own"]);
    assert_refused(&server.hookd(&["env", "set", "A-B=x"]), &["A-B", "letters"]);
    assert_refused(&server.hookd(&["env", "unset", "ABSENT"]), &["ABSENT", "is not set"]);
    assert_refused(&server.hookd(&["env", "set", "GOOD=1", "BAD"]), &["BAD", "NAME=VALUE"]);
    let long = format!("LONG={}", "x".repeat(40_000));
    assert_refused(&server.hookd(&["env", "set", "GOOD=1", &long]), &["LONG", "32768"]);
    assert_eq!(server.hookd_ok(&["env", "list"]), "", "refused as a whole");
    assert_eq!(server.hookd_ok(&["releases", "--json"]).lines().count(), 1);
}
