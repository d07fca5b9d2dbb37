//! What the control API answers to calls that are wrong: always JSON with `code` and `error`, which names what is at fault.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, http_client, module};

/// Wrong calls to app `demo`, and what the error names.
const WRONG: [(&str, &str, &str, &str); 34] = [
    ("POST", "/hookd/v1/apps", r#"{"id": 5}"#, "`id`"),
    ("POST", "/hookd/v1/apps", r#"{"id": "a", "app_kee": "b"}"#, "app_kee"),
    ("POST", "/hookd/v1/apps", "{}", "`id`"),
    ("POST", "/hookd/v1/apps", "", "not JSON"),
    ("POST", "/hookd/v1/apps", r#"{"id": "a"} more"#, "not JSON"),
    ("PATCH", "/hookd/v1/apps/demo/settings", "[1]", "map"),
    ("PATCH", "/hookd/v1/apps/demo/settings", r#"{"limits": {"queue": "many"}}"#, "`limits.queue`"),
    ("PATCH", "/hookd/v1/apps/demo/settings", r#"{"limits": 5}"#, "`limits`"),
    ("PATCH", "/hookd/v1/apps/demo/settings", r#"{"blocking_hook_timeout_ms": "soon"}"#, "`blocking_hook_timeout_ms`"),
    ("PATCH", "/hookd/v1/apps/demo/settings", r#"{"hook_timeouts_ms": {"_messageSent": []}}"#, "_messageSent"),
    ("PATCH", "/hookd/v1/apps/demo/env", r#"{"set": {"A": {"value": 1}}}"#, "`set.A.value`"),
    ("PATCH", "/hookd/v1/apps/demo/env", r#"{"set": {"A": "1"}}"#, "`set.A`"),
    ("POST", "/hookd/v1/apps/demo/cache", r#"{"commands": [["GET", 1]]}"#, "`commands[0][1]`"),
    ("POST", "/hookd/v1/apps/demo/cache", r#"{"commands": "GET"}"#, "`commands`"),
    ("POST", "/hookd/v1/apps/demo/rollback", r#"{"version": "one"}"#, "`version`"),
    ("POST", "/hookd/v1/apps/demo/rollback", "{", "not JSON"),
    ("POST", "/hookd/v1/apps/demo/dead-letters/retry", r#"{"ids": "all"}"#, "`ids`"),
    ("POST", "/hookd/v1/apps/demo/dead-letters/drop", r#"{"everything": true}"#, "everything"),
    ("POST", "/hookd/v1/apps/demo/keys/mistress", "", "`mistress`"),
    ("POST", "/hookd/v1/apps/demo/deployments?environment=moon", "", "moon"),
    ("POST", "/hookd/v1/apps/demo/deployments", "", "environment"),
    ("GET", "/hookd/v1/apps/demo/dead-letters?limit=x", "", "limit"),
    ("GET", "/hookd/v1/apps/demo/releases?limit=x", "", "limit"),
    ("GET", "/hookd/v1/apps/demo/logs?colour=red", "", "colour"),
    ("GET", "/hookd/v1/apps/demo/env/seen?environment=moon", "", "moon"),
    ("GET", "/hookd/v1/apps/demo/env/seen?keys=maybe", "", "keys"),
    ("GET", "/hookd/v1/apps/demo/versions/one", "", "`one`"),
    ("POST", "/hookd/v1/apps/demo/service-conversations", r#"["news"]"#, "map"),
    ("GET", "/hookd/v1/apps/demo/service-conversations?limit=x", "", "limit"),
    ("GET", "/hookd/v1/apps/demo/service-conversations/none/subscribers?limit=1", "", "4303"),
    ("GET", "/hookd/v1/apps/demo/service-conversations/none/subscribers", "", "limit"),
    (
        "POST",
        "/hookd/v1/apps/demo/service-conversations/none/messages",
        r#"{"from_client": "a", "message": 1}"#,
        "`message`",
    ),
    (
        "POST",
        "/hookd/v1/apps/demo/service-conversations/none/messages",
        r#"{"from_client": "a", "message": "b"}"#,
        "`to_clients`",
    ),
    ("GET", "/hookd/v1/directory", "", "follower"),
];

struct Operator<'a> {
    server: &'a Server,
    client: Client,
}

impl<'a> Operator<'a> {
    fn of(server: &'a Server) -> Self {
        Self { server, client: http_client().build().unwrap() }
    }

    /// With every key that there is.
    fn call(&self, method: &str, path: &str) -> RequestBuilder {
        let request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), self.server.url(path));
        request
            .header("x-lc-key", format!("{},master", self.server.key("master_key")))
            .header("x-hookd-admin-key", self.server.key("admin_key"))
    }
}

/// The error text of an answer that must be a refusal.
#[track_caller]
fn refusal(what: &str, status: StatusCode, body: &str) -> String {
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{what} answers {status} with `{body}`"));
    assert!(status.is_client_error(), "{what} answers {status}: {body}");
    assert_eq!(answer["code"], json!(status.as_u16()), "{what}");
    answer["error"].as_str().unwrap_or_else(|| panic!("{what} has no error: {body}")).to_owned()
}

async fn refused(what: &str, request: RequestBuilder) -> (StatusCode, String) {
    let response = request.send().await.unwrap();
    let (status, body) = (response.status(), response.text().await.unwrap());
    (status, refusal(what, status, &body))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fault_of_a_call_is_named() {
    let server = Server::start();
    let operator = Operator::of(&server);
    for (method, path, body, named) in WRONG {
        let what = format!("{method} {path} with `{body}`");
        let request = operator.call(method, path).header("content-type", "application/json").body(body);
        let (status, error) = refused(&what, request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {error}");
        assert!(error.contains(named), "{what} does not name `{named}`: {error}");
    }
    let too_large = operator
        .call("PATCH", "/hookd/v1/apps/demo/env")
        .header("content-type", "application/json")
        .body(vec![b' '; 3 << 20]);
    let (status, error) = refused("a body of 3 MiB", too_large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(error.contains("2097152"), "{error}");
}

/// What a browser sends to another site without asking it first, and what `curl -d` claims.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_say_that_it_is_json_is_refused() {
    let server = Server::start();
    let operator = Operator::of(&server);
    let bodies = [
        ("POST", "/hookd/v1/apps", r#"{"id": "other"}"#),
        ("PATCH", "/hookd/v1/apps/demo/env", r#"{"set": {"A": {"value": "1"}}}"#),
        ("PATCH", "/hookd/v1/apps/demo/settings", r#"{"on_hook_failure": "abort"}"#),
        ("POST", "/hookd/v1/apps/demo/rollback", r#"{"version": 1}"#),
        ("POST", "/hookd/v1/apps/demo/cache", r#"{"commands": [["SET", "a", "1"]]}"#),
        ("POST", "/hookd/v1/apps/demo/dead-letters/drop", r#"{"all": true}"#),
    ];
    let types =
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data; boundary=x")];
    for (method, path, body) in bodies {
        for claimed in types {
            let what = format!("{method} {path} as {claimed:?}");
            let request = operator.call(method, path).body(body);
            let request = claimed.into_iter().fold(request, |request, claimed| request.header("content-type", claimed));
            let (status, error) = refused(&what, request).await;
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{what}: {error}");
            assert!(error.contains("Content-Type: application/json"), "{what}: {error}");
        }
    }
    assert!(!server.hookd_ok(&["apps", "list"]).contains("other"));
    assert!(!server.hookd_ok(&["env", "list", "--json"]).contains(r#""A""#));
    let taken =
        operator.call("PATCH", "/hookd/v1/apps/demo/env").header("content-type", "Application/JSON; charset=utf-8");
    let taken = taken.body(r#"{"set": {"A": {"value": "1"}}}"#).send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);
}

/// Keys are in headers, so a page must ask with a preflight, and none is granted; and what a page may send without one has
/// no keys.
#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_may_call() {
    let server = Server::start();
    let operator = Operator::of(&server);
    let listed: Vec<Value> = operator.call("GET", "/hookd/v1").send().await.unwrap().json().await.unwrap();
    for route in &listed {
        let (method, path) =
            (route["method"].as_str().unwrap(), route["path"].as_str().unwrap().replace("{app}", "demo"));
        for key in ["x-lc-key", "x-hookd-admin-key"] {
            let preflight = operator.client.request(Method::OPTIONS, server.url(&path));
            let preflight = preflight
                .header("origin", "https://attacker.example")
                .header("access-control-request-method", method)
                .header("access-control-request-headers", key);
            let answer = preflight.send().await.unwrap();
            let granted: Vec<_> =
                answer.headers().keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
            assert!(!answer.status().is_success() && granted.is_empty(), "{method} {path}: {granted:?}");
        }
    }
    // With the keys where a form can put them.
    let key = server.key("master_key");
    let form = operator.client.post(server.url(&format!("/hookd/v1/apps/demo/publish?x-lc-key={key},master")));
    let form = form.header("origin", "https://attacker.example").header("cookie", format!("x-lc-key={key},master"));
    let (status, _) = refused("a form", form.body(format!("_MasterKey={key}"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_refuses_in_another_form() {
    let server = Server::start();
    let operator = Operator::of(&server);
    let listed: Vec<Value> = operator.call("GET", "/hookd/v1").send().await.unwrap().json().await.unwrap();
    let path_of = |route: &Value| {
        let path = route["path"].as_str().unwrap().replace("{app}", "demo");
        path.replace("{key}", "nonsense").replace("{number}", "nonsense").replace("{service}", "nonsense")
    };
    assert!(listed.len() > 20, "{listed:?}");
    for route in &listed {
        let (method, path) = (route["method"].as_str().unwrap(), path_of(route));
        let what = format!("{method} {path}");
        for (body, query) in [("[nonsense", "?limit=x&follower=%FF"), (r#"{"nonsense": 1}"#, "?environment=x&limit=-1")]
        {
            let response = operator.call(method, &(path.clone() + query)).body(body).send().await.unwrap();
            let (status, body) = (response.status(), response.text().await.unwrap());
            if !status.is_success() {
                refusal(&what, status, &body);
            }
        }
        let (status, _) = refused(
            &what,
            operator.client.request(method.parse().unwrap(), server.url(&path.replace("demo", "%FF%FE"))),
        )
        .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what} without keys");
        for other in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if listed.iter().any(|route| route["method"] == other && path_of(route) == path) {
                continue;
            }
            let what = format!("{other} {path}");
            let (status, error) = refused(&what, operator.call(other, &path)).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{what}: {error}");
            assert!(error.contains(other) && error.contains(&path), "{what}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_there_is_not_is_answered_with_where_all_are_listed() {
    let server = Server::start();
    let operator = Operator::of(&server);
    for path in [
        "/hookd/v1/",
        "/hookd/v1/nonsense",
        "/hookd/v1/apps/",
        "/hookd/v1/apps/demo/",
        "/hookd/v1/apps/demo/nonsense",
        "/hookd/v1/apps/demo/dead-letters/nonsense",
        "/hookd/v1/apps/demo/settings/more",
    ] {
        let (status, error) = refused(path, operator.call("GET", path)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {error}");
        assert!(error.contains(path) && error.contains("GET /hookd/v1"), "{path}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_module_is_refused_while_the_live_one_stays() {
    let server = Server::with_module("word-filter");
    let operator = Operator::of(&server);
    let module = std::fs::read(module("word-filter")).unwrap();
    let half = module.split_at(module.len() / 2).0.to_vec();
    for (what, bytes) in [("nothing", Vec::new()), ("text", b"#!/bin/sh".to_vec()), ("half a module", half)] {
        let path = "/hookd/v1/apps/demo/deployments?environment=production";
        let answer = operator.call("POST", path).body(bytes).send().await.unwrap().text().await.unwrap();
        let last: Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "refused", "{what}: {answer}");
    }
    assert!(server.hookd_ok(&["info"]).contains("production  1"));
}
