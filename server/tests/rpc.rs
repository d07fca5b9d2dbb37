//! LeanEngine's HTTP contract, rule by rule (`engine-contract` §1).
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

#[path = "../../runtime/tests/support/mod.rs"]
mod support;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hookd_runtime::{Environment, Limits};
use hookd_server::RpcService;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use support::{Guest, TestEngine};

/// An address as a listener on `[::]` reports it: 192.0.2.7.
const CLIENT: Ipv6Addr = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped();

struct Rpc {
    test: TestEngine,
    service: RpcService,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Rpc {
    async fn start() -> Self {
        let test = TestEngine::start().await;
        let guest = Guest::new()
            .echo("echo")
            .echo("_messageReceived")
            .echo("_custom")
            .echo("_serviceEvent")
            .replies("null", "null")
            .replies("nothing", "")
            .replies("number", "7")
            .fails("fails", 4321, 418, "tea\"pot")
            .function("spin", "(loop $l (br $l))")
            .function("_conversationStart", "(loop $l (br $l))")
            .function("trap", "(unreachable)")
            .replies("bad", "{")
            .internal("inside", "(return (call $params (local.get $args)))");
        test.deploy(guest.build()).await.unwrap();
        Self { service: RpcService::new(test.engine.clone(), Router::new()), test }
    }

    fn key(&self) -> &str {
        &self.test.app.app_key
    }

    /// Sends it from [`CLIENT`].
    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((CLIENT, 5_000))));
        answer(self.service.connection(|| ()).answer(request).await).await
    }

    /// POSTs JSON to `/1.1/functions/{name}` with these headers only.
    async fn post(&self, name: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post(format!("/1.1/functions/{name}")).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// The same with app id and app key.
    async fn call(&self, name: &str, body: &str) -> Answer {
        self.post(name, &[("x-lc-id", "demo"), ("x-lc-key", self.key())], body).await
    }

    /// The same with the hook key.
    async fn hook(&self, name: &str) -> Answer {
        let hook_key = self.test.app.hook_key.as_str();
        self.post(name, &[("x-lc-id", "demo"), ("x-lc-key", self.key()), ("x-lc-hook-key", hook_key)], "{}").await
    }

    async fn on(&self, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("x-lc-id", "demo").header("x-lc-key", self.key());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    fn sign(&self, key: &str, suffix: &str) -> String {
        let digest = hex::encode(Md5::digest(format!("1700000000000{key}")));
        format!("{digest},1700000000000{suffix}")
    }
}

async fn answer(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
        assert_eq!(self.header("content-type"), "application/json; charset=UTF-8");
    }
}

const UNAUTHORIZED: &str = r#"{"code":401,"error":"Unauthorized."}"#;

