//! Components that answer HTTP requests: asked as a LeanEngine app is, under the limits of every call.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, Instant};

use hookd_runtime::{Environment, Limits, Outcome, TimeLimit};
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use support::{TestEngine, invocation, module, replied};

const APP: &str = "http-app";
const TIME_ENOUGH: Duration = Duration::from_secs(10);

async fn app() -> TestEngine {
    let test = TestEngine::start().await;
    test.deploy(module(APP)).await.unwrap();
    test
}

fn value(outcome: &Outcome) -> Value {
    let Outcome::Replied(text) = outcome else { panic!("{outcome:?}") };
    serde_json::from_slice(text).unwrap()
}

fn bad_reply(outcome: &Outcome) -> &str {
    let Outcome::BadReply { message } = outcome else { panic!("{outcome:?}") };
    message
}

#[tokio::test]
async fn its_functions_are_those_that_it_lists_for_the_master_key() {
    let test = TestEngine::start().await;
    let release = test.deploy(module(APP)).await.unwrap();
    assert_eq!(release.definitions.len(), 18, "{:?}", release.definitions);
    let hook = release.definitions.iter().find(|definition| definition.name == "_messageReceived");
    assert!(hook.is_some_and(|hook| !hook.internal));
    assert_eq!(test.call("made-up", "{}").await, Outcome::NotDefined);
}

#[tokio::test]
async fn it_gets_the_request_of_a_leanengine_app() {
    let test = app().await;
    let mut asked = invocation("echo", r#"{"a": ["\u4f60", 1e3]}"#, TIME_ENOUGH);
    asked.remote_address = Some("2001:db8::1".to_owned());
    asked.session_token = Some("a token".to_owned());
    asked.sequence = Some(7);
    let got = value(&test.engine.call(asked).await);
    assert_eq!(got["body"], json!({"a": ["\u{4f60}", 1e3]}));
    for (name, expected) in [
        ("content-type", "application/json"),
        ("x-lc-id", "demo"),
        ("x-lc-prod", "1"),
        ("x-lc-session", "a token"),
        ("x-real-ip", "2001:db8::1"),
        ("forwarded", "for=\"[2001:db8::1]\""),
        ("x-hookd-sequence", "7"),
    ] {
        assert_eq!(got["headers"][name], expected, "{name}");
    }
    assert_eq!(got["headers"]["x-lc-key"], got["keys"][1]);
    assert!(got["keys"][1].as_str().is_some_and(|key| !key.is_empty()));
    assert_eq!(got["headers"]["x-lc-hook-key"], Value::Null, "only hooks get it");

    test.deploy_to(Environment::Staging, module(APP)).await.unwrap();
    let mut asked = invocation("\u{4f60}\u{597d}", "{}", TIME_ENOUGH);
    asked.environment = Environment::Staging;
    // No header can carry such a token.
    asked.session_token = Some("a\r\nx-lc-prod: 1".to_owned());
    let got = value(&test.engine.call(asked).await);
    assert_eq!((&got["headers"]["x-lc-prod"], &got["headers"]["x-lc-session"]), (&json!("0"), &Value::Null));
}

#[tokio::test]
async fn hooks_carry_the_hook_key() {
    let test = app().await;
    let outcome = test.call("_messageReceived", r#"{"content": "hi"}"#).await;
    assert_eq!(outcome, replied(r#"{"content":"HI"}"#));
}

#[tokio::test]
async fn answers_mean_what_those_of_a_leanengine_app_mean() {
    let test = app().await;
    assert_eq!(test.call("nothing", "{}").await, replied(""));
    let refused = Outcome::Failed { code: 1, status: 403, message: "not today".to_owned() };
    assert_eq!(test.call("refuse", "{}").await, refused);
    assert!(bad_reply(&test.call("redirect", "{}").await).contains("302"));
    assert!(bad_reply(&test.call("not-json", "{}").await).contains("no object with `result`"));
    assert!(bad_reply(&test.call("no-response", "{}").await).contains("set no response"));
    assert!(bad_reply(&test.call("half", "{}").await).contains("without a whole response"));
    assert!(bad_reply(&test.call("short", "{}").await).contains("broke off"));
    assert!(bad_reply(&test.call("error", "{}").await).contains("ConfigurationError"));
    let trapped = test.call("trap-after-answer", "{}").await;
    assert!(matches!(trapped, Outcome::Trapped { .. }), "{trapped:?}");
    assert_eq!(test.call("directories", "{}").await, replied("0"), "the call after them");
}

#[tokio::test]
async fn limits_hold_for_it() {
    let test = app().await;
    let limits = Limits { reply_bytes: 100_000, memory_bytes: 4 << 20, ..Limits::default() };
    test.engine.set_limits("demo", limits).await.unwrap();
    let endless = bad_reply(&test.call("endless", "{}").await).to_owned();
    assert!(endless.contains("reply_bytes"), "{endless}");
    let started = Instant::now();
    let outcome = test.call_within("loop", Duration::from_millis(100)).await;
    assert!(matches!(outcome, Outcome::TimedOut { by: TimeLimit::Caller, .. }), "{outcome:?}");
    assert!(started.elapsed() < TIME_ENOUGH);
    // Headers have a bound of their own in the host; whatever the guest makes of that, it ends.
    let outcome = test.call("huge-head", "{}").await;
    assert!(matches!(outcome, Outcome::Trapped { .. } | Outcome::BadReply { .. }), "{outcome:?}");
    assert_eq!(test.call("directories", "{}").await, replied("0"), "the call after them");
}

#[tokio::test]
async fn its_requests_go_to_allowed_hosts_only() {
    let test = app().await;
    assert_eq!(test.call("fetch", r#"{"host": "192.0.2.1"}"#).await, replied(r#""ErrorCode::HttpRequestDenied""#));
}

#[tokio::test]
async fn a_warm_instance_answers_again_and_is_dropped_when_it_fails() {
    let test = TestEngine::start().await;
    test.deploy_warm("demo", module(APP)).await.unwrap();
    for number in 0..300 {
        assert_eq!(test.call("count", "{}").await, replied(&number.to_string()));
    }
    let half = test.call("half", "{}").await;
    assert!(matches!(half, Outcome::BadReply { .. }), "{half:?}");
    assert_eq!(test.call("count", "{}").await, replied("0"));
}

/// Its version of WASI is older than the engine's.
fn app_without_an_answer() -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = "package wasi:http@0.2.0;
        interface types { resource incoming-request; resource response-outparam; }
        interface incoming-handler {
            use types.{incoming-request, response-outparam};
            handle: func(request: incoming-request, response-out: response-outparam);
        }
        world app { export incoming-handler; }";
    let package = resolve.push_str("app.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("app")).unwrap();
    let core = r#"(module (memory (export "memory") 1)
        (func (export "wasi:http/incoming-handler@0.2.0#handle") (param i32 i32)))"#;
    let mut core = wat::parse_str(core).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap()
}

#[tokio::test]
async fn one_that_lists_no_functions_is_refused() {
    let test = TestEngine::start().await;
    let refused = test.deploy(app_without_an_answer()).await.unwrap_err().to_string();
    assert!(refused.contains("_ops/metadatas") && refused.contains("without a whole response"), "{refused}");
}
