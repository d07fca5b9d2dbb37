//! No way from one app to another: control calls, IM, metrics, and the machine's time.

use std::path::Path;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, http_client, module};

/// The app that attacks; `demo` is its neighbour.
const OTHER: &str = "shop";

/// Every control call, with a body that makes it succeed for a caller with the right key. A call that the server lists
/// and this table lacks fails the test.
fn known_calls() -> Vec<(&'static str, &'static str, &'static str, Body)> {
    use Body::{Json, Module, Nothing};
    vec![
        ("GET", "/metrics", "", Nothing),
        ("GET", "/hookd/v1/apps", "", Nothing),
        ("GET", "/hookd/v1/directory", "?follower=test", Nothing),
        ("GET", "/hookd/v1/stats", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/stats", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/breakers", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/check", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/logs", "?limit=10", Nothing),
        ("GET", "/hookd/v1/apps/{app}/settings", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/env", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/env/seen", "?keys=true", Nothing),
        ("GET", "/hookd/v1/apps/{app}/releases", "", Nothing),
        ("GET", "/hookd/v1/apps/{app}/versions/{number}", "", Nothing),
        ("PATCH", "/hookd/v1/apps/{app}/settings", "", Json(json!({"limits": {"concurrency": 9}}))),
        ("PATCH", "/hookd/v1/apps/{app}/env", "", Json(json!({"set": {"STOLEN": {"value": "1"}}}))),
        ("POST", "/hookd/v1/apps/{app}/deployments", "?environment=staging", Module),
        ("GET", "/hookd/v1/apps/{app}/dead-letters", "?limit=10", Nothing),
        ("POST", "/hookd/v1/apps/{app}/dead-letters/retry", "", Json(json!({"all": true}))),
        ("POST", "/hookd/v1/apps/{app}/dead-letters/drop", "", Json(json!({"all": true}))),
        ("GET", "/hookd/v1/apps/{app}/service-conversations", "?limit=10", Nothing),
        ("POST", "/hookd/v1/apps/{app}/service-conversations", "", Json(json!({"name": "stolen"}))),
        ("GET", "/hookd/v1/apps/{app}/service-conversations/{service}/subscribers", "?limit=10", Nothing),
        (
            "POST",
            "/hookd/v1/apps/{app}/service-conversations/{service}/messages",
            "",
            Json(json!({"from_client": "News", "message": "stolen", "to_subscribers": true})),
        ),
        ("GET", "/hookd/v1/apps/{app}/bans", "?limit=10", Nothing),
        ("POST", "/hookd/v1/apps/{app}/bans", "", Json(json!({"client": "tom"}))),
        ("DELETE", "/hookd/v1/apps/{app}/bans", "?client=tom", Nothing),
        ("POST", "/hookd/v1/apps/{app}/cache", "", Json(json!({"commands": [["SET", "stolen", "1"]]}))),
        ("POST", "/hookd/v1/apps/{app}/publish", "", Nothing),
        ("POST", "/hookd/v1/apps/{app}/rollback", "", Json(json!({"version": 1}))),
        ("POST", "/hookd/v1/apps/{app}/keys/{key}", "", Nothing),
        ("POST", "/hookd/v1/apps", "", Json(json!({"id": "third"}))),
        ("DELETE", "/hookd/v1/apps/{app}", "", Nothing),
        ("DELETE", "/hookd/v1/lost-apps/{app}", "", Nothing),
    ]
}

enum Body {
    Nothing,
    Json(Value),
    Module,
}

struct Attacker {
    master_key: String,
    app_key: String,
    hook_key: String,
}

fn create_other(server: &Server) -> Attacker {
    let keys: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", OTHER, "--json"])).unwrap();
    let key = |name: &str| keys[name].as_str().unwrap().to_owned();
    Attacker { master_key: key("master_key"), app_key: key("app_key"), hook_key: key("hook_key") }
}

fn client() -> Client {
    http_client().build().unwrap()
}

async fn send(
    server: &Server,
    service: &str,
    call: &(&str, &str, &str, Body),
    headers: &[(&str, String)],
) -> StatusCode {
    let (method, path, query, body) = call;
    let path = path.replace("{app}", "demo").replace("{key}", "app").replace("{number}", "1");
    let path = path.replace("{service}", service);
    let mut request = client().request(Method::from_bytes(method.as_bytes()).unwrap(), server.url(&(path + query)));
    request = match body {
        Body::Nothing => request,
        Body::Json(body) => request.json(body),
        Body::Module => request.body(std::fs::read(module("audit-log")).unwrap()),
    };
    request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let response = request.send().await.unwrap();
    let status = response.status();
    // To the end: a deployment answers before it is done.
    response.bytes().await.unwrap();
    status
}