#[tokio::test]
async fn ec_1_both_versions_and_both_families_serve_a_name() {
    let rpc = Rpc::start().await;
    for path in ["/1/functions/number", "/1.1/functions/number", "/1/call/number", "/1.1/call/number"] {
        rpc.on("POST", path).await.is(200, r#"{"result":7}"#);
    }
    assert_eq!(rpc.on("POST", "/2/functions/number").await.status, 404);
}

#[tokio::test]
async fn ec_2_any_method_calls_and_no_body_is_needed() {
    let rpc = Rpc::start().await;
    for method in ["POST", "PUT", "GET"] {
        rpc.on(method, "/1.1/functions/echo").await.is(200, r#"{"result":{}}"#);
    }
}

#[tokio::test]
async fn ec_3_query_escapes_and_trailing_slash_do_not_matter() {
    let rpc = Rpc::start().await;
    for path in ["/1.1/functions/echo?x=1", "/1.1/functions/%65cho", "/1.1/functions/echo/"] {
        rpc.on("POST", path).await.is(200, r#"{"result":{}}"#);
    }
}

#[tokio::test]
async fn ec_4_an_empty_name_is_not_found() {
    let rpc = Rpc::start().await;
    let expected = r#"{"code":1,"error":"No function name or class name: /1.1/functions/"}"#;
    rpc.on("POST", "/1.1/functions/").await.is(404, expected);
    assert_eq!(rpc.on("POST", "/1.1/functions").await.status, 404);
}

#[tokio::test]
async fn every_form_of_credentials_is_accepted() {
    let rpc = Rpc::start().await;
    let (app_key, master_key) = (rpc.key().to_owned(), rpc.test.app.master_key.clone());
    let suffixed = format!("{master_key},master");
    let (signed, master_signed) = (rpc.sign(&app_key, ""), rpc.sign(&master_key, ",master"));
    // Header and value of the key, and whether it makes a master of the caller.
    let forms = [
        ("x-lc-key", &app_key, false),
        ("x-avoscloud-application-key", &app_key, false),
        ("x-uluru-application-key", &app_key, false),
        ("x-lc-key", &master_key, false),
        ("x-lc-key", &suffixed, true),
        ("x-avoscloud-master-key", &master_key, true),
        ("x-uluru-master-key", &master_key, true),
        ("x-lc-sign", &signed, false),
        ("x-avoscloud-request-sign", &signed, false),
        ("x-lc-sign", &master_signed, true),
    ];
    for (header, value, is_master) in forms {
        for id in ["x-lc-id", "x-avoscloud-application-id", "x-uluru-application-id"] {
            let headers = [(id, "demo"), (header, value.as_str())];
            assert_eq!(rpc.post("number", &headers, "{}").await.status, 200, "{header}");
            let inside = rpc.post("inside", &headers, "{}").await.status;
            assert_eq!(inside, if is_master { 200 } else { 401 }, "{header} as master");
        }
    }
}

#[tokio::test]
async fn ec_7_and_8_wrong_or_missing_credentials_get_one_and_the_same_answer() {
    let rpc = Rpc::start().await;
    let signed = rpc.sign(rpc.key(), "");
    let unsigned = signed.split(',').next().unwrap().to_owned();
    let cases: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-lc-id", "demo")],
        &[("x-lc-key", rpc.key())],
        &[("x-lc-id", "nobody"), ("x-lc-key", rpc.key())],
        &[("x-lc-id", "demo"), ("x-lc-key", "wrong")],
        &[("x-lc-id", "demo"), ("x-lc-key", "wrong,master")],
        &[("x-lc-id", "nobody"), ("x-lc-sign", &signed)],
        &[("x-lc-id", "demo"), ("x-lc-sign", &unsigned)],
    ];
    for headers in cases {
        let answer = rpc.post("number", headers, "{}").await;
        answer.is(401, UNAUTHORIZED);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn reserved_hooks_need_the_hook_key_besides_the_app_key() {
    let rpc = Rpc::start().await;
    let (key, hook_key, master_key) = (rpc.key(), &rpc.test.app.hook_key, &rpc.test.app.master_key);
    let app = [("x-lc-id", "demo"), ("x-lc-key", key)];
    // F-11: only the platform is believed.
    let refused = r#"{"code":401,"error":"Hook key check failed, request from 192.0.2.7"}"#;
    for name in ["_messageReceived", "_serviceEvent", "_clientOnline"] {
        let answer = rpc.post(name, &[app[0], app[1], ("forwarded", "for=1.2.3.4")], "{}").await;
        answer.is(401, refused);
    }
    let master = [("x-lc-id", "demo"), ("x-avoscloud-master-key", master_key), ("x-real-ip", "1.2.3.4")];
    rpc.post("_messageReceived", &master, "{}").await.is(401, refused);
    let wrong = [app[0], app[1], ("x-lc-hook-key", "wrong"), ("x-forwarded-for", "1.2.3.4")];
    rpc.post("_messageReceived", &wrong, "{}").await.is(401, refused);
    rpc.post("_messageReceived", &[("x-lc-hook-key", hook_key)], "{}").await.is(401, UNAUTHORIZED);
    let right = [app[0], app[1], ("x-lc-hook-key", hook_key)];
    rpc.post("_messageReceived", &right, r#"{"a":1}"#).await.is(200, r#"{"result":{"a":1}}"#);
    rpc.post("_clientOnline", &right, "{}")
        .await
        .is(404, r#"{"code":1,"error":"No such cloud function '_clientOnline'"}"#);
}

#[tokio::test]
async fn ec_10_other_underscore_names_need_no_hook_key() {
    let rpc = Rpc::start().await;
    rpc.call("_custom", "{}").await.is(200, r#"{"result":{}}"#);
}

#[tokio::test]
async fn internal_functions_need_the_master_key_or_the_hook_key() {
    let rpc = Rpc::start().await;
    let app = [("x-lc-id", "demo"), ("x-lc-key", rpc.key())];
    let answer = rpc.post("inside", &[app[0], app[1], ("x-real-ip", "9.9.9.9")], "{}").await;
    answer.is(401, r#"{"code":401,"error":"Internal cloud function, request from 192.0.2.7"}"#);
    let platform = [app[0], app[1], ("x-lc-hook-key", rpc.test.app.hook_key.as_str())];
    rpc.post("inside", &platform, "{}").await.is(200, r#"{"result":{}}"#);
}

#[tokio::test]
async fn class_hooks_are_protected_and_never_defined() {
    let rpc = Rpc::start().await;
    assert_eq!(rpc.on("POST", "/1.1/functions/Post/beforeSave").await.status, 401);
    let headers = [("x-lc-id", "demo"), ("x-lc-key", rpc.key()), ("x-lc-hook-key", rpc.test.app.hook_key.as_str())];
    let answer = rpc.post("Post/beforeSave", &headers, "{}").await;
    answer.is(404, r#"{"code":1,"error":"No beforeSave hook of 'Post'"}"#);
}

#[tokio::test]
async fn metadatas_lists_names_for_the_master_only() {
    let rpc = Rpc::start().await;
    rpc.on("GET", "/1.1/functions/_ops/metadatas").await.is(401, UNAUTHORIZED);
    let master_key = rpc.test.app.master_key.clone();
    for path in ["/1.1/functions/_ops/metadatas", "/1/call/_ops/metadatas"] {
        let request = Request::get(path).header("x-lc-id", "demo").header("x-avoscloud-master-key", &master_key);
        let answer = rpc.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(r#"{"result":["echo","_messageReceived","#), "{}", answer.body);
    }
}

#[tokio::test]
async fn body_forms_reach_the_function_as_json() {
    let rpc = Rpc::start().await;
    let send = async |content_type: &str, body: &str| {
        let request = Request::post("/1.1/functions/echo")
            .header("x-lc-id", "demo")
            .header("x-lc-key", rpc.key())
            .header("content-type", content_type);
        rpc.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    send("application/json", r#"{"a": [1, 2.50]}"#).await.is(200, r#"{"result":{"a": [1, 2.50]}}"#);
    send("application/json;charset=utf-8", "[1]").await.is(200, r#"{"result":[1]}"#);
    send("application/x-www-form-urlencoded", "a=1&b=x+y").await.is(200, r#"{"result":{"a":"1","b":"x y"}}"#);
    send("application/octet-stream", "{\"a\":1}").await.is(200, r#"{"result":{}}"#);
    for malformed in ["{", "7", "\"text\""] {
        let answer = send("application/json", malformed).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.starts_with(r#"{"code":1,"error":"#));
        assert_eq!(answer.header("access-control-allow-origin"), "", "answered before CORS");
    }
}

#[tokio::test]
async fn text_bodies_carry_the_credentials_and_headers_do_not_count() {
    let rpc = Rpc::start().await;
    let send = async |body: String| {
        let request = Request::post("/1.1/functions/echo")
            .header("x-lc-id", "demo")
            .header("x-lc-key", rpc.key())
            .header("content-type", "text/plain");
        rpc.send(request.body(Body::from(body)).unwrap()).await
    };
    send(r#"{"a":1}"#.to_owned()).await.is(401, UNAUTHORIZED);
    let key = rpc.key();
    let body = format!(r#"{{"_ApplicationId":"demo","_ApplicationKey":"{key}","_x":1,"__y":2,"a":3}}"#);
    send(body).await.is(200, r#"{"result":{"__y":2,"a":3}}"#);
    let staging = format!(r#"{{"_ApplicationId":"demo","_ApplicationKey":"{key}","_ApplicationProduction":"0"}}"#);
    assert_eq!(send(staging).await.status, 404);
    assert_eq!(send(String::new()).await.status, 400);
}

#[tokio::test]
async fn ec_12_a_body_over_20_mib_is_too_large_from_every_sender() {
    let rpc = Rpc::start().await;
    let answer = rpc.post("echo", &[], &"x".repeat((20 << 20) + 9)).await;
    answer.is(413, r#"{"code":1,"error":"request entity too large"}"#);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    rpc.test.engine.set_limits("demo", Limits { reply_bytes: 30 << 20, ..Limits::default() }).await.unwrap();
    let long = format!("[\"{}\"]", "x".repeat(20_900_004));
    assert_eq!(rpc.call("echo", &long).await.status, 200);
}

/// F-7: nothing of them is kept, so their content cannot be shown.
#[tokio::test]
async fn long_bodies_of_unknown_senders_are_not_looked_into() {
    let rpc = Rpc::start().await;
    let send = async |method: &str, content_type: &str, headers: &[(&str, &str)], bytes: usize| {
        let mut request =
            Request::builder().method(method).uri("/1.1/functions/echo").header("content-type", content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rpc.send(request.body(Body::from("x".repeat(bytes))).unwrap()).await
    };
    let wrong_keys = [("x-lc-id", "demo"), ("x-lc-key", "wrong")];
    for headers in [&[][..], &wrong_keys] {
        assert_eq!(send("POST", "application/json", headers, 200 << 10).await.status, 400);
        send("POST", "application/json", headers, 300 << 10).await.is(401, UNAUTHORIZED);
        assert_eq!(send("POST", "text/plain", headers, 200 << 10).await.status, 400);
        send("POST", "text/plain", headers, 300 << 10)
            .await
            .is(413, r#"{"code":1,"error":"request entity too large"}"#);
        assert_eq!(send("OPTIONS", "application/json", headers, 300 << 10).await.status, 200);
    }
    let right_keys = [("x-lc-id", "demo"), ("x-lc-key", rpc.key())];
    assert_eq!(send("POST", "application/json", &right_keys, 300 << 10).await.status, 400);
}

#[tokio::test]
async fn results_of_nothing_and_null_differ_between_the_families() {
    let rpc = Rpc::start().await;
    rpc.on("POST", "/1.1/functions/nothing").await.is(200, "{}");
    rpc.on("POST", "/1.1/call/nothing").await.is(200, r#"{"result":{}}"#);
    rpc.on("POST", "/1.1/functions/null").await.is(200, r#"{"result":null}"#);
    rpc.on("POST", "/1.1/call/null").await.is(200, r#"{"result":{}}"#);
}

#[tokio::test]
async fn a_caller_of_a_hook_says_how_long_it_waits() {
    let rpc = Rpc::start().await;
    let started = std::time::Instant::now();
    let answer = rpc.hook("_conversationStart?deadline-ms=50").await;
    assert_eq!((answer.status, answer.header("x-hookd-outcome")), (503, "timeout"));
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    // Only the platform may set it, and never above the app's own limit.
    rpc.test.engine.set_limits("demo", Limits { deadline_ms: 50, ..Limits::default() }).await.unwrap();
    let answer = rpc.hook("_conversationStart?deadline-ms=60000").await;
    assert_eq!(answer.header("x-hookd-outcome"), "timeout");
    rpc.hook("_messageReceived?deadline-ms=soon").await.is(200, r#"{"result":{}}"#);
    rpc.call("number?deadline-ms=0", "{}").await.is(200, r#"{"result":7}"#);
}

#[tokio::test]
async fn failures_have_their_literals_and_name_the_outcome() {
    let rpc = Rpc::start().await;
    rpc.test.engine.set_limits("demo", Limits { deadline_ms: 50, ..Limits::default() }).await.unwrap();
    let cases = [
        ("missing", 404, r#"{"code":1,"error":"No such cloud function 'missing'"}"#, "not_defined"),
        ("fails", 418, r#"{"code":4321,"error":"tea\"pot"}"#, "failed"),
        ("spin", 503, r#"{"code":124,"error":"The request timed out on the server."}"#, "timeout"),
    ];
    for (name, status, body, outcome) in cases {
        let answer = rpc.call(name, "{}").await;
        answer.is(status, body);
        assert_eq!(answer.header("x-hookd-outcome"), outcome);
    }
    for (name, outcome) in [("trap", "trap"), ("bad", "bad_reply")] {
        let answer = rpc.call(name, "{}").await;
        assert_eq!((answer.status, answer.header("x-hookd-outcome")), (500, outcome));
        assert!(answer.body.starts_with(r#"{"code":1,"error":""#));
    }
}

#[tokio::test]
async fn an_overloaded_engine_says_when_to_come_back() {
    let rpc = Rpc::start().await;
    let limits = Limits { concurrency: 1, queue: 0, deadline_ms: 200, ..Limits::default() };
    rpc.test.engine.set_limits("demo", limits).await.unwrap();
    let (_, refused) = tokio::join!(biased; rpc.call("spin", "{}"), rpc.call("echo", "{}"));
    assert_eq!((refused.status, refused.header("x-hookd-outcome")), (503, "overloaded"));
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn x_lc_prod_picks_the_environment() {
    let rpc = Rpc::start().await;
    rpc.test.deploy_to(Environment::Staging, Guest::new().replies("number", "8").build()).await.unwrap();
    let app = [("x-lc-id", "demo"), ("x-lc-key", rpc.key())];
    for (value, result) in [("0", "8"), ("false", "8"), ("1", "7"), ("true", "7")] {
        for header in ["x-lc-prod", "x-avoscloud-application-production", "x-uluru-application-production"] {
            let answer = rpc.post("number", &[app[0], app[1], (header, value)], "{}").await;
            answer.is(200, &format!("{{\"result\":{result}}}"));
        }
    }
}

#[tokio::test]
async fn ec_20_the_preflight_needs_no_credentials_and_allows_the_hook_key() {
    let rpc = Rpc::start().await;
    for path in ["/1.1/functions/_ops/metadatas", "/1/call/anything", "/1.1/functions/"] {
        let request = Request::builder().method("OPTIONS").uri(path).header("origin", "https://console.example");
        let answer = rpc.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("access-control-allow-origin"), "https://console.example");
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert_eq!(answer.header("access-control-allow-methods"), "HEAD, GET, POST, PUT, DELETE, OPTIONS");
        let allowed: Vec<_> = answer.header("access-control-allow-headers").split(", ").collect();
        assert_eq!(allowed.len(), 21);
        assert!(allowed.contains(&"X-LC-Hook-Key"));
    }
}

#[tokio::test]
async fn ping_answers_every_caller_without_cors() {
    let rpc = Rpc::start().await;
    for path in ["/__engine/1/ping", "/__engine/1.1/ping", "/__engine/1.1/ping/"] {
        let answer = rpc.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(r#""runtime":"hookd-"#), "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}
