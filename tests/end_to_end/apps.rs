//! Several apps in one installation, and nothing that leads from one to another.

use serde_json::Value;

use crate::harness::{MESSAGE, Server, assert_refused, code, http_client, module, numbered_probe};

/// A second app beside the first one of the installation.
struct OtherApp {
    master_key: String,
    hook_key: String,
}

const OTHER: &str = "shop";

fn create(server: &Server) -> OtherApp {
    let keys: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", OTHER, "--json"])).unwrap();
    let key = |name: &str| keys[name].as_str().unwrap().to_owned();
    OtherApp { master_key: key("master_key"), hook_key: key("hook_key") }
}

fn with<'a>(arguments: &[&'a str], app: &'a str, master_key: &'a str) -> Vec<&'a str> {
    [arguments, &["--app", app, "--master-key", master_key]].concat()
}

#[test]
fn apps_are_created_listed_and_deleted() {
    let mut server = Server::start();
    let other = create(&server);
    assert_refused(&server.hookd(&["apps", "create", OTHER]), &[OTHER, "exists"]);
    assert_refused(&server.hookd(&["apps", "create", "a/b"]), &["a/b", "letters"]);
    let listed = server.hookd_ok(&["apps", "list", "--json"]);
    let ids: Vec<Value> =
        listed.lines().map(|app| serde_json::from_str::<Value>(app).unwrap()["app_id"].clone()).collect();
    assert_eq!(ids, ["demo", OTHER]);
    assert!(!listed.contains(&other.master_key), "a list must not show secrets");

    server.kill();
    server.start_again();
    server.hookd_ok(&with(&["settings"], OTHER, &other.master_key));
    server.hookd_ok(&["apps", "delete", OTHER]);
    assert_refused(&server.hookd(&with(&["settings"], OTHER, &other.master_key)), &[OTHER, "keys"]);
    assert_refused(&server.hookd(&["apps", "delete", OTHER]), &[OTHER, "does not exist"]);
    // What its users wrote must not fall into other hands.
    assert_refused(&server.hookd(&["apps", "create", OTHER]), &[OTHER, "deleted"]);
    assert_refused(&server.hookd(&["apps", "delete", "demo"]), &["demo", "the only app"]);
    server.kill();
    server.start_again();
    assert_eq!(server.hookd_ok(&["apps", "list"]).lines().count(), 1);
}

/// S-154, P-116, P-117.
#[test]
fn a_profile_is_what_the_settings_of_an_app_begin_with() {
    let mut server = Server::start();
    let settings = |server: &Server, app: &[&str]| -> Value {
        serde_json::from_str(&server.hookd_ok(&[&["settings", "--json"], app].concat())).unwrap()
    };
    let shown = |settings: &Value| {
        let names = ["client_sends_per_minute", "client_history_queries_per_minute", "client_operations_per_minute"];
        let limits = names.map(|name| settings[name].as_u64().unwrap());
        (limits, settings["message_edit"].as_bool().unwrap())
    };
    let (strict, free) = (([60, 120, 30], false), ([0, 0, 0], true));
    assert_eq!(shown(&settings(&server, &[])), free, "the first app is for trying things out");
    let mut keys = Vec::new();
    for (id, profile) in [("plain", None), ("strict", Some("leancloud")), ("free", Some("open"))] {
        let profile: Vec<_> = profile.into_iter().flat_map(|profile| ["--profile", profile]).collect();
        let created = server.hookd_ok(&[&["apps", "create", id, "--json"], &profile[..]].concat());
        let created: Value = serde_json::from_str(&created).unwrap();
        keys.push((id, created["master_key"].as_str().unwrap().to_owned()));
    }
    assert_refused(
        &server.hookd(&["apps", "create", "other", "--profile", "closed"]),
        &["closed", "leancloud", "open"],
    );
    let of = |number: usize| ["--app", keys[number].0, "--master-key", &keys[number].1];
    for (number, expected) in [strict, strict, free].into_iter().enumerate() {
        assert_eq!(shown(&settings(&server, &of(number))), expected);
    }
    // Only a beginning: what is changed stays, and the rest with it.
    let change = ["settings", "--client-sends-per-minute", "0", "--client-rate-overflow", "error"];
    server.hookd_ok(&[&change[..], &of(0)].concat());
    server.kill();
    server.start_again();
    assert_eq!(shown(&settings(&server, &of(0))), ([0, 120, 30], false));
    assert_eq!(shown(&settings(&server, &of(1))), strict);
    assert_eq!(shown(&settings(&server, &of(2))), free);
    let beyond = ["settings", "--client-operations-per-minute", "10000001"];
    assert_refused(&server.hookd(&beyond), &["client_operations_per_minute", "10000000"]);
}

