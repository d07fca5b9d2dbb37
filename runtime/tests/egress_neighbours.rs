//! What the HTTP requests of one app may cost the process and the other apps.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookd_runtime::{
    AppSettings, EgressConfig, Environment, Isolation, LimitSettings, NewApp, Outcome, Overrides, Resolve,
};
use serde_json::{Value, json};
use support::{HttpServer, TestEngine, module, response};

/// Every name is 127.0.0.1; the name server of `slow.test` never answers.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        if host.ends_with("slow.test") {
            return Box::pin(std::future::pending());
        }
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

fn local() -> EgressConfig {
    let private_networks = vec!["127.0.0.0/8".parse().unwrap()];
    EgressConfig { private_networks, resolver: Arc::new(Resolver), ..EgressConfig::default() }
}

/// Two apps with the module `outbound`, `demo` and `other`, that may send requests to any host on this port.
async fn engine(port: u16, egress: EgressConfig) -> Arc<TestEngine> {
    let test = TestEngine::with(|config| {
        config.egress = egress;
        config.concurrent_calls = 128;
    })
    .await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    for app in ["demo", "other"] {
        let deployment = support::deployment(app, Environment::Production, Isolation::PerCall, module("outbound"));
        test.engine.deploy(deployment, &|_| {}).await.unwrap();
        let limits: Overrides = [("concurrency".to_owned(), 100)].into();
        let settings = AppSettings {
            allowed_hosts: [format!("*:{port}").parse().unwrap()].into(),
            limits: LimitSettings { app: limits.clone(), max: limits, ..LimitSettings::default() },
        };
        test.engine.set_settings(app, settings).await.unwrap();
    }
    Arc::new(test)
}

async fn fetch(test: &TestEngine, app: &str, params: Value) -> Outcome {
    let params = params.to_string();
    let mut call = support::invocation("fetch", &params, Duration::from_secs(10));
    call.app_id = app.to_owned();
    test.engine.call(call).await
}

async fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_costs_other_apps_nothing() {
    let server = HttpServer::answering("ok").await;
    let port = server.address.port();
    let test = engine(port, local()).await;
    let waiting: Vec<_> = (0..80)
        .map(|number| {
            let (test, url) = (test.clone(), format!("http://{number}.slow.test:{port}/"));
            tokio::spawn(async move { fetch(&test, "demo", json!({"url": url})).await })
        })
        .collect();
    let running = test.clone();
    wait_for("the calls run", || running.engine.stats().running_instances >= 64).await;
    let outcome = fetch(&test, "other", json!({"url": format!("http://fast.test:{port}/")})).await;
    assert!(matches!(outcome, Outcome::Replied(_)), "{outcome:?}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn ever_new_hosts_do_not_use_up_the_sockets() {
    let server = HttpServer::answering("ok").await;
    let port = server.address.port();
    let test = engine(port, local()).await;
    for number in 0..200 {
        let outcome = fetch(&test, "demo", json!({"url": format!("http://{number}.test:{port}/")})).await;
        assert!(matches!(outcome, Outcome::Replied(_)), "{outcome:?}");
    }
    wait_for("connections are closed", || server.connections() <= 128).await;
    assert!(server.connections() > 0, "the newest are kept for the next call");
}

#[tokio::test]
async fn a_tls_session_is_taken_up_again_by_its_own_app_only() {
    let (server, certificate) = HttpServer::with_tls("ok").await;
    let port = server.address.port();
    let test = engine(port, EgressConfig { extra_roots: vec![certificate], ..local() }).await;
    let params = json!({"url": format!("https://service.test:{port}/")});
    for (app, resumed) in [("demo", 0), ("other", 0), ("demo", 1)] {
        let outcome = fetch(&test, app, params.clone()).await;
        assert!(matches!(outcome, Outcome::Replied(_)), "{outcome:?}");
        assert_eq!(server.resumed(), resumed, "{app}");
    }
}

#[tokio::test]
async fn a_body_without_end_holds_no_place_after_the_call() {
    let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec();
    let server = HttpServer::start(move |head| {
        Some(if head.starts_with("GET /endless") { endless.clone() } else { response(200, "", "ok") })
    })
    .await;
    let test = engine(server.address.port(), local()).await;
    test.deploy_warm("demo", module("outbound")).await.unwrap();
    for _ in 0..7 {
        let params = json!({"url": server.url("/endless"), "requests": 10}).to_string();
        let outcome = test.call("keep_open", &params).await;
        assert_eq!(outcome, support::replied("10"));
    }
    wait_for("the connections are closed", || server.connections() == 0).await;
    let outcome = fetch(&test, "demo", json!({"url": server.url("/")})).await;
    assert!(matches!(outcome, Outcome::Replied(_)), "{outcome:?}");
}
