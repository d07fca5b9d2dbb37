//! HTTP requests of functions: which are sent, which are refused, and what the function and its log see.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken fixture ends the test")]

mod support;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookd_runtime::{AppSettings, EgressConfig, Environment, Isolation, LimitSettings, Outcome, Resolve};
use serde_json::{Value, json};
use support::{HttpServer, TestEngine, module, response};

/// Answers with these addresses one after the other; the last one stays.
#[derive(Debug)]
struct ScriptedResolver(Mutex<VecDeque<Vec<&'static str>>>);

impl ScriptedResolver {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
    }
}

impl Resolve for ScriptedResolver {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
        Box::pin(async move { Ok(answer.into_iter().map(|address| address.parse().unwrap()).collect()) })
    }
}

/// An engine whose app has the module `outbound`, and may send requests to `hosts`.
async fn engine(hosts: &[&str], egress: EgressConfig) -> TestEngine {
    let test = TestEngine::with(|config| config.egress = egress).await;
    test.deploy(module("outbound")).await.unwrap();
    allow(&test, hosts, &[]).await;
    test
}

async fn allow(test: &TestEngine, hosts: &[&str], limits: &[(&str, u64)]) {
    let app = limits.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let settings = AppSettings {
        allowed_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        limits: LimitSettings { app, ..LimitSettings::default() },
    };
    test.engine.set_settings("demo", settings).await.unwrap();
}

fn open_to(networks: &[&str]) -> EgressConfig {
    let private_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    EgressConfig { private_networks, ..EgressConfig::default() }
}

