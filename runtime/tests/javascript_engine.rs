//! The engine of JavaScript hooks: what it promises of every script, and what hostile ones try.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api_types::Limits;
use hookd_runtime::{LogLevel, Outcome};
use serde_json::{Value, json};
use support::{TestEngine, project, replied};

const INSTANCES: &str = include_str!("javascript/instances.js");
const RECURSION: &str = include_str!("javascript/recursion.js");
const VALUES: &str = include_str!("javascript/values.js");

async fn deployed(source: &str) -> TestEngine {
    let test = TestEngine::start().await;
    test.deploy(project(source)).await.unwrap();
    test
}

async fn reply(test: &TestEngine, name: &str, params: &Value) -> Value {
    match test.call(name, &params.to_string()).await {
        Outcome::Replied(text) => serde_json::from_slice(&text).unwrap(),
        other => panic!("{name} with {params}: {other:?}"),
    }
}

async fn kinds(test: &TestEngine) -> Vec<String> {
    serde_json::from_value(reply(test, "kinds", &json!({})).await).unwrap()
}

/// Status, code and text of a refusal.
async fn refusal(test: &TestEngine, name: &str, params: &Value) -> (u16, i32, String) {
    match test.call(name, &params.to_string()).await {
        Outcome::Failed { status, code, message } => (status, code, message),
        other => panic!("{name} with {params}: {other:?}"),
    }
}

#[tokio::test]
async fn everything_that_calls_itself_without_end_ends_with_an_exception() {
    let test = deployed(RECURSION).await;
    for kind in kinds(&test).await {
        let ended = reply(&test, "run", &json!({ "kind": kind })).await;
        // A parser or a pattern tells of the end of the stack as a mistake in the text.
        let expected = ["RangeError", "SyntaxError", "InternalError"];
        assert!(expected.contains(&ended.as_str().unwrap()), "{kind}: {ended}");
    }
}

#[tokio::test]
async fn an_exception_at_the_end_of_the_stack_is_logged_with_its_place() {
    let source = "const AV = require('leanengine');
        function deep(n) {
            return n === 0 ? 0 : 1 + deep(n - 1);
        }
        AV.Cloud.define('deep', () => deep(1e9));";
    let test = deployed(source).await;
    let (status, _, message) = refusal(&test, "deep", &json!({})).await;
    assert_eq!((status, message.as_str()), (500, "Maximum call stack size exceeded"));
    let lines = test.engine.recent_logs("demo");
    assert!(lines.iter().any(|line| line.text.contains("at deep (/app/cloud.js:3:")), "{lines:?}");
}

#[tokio::test]
async fn a_thousand_calls_within_each_other_are_possible() {
    let source = "
        const AV = require('leanengine');
        const depth = (n) => n === 0 ? 0 : 1 + depth(n - 1);
        const nested = (n) => '['.repeat(n) + ']'.repeat(n);
        AV.Cloud.define('calls', (request) => depth(request.params.n));
        AV.Cloud.define('json', (request) => JSON.stringify(JSON.parse(nested(request.params.n))).length);";
    let test = deployed(source).await;
    assert_eq!(reply(&test, "calls", &json!({ "n": 1_500 })).await, 1_500);
    assert_eq!(reply(&test, "json", &json!({ "n": 2_000 })).await, 4_000);
}

#[tokio::test]
async fn instances_have_randomness_and_time_of_their_own() {
    let test = deployed(INSTANCES).await;
    let [one, other] = [reply(&test, "random", &json!({})).await, reply(&test, "random", &json!({})).await];
    for index in 0..3 {
        assert_ne!(one[index], other[index]);
    }
    let number = one[0].as_f64().unwrap();
    assert!((0.0..1.0).contains(&number), "{number}");
    assert_eq!(reply(&test, "atLoad", &json!({})).await, reply(&test, "atLoad", &json!({})).await);

    let now = reply(&test, "now", &json!({})).await;
    let told = UNIX_EPOCH + Duration::from_millis(now[0].as_u64().unwrap());
    let apart = SystemTime::now().duration_since(told).unwrap_or_default();
    assert!(apart < Duration::from_secs(5), "{apart:?}");
    assert_eq!(now[2], 0, "the zone is UTC");
}