fn everything_about_demo(server: &Server) -> Vec<String> {
    let commands: [&[&str]; 5] = [
        &["releases", "--json"],
        &["settings", "--json"],
        &["env", "list", "--json"],
        &["apps", "list", "--json"],
        &["service", "list", "--json"],
    ];
    commands.iter().map(|command| server.hookd_ok(command)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_call_takes_a_foreign_key() {
    let server = Server::with_module("word-filter");
    server.hookd_ok(&["env", "set", "--secret", "TOKEN", "demo-secret"]);
    let service = server.hookd_ok(&["service", "create", "news"]);
    let service = service.trim();
    let other = create_other(&server);
    let listed: Vec<Value> =
        client().get(server.url("/hookd/v1")).send().await.unwrap().json().await.expect("the list of calls");
    let known = known_calls();
    for route in &listed {
        let is_known = known.iter().any(|(method, path, ..)| route["method"] == *method && route["path"] == *path);
        assert!(is_known, "{route} is served, and no test tries it with foreign keys: add it to `known_calls`");
    }
    // `/metrics` is not a control call.
    assert_eq!(listed.len() + 1, known.len(), "a call of the table is not served any more");

    let before = everything_about_demo(&server);
    let header = |name: &'static str, value: &str| (name, value.to_owned());
    let master = |key: &str| vec![header("x-lc-id", "demo"), header("x-lc-key", &format!("{key},master"))];
    let mut own_app_key = master(server.key("app_key"));
    own_app_key[1].1 = server.key("app_key").to_owned();
    let attempts = [
        ("no key", Vec::new()),
        ("the other app's master key", master(&other.master_key)),
        ("the other app's master key with its own id", {
            let mut headers = master(&other.master_key);
            headers[0].1 = OTHER.to_owned();
            headers
        }),
        ("the other app's app key", master(&other.app_key)),
        ("the other app's hook key", {
            let mut headers = master(&other.hook_key);
            headers.push(header("x-lc-hook-key", &other.hook_key));
            headers
        }),
        ("the other app's master key as the admin key", vec![header("x-hookd-admin-key", &other.master_key)]),
        ("its bearer token", vec![header("authorization", &format!("Bearer {}", other.master_key))]),
        ("the app key of the app itself", own_app_key),
        ("its app key as a master key", master(server.key("app_key"))),
        ("its hook key as a master key", master(server.key("hook_key"))),
        ("an empty master key", master("")),
    ];
    for call in &known {
        for (what, headers) in &attempts {
            let status = send(&server, service, call, headers).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {} with {what}", call.0, call.1);
        }
    }
    // The operator's calls are closed to owners too.
    for call in known.iter().filter(|(_, path, ..)| !path.contains("{app}/") && *path != "/hookd/v1/apps/{app}") {
        let status = send(&server, service, call, &master(server.key("master_key"))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(everything_about_demo(&server), before, "a refused call left a trace");

    // The same calls with the right keys succeed: it was the key that they were refused for.
    let mut right = master(server.key("master_key"));
    right.push(header("x-hookd-admin-key", server.key("admin_key")));
    for call in &known {
        let status = send(&server, service, call, &right).await;
        assert!(status.is_success(), "{} {}: {status}", call.0, call.1);
    }
}

#[test]
fn a_log_in_an_app_reaches_nothing_of_another() {
    let mut server = Server::with_module("word-filter");
    let other = create_other(&server);
    server.play_with("other_app", &[OTHER, &other.app_key]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_see_the_variables_and_keys_of_their_own_app_only() {
    let server = Server::with_module("version-probe");
    let other = create_other(&server);
    server.hookd_ok(&["env", "set", "MINE=demo-value"]);
    let of_other = ["--app", OTHER, "--master-key", &other.master_key];
    let probe = module("version-probe");
    server.hookd_ok(&[&["deploy", probe.to_str().unwrap(), "--prod"], &of_other[..]].concat());
    let seen = server.hookd_ok(&[&["invoke", "variables"], &of_other[..]].concat());
    assert!(seen.contains(&other.master_key), "{seen}");
    for foreign in ["demo-value", server.key("master_key"), server.key("hook_key"), server.key("app_key")] {
        assert!(!seen.contains(foreign), "`{foreign}` of demo is in {seen}");
    }
    assert_eq!(server.hookd_ok(&[&["env", "list"], &of_other[..]].concat()), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_at_its_limits_takes_no_call_from_another() {
    let server = Server::with_module("word-filter");
    let other = create_other(&server);
    deploy_endless(&server, &other, &module("infinite-loop"));
    let call = async |id: &str, master_key: &str, hook_key: &str| {
        let request = client().post(server.url("/1.1/functions/_messageReceived")).header("x-lc-id", id);
        let request = request.header("x-lc-key", format!("{master_key},master")).header("x-lc-hook-key", hook_key);
        let request = request.header("content-type", "application/json").body(crate::harness::MESSAGE);
        request.send().await.unwrap()
    };
    let endless = || call(OTHER, &other.master_key, &other.hook_key);
    // 16 run, 16 wait, and the rest is refused at once, which shows that all places are taken.
    let mut flood: futures::stream::FuturesUnordered<_> = (0..40).map(|_| endless()).collect();
    let neighbour = async {
        let mut answers = Vec::new();
        for _ in 0..50 {
            let answer = call("demo", server.key("master_key"), server.key("hook_key")).await;
            let status = answer.status();
            answers.push((status, answer.text().await.unwrap()));
        }
        answers
    };
    use futures::StreamExt as _;
    let mut refused = 0;
    while refused < 8 {
        let answer = flood.next().await.expect("calls that were refused");
        refused += usize::from(answer.headers().get("x-hookd-outcome").is_some_and(|outcome| outcome == "overloaded"));
    }
    for (status, body) in neighbour.await {
        assert_eq!(status, StatusCode::OK, "a neighbour's call suffered: {body}");
        assert!(body.contains("Holy **!"), "{body}");
    }
    while let Some(answer) = flood.next().await {
        assert_ne!(answer.status(), StatusCode::OK);
    }
}

fn deploy_endless(server: &Server, other: &Attacker, endless: &Path) {
    let keys = ["--app", OTHER, "--master-key", &other.master_key];
    let limits = ["settings", "--limit", "concurrency=16", "--limit", "queue=16", "--limit", "deadline_ms=8s"];
    server.hookd_ok(&[&limits[..], &keys].concat());
    server.hookd_ok(&[&["deploy", endless.to_str().unwrap(), "--prod"], &keys[..]].concat());
}