#[test]
fn an_app_that_moves_here_keeps_its_id_and_its_keys() {
    const ID: &str = "k2XyWv9Qm4TzR8-gzGzoHsz";
    const APP_KEY: &str = "qW3eRt5yUi7oP9aSd1fGh2jK";
    const MASTER_KEY: &str = "zX4cVb6nMl8kJh2gFd5sAp0o";
    let mut server = Server::with_module("word-filter");
    let file = server.data().join("keys.json");
    std::fs::write(&file, format!(r#"{{"app_key": "{APP_KEY}", "master_key": "{MASTER_KEY}"}}"#)).unwrap();
    let create = ["apps", "create", ID, "--keys", file.to_str().unwrap(), "--json"];
    let created: Value = serde_json::from_str(&server.hookd_ok(&create)).unwrap();
    assert_eq!((&created["app_key"], &created["master_key"]), (&APP_KEY.into(), &MASTER_KEY.into()));
    assert_ne!(created["hook_key"], "", "a key that was not given is generated");

    server.kill();
    server.start_again();
    server.hookd_ok(&with(&["settings"], ID, MASTER_KEY));
    server.play_with("other_app", &[ID, APP_KEY]);

    std::fs::write(&file, r#"{"app_key": "short"}"#).unwrap();
    let create = ["apps", "create", "third", "--keys", file.to_str().unwrap()];
    assert_refused(&server.hookd(&create), &["app key", "8 to 128"]);
    std::fs::write(&file, r#"{"appKey": "qW3eRt5yUi7oP9aSd1fGh2jK"}"#).unwrap();
    assert_refused(&server.hookd(&create), &["appKey", "app_key"]);
}

/// F-34.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_races_with_the_deletion_of_its_app_says_so() {
    let server = Server::start();
    let client = http_client().build().unwrap();
    let mut lost_races = 0;
    for round in 0..20 {
        let name = format!("shop-{round}");
        let created: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", &name, "--json"])).unwrap();
        let path = server.url(&format!("/hookd/v1/apps/{name}"));
        let deploying = client
            .post(format!("{path}/deployments?environment=production"))
            .header("x-lc-key", format!("{},master", created["master_key"].as_str().unwrap()))
            .body(numbered_probe(round));
        let mut answer = deploying.send().await.unwrap();
        let mut text = answer.chunk().await.unwrap().expect("a first step").to_vec();
        let deleted = client.delete(path).header("x-hookd-admin-key", server.key("admin_key")).send().await.unwrap();
        assert_eq!(deleted.status(), 200);
        while let Some(more) = answer.chunk().await.unwrap() {
            text.extend_from_slice(&more);
        }
        let text = String::from_utf8(text).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        if last["event"] != "released" {
            let told = format!("the app `{name}` was deleted meanwhile; nothing was changed");
            assert_eq!(last, serde_json::json!({"event": "failed", "error": told}));
            lost_races += 1;
        }
    }
    assert_ne!(lost_races, 0, "every deletion came too late");
    assert!(!server.log().contains("a deployment failed"), "a lost race is not logged as a failure");
}

#[test]
fn sessions_of_a_deleted_app_are_closed() {
    let mut server = Server::start();
    create(&server);
    server.play_with("deleted_app", &[OTHER]);
}

#[test]
fn commands_without_a_name_mean_an_app_that_exists() {
    let server = Server::start();
    create(&server);
    server.hookd_ok(&["apps", "delete", "demo"]);
    server.hookd_ok(&["settings"]);
}

#[test]
fn apps_need_the_admin_key() {
    let server = Server::start();
    create(&server);
    for arguments in [vec!["list"], vec!["create", "more"], vec!["delete", OTHER]] {
        let all = [vec!["apps"], arguments, vec!["--admin-key", "wrong-key"]].concat();
        assert_refused(&server.hookd(&all), &["admin key", "connection.json"]);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let output = server.hookd(&["apps", "list", "--data", elsewhere.path().to_str().unwrap()]);
    assert_refused(&output, &["--url", "hookd up"]);
}

#[test]
fn a_rotated_key_replaces_the_old_one() {
    let mut server = Server::with_module("word-filter");
    let other = create(&server);
    let rotate = ["apps", "rotate-key", OTHER, "--key", "master", "--json", "--master-key", &other.master_key];
    let keys: Value = serde_json::from_str(&server.hookd_ok(&rotate)).unwrap();
    let fresh = keys["master_key"].as_str().unwrap();
    assert_ne!(fresh, other.master_key);
    assert_eq!(keys["hook_key"], other.hook_key);
    assert_refused(&server.hookd(&with(&["settings"], OTHER, &other.master_key)), &[OTHER]);
    server.hookd_ok(&with(&["settings"], OTHER, fresh));
    assert_refused(&server.hookd(&rotate), &["master key", "--admin-key"]);
    assert_refused(&server.hookd(&["apps", "rotate-key", "nobody", "--key", "app"]), &["nobody"]);

    // Of the app that client commands mean: they go on, and what is live stays live.
    for key in ["app", "master", "hook"] {
        server.hookd_ok(&["apps", "rotate-key", "demo", "--key", key]);
    }
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    server.hookd_ok(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    let old = server.connection()["master_key"].as_str().unwrap().to_owned();
    assert_refused(&server.hookd(&["settings", "--master-key", &old]), &["demo"]);
    server.kill();
    server.start_with_new_keys();
    server.hookd_ok(&with(&["settings"], OTHER, fresh));
    assert_ne!(server.connection()["master_key"], old);
}

#[test]
fn no_command_reaches_another_app() {
    let server = Server::with_module("audit-log");
    let other = create(&server);
    let module = module("word-filter");
    let module = module.to_str().unwrap();
    let before = server.hookd_ok(&["releases", "--json"]);
    for arguments in [
        vec!["deploy", module, "--prod"],
        vec!["publish"],
        vec!["rollback", "1"],
        vec!["releases"],
        vec!["invoke", "_messageSent"],
        vec!["settings"],
        vec!["settings", "--limit", "concurrency=1"],
        vec!["logs"],
        vec!["apps", "rotate-key", "demo", "--key", "app", "--master-key", &other.master_key],
    ] {
        let all = match arguments[0] {
            "apps" => arguments.clone(),
            _ => with(&arguments, "demo", &other.master_key),
        };
        let output = server.hookd(&all);
        assert_eq!(code(&output), 1, "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(server.hookd_ok(&["releases", "--json"]), before);
    assert!(server.hookd_ok(&["settings"]).contains("limits.concurrency = 64"));
}

#[test]
fn actions_of_an_app_are_not_seen_in_another() {
    let server = Server::with_module("audit-log");
    let other = create(&server);
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let _ = server.hookd(&["invoke", "_messageSent", "--params", params.to_str().unwrap()]);
    server.hookd_ok(&["settings", "--on-hook-failure", "abort", "--limit", "concurrency=2"]);
    let of_other = |arguments: &[&str]| server.hookd_ok(&with(arguments, OTHER, &other.master_key));
    assert_eq!(of_other(&["logs", "--json"]), "");
    assert_eq!(of_other(&["releases", "--json"]), "");
    let settings: Value = serde_json::from_str(&of_other(&["settings", "--json"])).unwrap();
    assert_eq!(settings["on_hook_failure"], "ignore");
    assert_eq!(settings["limits"]["concurrency"], 64);
    let module = module("word-filter");
    let release: Value =
        serde_json::from_str(&of_other(&["deploy", module.to_str().unwrap(), "--prod", "--json"])).unwrap();
    assert_eq!(release["version"], 1, "versions are counted per app");
    assert!(server.hookd_ok(&["releases"]).contains("_messageSent"));
}

#[tokio::test]
async fn keys_of_an_app_call_nothing_of_another_over_the_rpc() {
    let server = Server::with_module("word-filter");
    let other = create(&server);
    let url = format!("{}/1.1/functions/_messageReceived", server.connection()["url"].as_str().unwrap());
    let client = http_client().build().unwrap();
    let call = async |id: &str, master_key: &str, hook_key: &str| {
        let request = client.post(&url).header("x-lc-id", id).header("x-lc-key", format!("{master_key},master"));
        let request = request.header("x-lc-hook-key", hook_key).header("content-type", "application/json");
        request.body(MESSAGE).send().await.unwrap().status().as_u16()
    };
    let own = |name: &str| server.connection()[name].as_str().unwrap().to_owned();
    assert_eq!(call("demo", &own("master_key"), &own("hook_key")).await, 200);
    assert_eq!(call("demo", &other.master_key, &other.hook_key).await, 401);
    assert_eq!(call("demo", &own("master_key"), &other.hook_key).await, 401);
    assert_eq!(call(OTHER, &own("master_key"), &own("hook_key")).await, 401);
    assert_eq!(call(OTHER, &other.master_key, &other.hook_key).await, 404);
}