#[tokio::test]
async fn local_times_are_those_of_the_zone_in_tz() {
    let test = deployed(
        "process.env.TZ = 'Asia/Shanghai'
        const AV = require('leanengine')
        AV.Cloud.define('times', () => [new Date(0).getHours(), new Date(0).getTimezoneOffset(), `${new Date(0)}`,
          new Date(2020, 0, 1).toISOString(), new Date(0).toLocaleTimeString('zh-CN'),
          Intl.DateTimeFormat().resolvedOptions().timeZone])
        AV.Cloud.define('other', () => { process.env.TZ = 'Europe/Berlin'; return new Date(0).getHours() })",
    )
    .await;
    let expected = json!([
        8,
        -480,
        "Thu Jan 01 1970 08:00:00 GMT+0800 (China Standard Time)",
        "2019-12-31T16:00:00.000Z",
        "08:00:00",
        "Asia/Shanghai"
    ]);
    assert_eq!(reply(&test, "times", &json!({})).await, expected);
    assert_eq!(reply(&test, "other", &json!({})).await, 0);
    let warned = test.engine.recent_logs("demo");
    assert!(warned.iter().any(|line| line.text.contains("Europe/Berlin")), "{warned:?}");
    assert_eq!(reply(&test, "times", &json!({})).await, expected, "a call changes the zone for itself only");
}

#[tokio::test]
async fn what_a_call_changes_is_gone_in_the_next_instance() {
    let test = deployed(INSTANCES).await;
    for _ in 0..2 {
        assert_eq!(reply(&test, "kept", &json!({})).await, json!(["darn", "heck"]));
    }
    test.deploy(project(VALUES)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(reply(&test, "calls", &json!({})).await, 1);
    }
    test.deploy_warm("demo", project(VALUES)).await.unwrap();
    for calls in 1..4 {
        assert_eq!(reply(&test, "calls", &json!({})).await, calls);
    }
}

#[tokio::test]
async fn timers_of_the_top_level_run_in_an_instance_that_waits_and_keep_none_at_work() {
    let test = deployed(INSTANCES).await;
    assert_eq!(reply(&test, "timers", &json!({})).await, json!(["timer"]));
    let source = "
        setTimeout(() => console.log('late'), 60000);
        setInterval(() => console.log('again'), 1);
        require('leanengine').Cloud.define('quick', () => 1);";
    test.deploy(project(source)).await.unwrap();
    assert_eq!(reply(&test, "quick", &json!({})).await, 1);
    // Returns when nothing is at work any more.
    test.engine.work_is_done().await;
    let lines = test.engine.recent_logs("demo");
    assert!(lines.iter().all(|line| line.text != "late" && !line.text.contains("after the reply")), "{lines:?}");
}

/// Three hundred thousand objects in cycles with those of the snapshot: they fit only if cycles are found, and nothing of the
/// snapshot may be lost or mixed up.
#[tokio::test]
async fn garbage_is_collected_and_what_was_there_before_the_snapshot_stays_whole() {
    let test = deployed(INSTANCES).await;
    let limits = Limits { memory_bytes: 48 << 20, cpu_time_ms: 60_000, deadline_ms: 60_000, ..Limits::default() };
    test.engine.set_limits("demo", limits).await.unwrap();
    let expected = json!(["text 0!", "text 299!", "text 300", "text 999", true, "text 7!299"]);
    assert_eq!(reply(&test, "churn", &json!({})).await, expected);
    test.deploy_warm("demo", project(INSTANCES)).await.unwrap();
    assert_eq!(reply(&test, "churn", &json!({})).await, expected);
    let again = reply(&test, "churn", &json!({})).await;
    assert_eq!((&again[0], &again[3], &again[4]), (&json!("text 0!!"), &json!("text 999"), &json!(true)));
}