fn resolving(answers: &[&[&'static str]], networks: &[&str]) -> EgressConfig {
    EgressConfig { resolver: ScriptedResolver::new(answers), ..open_to(networks) }
}

async fn fetch(test: &TestEngine, params: Value) -> Outcome {
    test.call("fetch", &params.to_string()).await
}

#[track_caller]
fn fetched(outcome: &Outcome) -> Value {
    let Outcome::Replied(reply) = outcome else { panic!("no reply: {outcome:?}") };
    serde_json::from_slice(reply).unwrap()
}

/// The function failed with these words; the next call works.
async fn assert_failed(test: &TestEngine, outcome: Outcome, words: &[&str]) {
    let Outcome::Failed { message, .. } = &outcome else { panic!("not failed: {outcome:?}") };
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert_eq!(test.call("hello", "{}").await, support::replied("\"hello\""), "the next call");
}

/// The app's log has a line with these words.
#[track_caller]
fn assert_logged(test: &TestEngine, words: &[&str]) {
    let lines = test.engine.recent_logs("demo");
    let found = lines.iter().any(|line| words.iter().all(|word| line.text.contains(word)));
    assert!(found, "{words:?} are not in: {:?}", lines.iter().map(|line| &line.text).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_to_an_allowed_host_is_answered() {
    let server = HttpServer::start(|head| Some(response(201, "", head))).await;
    let test = engine(&[&server.address.to_string()], open_to(&["127.0.0.0/8"])).await;
    let reply = fetched(&fetch(&test, json!({"url": server.url("/check?a=1")})).await);
    assert_eq!(reply["status"], 201);
    let head = reply["text"].as_str().unwrap();
    assert!(head.starts_with("GET /check?a=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
}

#[tokio::test]
async fn a_body_reaches_the_server_whole() {
    let server = HttpServer::start(|head| Some(response(200, "", head))).await;
    let test = engine(&[&server.address.to_string()], open_to(&["127.0.0.0/8"])).await;
    let reply = fetched(&fetch(&test, json!({"url": server.url("/"), "body_bytes": 300_000})).await);
    assert!(reply["text"].as_str().unwrap().contains("content-length: 300000"), "{reply}");
}

#[tokio::test]
async fn connections_are_kept_for_the_next_call() {
    let server = HttpServer::answering("ok").await;
    let resolver = resolving(&[&["127.0.0.1"], &["10.0.0.1"]], &["127.0.0.0/8"]);
    let host = format!("service.test:{}", server.address.port());
    let test = engine(&[&host], resolver).await;
    for _ in 0..3 {
        let reply = fetched(&fetch(&test, json!({"url": format!("http://{host}/")})).await);
        assert_eq!(reply["text"], "ok", "resolved once, and the checked connection used again");
    }
}

#[tokio::test]
async fn a_host_that_is_not_allowed_gets_nothing_and_the_log_tells_the_setting() {
    let server = HttpServer::answering("secret").await;
    let test = engine(&["api.example.com"], open_to(&["127.0.0.0/8"])).await;
    let outcome = fetch(&test, json!({"url": server.url("/")})).await;
    let host = server.address.to_string();
    let setting = format!("hookd settings --allow-host {host}");
    assert_failed(&test, outcome, &[&host, "is not allowed", &setting]).await;
    assert_logged(&test, &[&setting]);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn an_allowed_private_address_gets_nothing() {
    let server = HttpServer::answering("secret").await;
    let port = server.address.port();
    let test = engine(&["*", &format!("*:{port}")], EgressConfig::default()).await;
    for host in
        ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f000001", "localhost", "0.0.0.0"]
    {
        let outcome = fetch(&test, json!({"url": format!("http://{host}:{port}/")})).await;
        assert_failed(&test, outcome, &[host, "not public"]).await;
    }
    assert_logged(&test, &["`127.0.0.1`", "loopback", "--allow-private-egress"]);
    let outcome = fetch(&test, json!({"url": "http://169.254.169.254/latest/meta-data/"})).await;
    assert_failed(&test, outcome, &["169.254.169.254", "not public"]).await;
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_gets_nothing() {
    let server = HttpServer::answering("secret").await;
    let host = format!("service.test:{}", server.address.port());
    for addresses in [&["127.0.0.1"][..], &["93.184.216.34", "127.0.0.1"], &["10.1.2.3"], &["fd00:ec2::254"]] {
        let test = engine(&[&host], resolving(&[addresses], &[])).await;
        let outcome = fetch(&test, json!({"url": format!("http://{host}/")})).await;
        assert_failed(&test, outcome, &["service.test", "not public"]).await;
        assert_logged(&test, &["`service.test`", addresses[addresses.len() - 1]]);
    }
    assert_eq!(server.requests(), 0);
}

/// F-41.
#[tokio::test]
async fn a_name_without_an_address_is_reported_once() {
    let test = engine(&["nowhere.test"], resolving(&[&[]], &[])).await;
    let outcome = fetch(&test, json!({"url": "https://nowhere.test/"})).await;
    let Outcome::Failed { message, .. } = &outcome else { panic!("not failed: {outcome:?}") };
    assert_eq!(message, "the name `nowhere.test` cannot be resolved: it has no address");
    assert_logged(&test, &["the name `nowhere.test` cannot be resolved: it has no address"]);
}

#[tokio::test]
async fn a_name_that_changes_after_the_check_gains_nothing() {
    let (open, closed) = (HttpServer::answering("public").await, HttpServer::answering("secret").await);
    // 127.0.0.1 stands for a public address, 127.0.0.2 for a private one.
    let resolver = resolving(&[&["127.0.0.1"], &["127.0.0.2"]], &["127.0.0.1/32"]);
    let host = format!("rebinding.test:{}", open.address.port());
    let test = engine(&[&host], resolver).await;
    let reply = fetched(&fetch(&test, json!({"url": format!("http://{host}/")})).await);
    assert_eq!(reply["text"], "public", "the connection goes to the address that was checked");
    // Other settings mean new connections, and so a new question to the resolver.
    allow(&test, &[&host], &[("http_requests", 5)]).await;
    let outcome = fetch(&test, json!({"url": format!("http://{host}/")})).await;
    assert_failed(&test, outcome, &["rebinding.test", "not public"]).await;
    assert_eq!(closed.requests(), 0);
}

#[tokio::test]
async fn a_redirect_is_checked_like_any_request() {
    let secret = HttpServer::answering("secret").await;
    let (by_address, by_host) = (secret.url("/"), format!("http://other.test:{}/", secret.address.port()));
    let to = by_address.clone();
    let server = HttpServer::start(move |head| {
        let location = if head.starts_with("GET /address") { &to } else { &by_host };
        Some(response(302, &format!("location: {location}\r\n"), ""))
    })
    .await;
    let host = format!("service.test:{}", server.address.port());
    let hosts = [host.as_str(), &secret.address.to_string()];
    let test = engine(&hosts, resolving(&[&["127.0.0.1"]], &["127.0.0.1/32"])).await;
    let url = |path: &str| format!("http://{host}{path}");
    let outcome = fetch(&test, json!({"url": url("/host"), "redirects": 3})).await;
    assert_failed(&test, outcome, &["other.test", "is not allowed"]).await;
    let reply = fetched(&fetch(&test, json!({"url": url("/host")})).await);
    assert_eq!(reply["status"], 302, "the engine follows nothing by itself");
    let reply = fetched(&fetch(&test, json!({"url": url("/address"), "redirects": 3})).await);
    assert_eq!(reply["text"], "secret", "allowed and open: followed");
    assert_eq!(secret.requests(), 1);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_gets_nothing() {
    let server = HttpServer::start(|_| Some(response(302, "location: http://169.254.169.254/latest/\r\n", ""))).await;
    let hosts = [server.address.to_string(), "169.254.169.254".to_owned()];
    let test = engine(&[&hosts[0], &hosts[1]], open_to(&["127.0.0.0/8"])).await;
    let outcome = fetch(&test, json!({"url": server.url("/"), "redirects": 3})).await;
    assert_failed(&test, outcome, &["169.254.169.254", "not public"]).await;
}

#[tokio::test]
async fn more_bytes_than_the_limit_end_the_request() {
    let server = HttpServer::answering(&"a".repeat(100_000)).await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    allow(&test, &[&host], &[("http_bytes", 50_000)]).await;
    let outcome = fetch(&test, json!({"url": server.url("/")})).await;
    assert_failed(&test, outcome, &["`http_bytes` of 50000", "hookd settings --limit http_bytes="]).await;
    let outcome = fetch(&test, json!({"url": server.url("/"), "body_bytes": 60_000})).await;
    assert_failed(&test, outcome, &["`http_bytes` of 50000"]).await;
    allow(&test, &[&host], &[("http_bytes", 101_000)]).await;
    assert_eq!(fetched(&fetch(&test, json!({"url": server.url("/")})).await)["bytes"], 100_000);
}

#[tokio::test]
async fn more_requests_than_the_limit_are_refused_and_each_call_begins_anew() {
    let server = HttpServer::answering("ok").await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    allow(&test, &[&host], &[("http_requests", 3)]).await;
    for round in 1..=2 {
        let outcome = test.call("flood", &json!({"url": server.url("/")}).to_string()).await;
        assert_failed(&test, outcome, &["`http_requests` of 3", "hookd settings --limit http_requests="]).await;
        assert_eq!(server.requests(), 3 * round);
    }
    assert_logged(&test, &["`http_requests` of 3"]);
}

#[tokio::test]
async fn a_function_that_insists_fills_no_log() {
    let test = engine(&[], EgressConfig::default()).await;
    let outcome = test.call("insist", &json!({"url": "https://api.example.com/"}).to_string()).await;
    assert_eq!(fetched(&outcome), 1_000);
    let lines = test.engine.recent_logs("demo");
    // Ten refusals of the host by default, and one line about the limit.
    assert_eq!(lines.len(), 11, "{lines:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_ends_with_the_calls_deadline() {
    let server = HttpServer::start(|_| None).await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    allow(&test, &[&host], &[("deadline_ms", 200)]).await;
    let started = Instant::now();
    let outcome = fetch(&test, json!({"url": server.url("/")})).await;
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome:?}");
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(test.call("hello", "{}").await, support::replied("\"hello\""));
}

#[tokio::test]
async fn a_function_may_wait_less_and_go_on() {
    let server = HttpServer::start(|head| {
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec();
        head.starts_with("GET /half").then_some(half)
    })
    .await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    for path in ["/nothing", "/half"] {
        let outcome = fetch(&test, json!({"url": server.url(path), "timeout_ms": 100})).await;
        assert_failed(&test, outcome, &["127.0.0.1", "did not answer in time"]).await;
    }
}

#[tokio::test]
async fn broken_answers_are_failures_of_the_request() {
    let server = HttpServer::start(|head| {
        let endless_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(200_000));
        let answer = if head.starts_with("GET /head") { endless_head } else { "no HTTP at all\r\n\r\n".to_owned() };
        Some(answer.into_bytes())
    })
    .await;
    let host = server.address.to_string();
    let test = engine(&[&host, "127.0.0.1:1"], open_to(&["127.0.0.0/8"])).await;
    for url in [server.url("/head"), server.url("/"), "http://127.0.0.1:1/".to_owned()] {
        let outcome = fetch(&test, json!({"url": url})).await;
        assert_failed(&test, outcome, &["127.0.0.1"]).await;
    }
}

#[tokio::test]
async fn a_secure_request_needs_a_trusted_certificate_of_the_right_name() {
    let (server, certificate) = HttpServer::with_tls("ok").await;
    let port = server.address.port();
    let (right, wrong) = (format!("service.test:{port}"), format!("other.test:{port}"));
    let resolver = || resolving(&[&["127.0.0.1"]], &["127.0.0.0/8"]);
    let test = engine(&[&right], resolver()).await;
    let outcome = fetch(&test, json!({"url": format!("https://{right}/")})).await;
    assert_failed(&test, outcome, &["service.test", "TlsCertificateError"]).await;
    assert_logged(&test, &["no secure connection to `service.test`", "certificate"]);

    let trusting = EgressConfig { extra_roots: vec![certificate], ..resolver() };
    let test = engine(&[&right, &wrong], trusting).await;
    let reply = fetched(&fetch(&test, json!({"url": format!("https://{right}/")})).await);
    assert_eq!(reply["text"], "ok");
    let outcome = fetch(&test, json!({"url": format!("https://{wrong}/")})).await;
    assert_failed(&test, outcome, &["other.test", "TlsCertificateError"]).await;
}

#[tokio::test]
async fn one_apps_permission_is_not_anothers() {
    let server = HttpServer::answering("ok").await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    test.engine.create_app(hookd_runtime::NewApp::named("other")).await.unwrap();
    let deployment = support::deployment("other", Environment::Production, Isolation::PerCall, module("outbound"));
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    let params = json!({"url": server.url("/")}).to_string();
    let mut call = support::invocation("fetch", &params, Duration::from_secs(10));
    call.app_id = "other".to_owned();
    assert!(matches!(test.engine.call(call).await, Outcome::Failed { .. }));
    assert_eq!(server.requests(), 0);
    assert!(matches!(test.call("fetch", &params).await, Outcome::Replied(_)));
}

#[tokio::test]
async fn every_call_of_a_warm_instance_has_a_budget_of_its_own() {
    let server = HttpServer::answering("ok").await;
    let host = server.address.to_string();
    let test = engine(&[&host], open_to(&["127.0.0.0/8"])).await;
    test.deploy_warm("demo", module("outbound")).await.unwrap();
    allow(&test, &[&host], &[("http_requests", 1)]).await;
    let params = json!({"url": server.url("/")});
    for _ in 0..3 {
        assert_eq!(fetched(&fetch(&test, params.clone()).await)["text"], "ok");
        assert_eq!(fetched(&test.call("insist", &params.to_string()).await), 999);
    }
    assert_eq!(server.requests(), 6);
    allow(&test, &[], &[]).await;
    assert!(matches!(fetch(&test, params).await, Outcome::Failed { .. }), "a permission that was taken back");
}