#[tokio::test]
async fn memory_without_end_is_refused_and_the_next_call_works() {
    let source = "
        const AV = require('leanengine');
        const bombs = {
            bytes() { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); },
            text() { let text = 'x'; for (;;) text += text; },
            objects() { const all = []; for (;;) all.push({}); },
            keys() { const all = {}; for (let i = 0; ; i++) all['key' + i] = i; },
            array() { return new Array(2 ** 32 - 1).fill(0); },
            repeated() { return 'x'.repeat(2 ** 29); },
        };
        AV.Cloud.define('kinds', () => Object.keys(bombs));
        AV.Cloud.define('bomb', (request) => { bombs[request.params.kind](); return 'survived'; });";
    let test = deployed(source).await;
    let limits = Limits { memory_bytes: 48 << 20, cpu_time_ms: 60_000, deadline_ms: 60_000, ..Limits::default() };
    test.engine.set_limits("demo", limits).await.unwrap();
    for kind in kinds(&test).await {
        let outcome = test.call("bomb", &json!({ "kind": kind }).to_string()).await;
        assert!(!matches!(outcome, Outcome::Replied(_)), "{kind}: {outcome:?}");
    }
    assert!(!kinds(&test).await.is_empty());
}

#[tokio::test]
async fn replies_that_are_no_json_are_refused_with_the_reason() {
    let test = deployed(VALUES).await;
    for (name, word) in [("big", "BigInt"), ("cycle", "circular"), ("getter", "not today"), ("proxy", "no keys")] {
        let (status, code, message) = refusal(&test, name, &json!({})).await;
        assert_eq!((status, code), (500, 1), "{name}: {message}");
        assert!(message.contains(word), "{name}: {message}");
    }
    for name in ["nothing", "function"] {
        assert_eq!(test.call(name, "{}").await, replied(""), "{name}");
    }
}

#[tokio::test]
async fn half_surrogates_come_and_go_as_they_are() {
    let test = deployed(VALUES).await;
    let Outcome::Replied(text) = test.call("halves", r#"{"text":"a\ud800b"}"#).await else { panic!("refused") };
    assert_eq!(text, "{\"got\":[\"61\",\"d800\",\"62\"],\"sent\":\"\\ud800 and \\udc00\",\"joined\":\"\u{1F600}\"}");
    let (status, _, message) = refusal(&test, "throw", &json!({ "kind": "halves" })).await;
    assert_eq!((status, message.as_str()), (500, "half \u{FFFD}"));
}

#[tokio::test]
async fn whatever_a_handler_throws_becomes_a_refusal() {
    let test = deployed(VALUES).await;
    for kind in kinds(&test).await {
        for way in ["throw", "reject", "later"] {
            let (status, _, message) = refusal(&test, way, &json!({ "kind": kind })).await;
            assert!(status == 400 || status == 500, "{way} {kind}: {status}");
            assert!(!message.is_empty(), "{way} {kind}");
        }
    }
    let nothing = (400, 1, "unknown error".to_owned());
    assert_eq!(refusal(&test, "reject", &json!({ "kind": "undefined" })).await, nothing);
    assert_eq!(refusal(&test, "throw", &json!({ "kind": "string" })).await, (400, 1, "a text".to_owned()));
    assert_eq!(refusal(&test, "throw", &json!({ "kind": "object" })).await, (400, 7, "an object".to_owned()));
}

#[tokio::test]
async fn uncaught_exceptions_are_logged_and_change_no_reply() {
    let test = deployed(VALUES).await;
    for kind in kinds(&test).await {
        assert_eq!(reply(&test, "unhandled", &json!({ "kind": kind })).await, "replied", "{kind}");
    }
    test.engine.work_is_done().await;
    let lines = test.engine.recent_logs("demo");
    let found = lines.iter().filter(|line| line.level == LogLevel::Error && line.text.contains("odd")).count();
    assert!(found >= 2, "a rejection and an exception of a timer: {lines:?}");
}
