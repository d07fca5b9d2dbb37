//! Versions whose instances serve many calls: what the next call finds, and when an instance is never used again.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::Duration;

use hookd_runtime::{Environment, Isolation, KeyKind, Limits, NewApp, Outcome};
use support::{Guest, TestEngine, deployment, invocation, replied};

/// Replies with a digit that is one more than that of the call before it in the same instance.
const COUNT: &str = "(i32.store8 (i32.const 128) (i32.add (i32.const 1)
    (select (i32.load8_u (i32.const 128)) (i32.const 48) (i32.load8_u (i32.const 128)))))
    (return (call $reply (i32.const 128) (i32.const 1)))";

const POLL: &str = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#;
const POLL_WIT: &str = "package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }
    package wasi:clocks@0.2.0 { interface monotonic-clock {
        use wasi:io/poll@0.2.0.{pollable};
        type duration = u64;
                 subscribe-duration: func(when: duration) -> pollable;
    } }
    world: import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;";

fn counter() -> Guest {
    Guest::new().function("count", COUNT)
}

/// What the next `calls` calls of `count` say, one digit each.
async fn counts(test: &TestEngine, calls: usize) -> String {
    let mut digits = String::new();
    for _ in 0..calls {
        let outcome = test.call("count", "{}").await;
        let Outcome::Replied(reply) = &outcome else { return format!("{digits} and then {outcome:?}") };
        digits.push_str(std::str::from_utf8(reply).unwrap());
    }
    digits
}

#[tokio::test]
async fn an_instance_of_a_warm_version_serves_the_next_call() {
    let test = TestEngine::start().await;
    let release = test.deploy_warm("demo", counter().build()).await.unwrap();
    assert_eq!(release.isolation, Isolation::Warm);
    assert_eq!(counts(&test, 5).await, "12345");
    assert_eq!(test.engine.idle_instances(), 1);
}

#[tokio::test]
async fn nothing_of_one_call_is_visible_in_the_next_unless_the_version_is_warm() {
    let test = TestEngine::start().await;
    let release = test.deploy(counter().build()).await.unwrap();
    assert_eq!(release.isolation, Isolation::PerCall);
    assert_eq!(counts(&test, 5).await, "11111");
    assert_eq!(test.engine.idle_instances(), 0);
}

#[tokio::test]
async fn after_a_failure_of_any_kind_an_instance_is_never_used_again() {
    let grow = "(drop (memory.grow (i32.const 10000))) (unreachable)";
    let greedy = "(drop (memory.grow (i32.const 10000))) (return (call $params (local.get $args)))";
    let failures = [
        ("its own error", counter().fails("bad", 1, 400, "no"), "failed"),
        ("a trap", counter().function("bad", "(unreachable)"), "trap"),
        ("the deadline", counter().function("bad", "(loop $l (br $l))"), "timeout"),
        ("no memory", counter().function("bad", grow), "out_of_memory"),
        ("memory refused, and a reply", counter().function("bad", greedy), "replied"),
        ("no JSON", counter().replies("bad", "{"), "bad_reply"),
    ];
    for (case, guest, outcome) in failures {
        let test = TestEngine::start().await;
        test.engine.set_limits("demo", Limits { memory_bytes: 1 << 20, ..Limits::default() }).await.unwrap();
        test.deploy_warm("demo", guest.build()).await.unwrap();
        assert_eq!(counts(&test, 2).await, "12", "{case}");
        assert_eq!(test.call_within("bad", Duration::from_millis(100)).await.name(), outcome, "{case}");
        assert_eq!(test.engine.idle_instances(), 0, "{case}");
        assert_eq!(counts(&test, 2).await, "12", "{case}");
    }
}

#[tokio::test]
async fn a_call_that_its_caller_gives_up_takes_its_instance_with_it() {
    let test = TestEngine::start().await;
    let mut guest = counter().import(
        &format!(r#"{POLL} (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#),
        POLL_WIT,
    );
    let (text, length) = guest.constant("waits");
    let body = format!(
        "(call $log (i32.const 2) (i32.const {text}) (i32.const {length}) (i32.const {text}) (i32.const {length}))
         (call $block (call $after (i64.const 3600000000000)))"
    );
    test.deploy_warm("demo", guest.function("wait", &body).build()).await.unwrap();
    assert_eq!(counts(&test, 2).await, "12");
    let engine = test.engine.clone();
    let call = tokio::spawn(async move { engine.call(invocation("wait", "{}", Duration::from_secs(10))).await });
    while test.engine.recent_logs("demo").is_empty() {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(test.engine.idle_instances(), 0);
    assert_eq!(counts(&test, 2).await, "12");
}

#[tokio::test]
async fn a_release_takes_the_instances_of_the_version_before_it_away() {
    let test = TestEngine::start().await;
    test.deploy_warm("demo", counter().build()).await.unwrap();
    assert_eq!(counts(&test, 3).await, "123");
    test.deploy_warm("demo", counter().build()).await.unwrap();
    assert_eq!(test.engine.idle_instances(), 0);
    assert_eq!(counts(&test, 2).await, "12");
    test.engine.rollback("demo", None, Default::default()).await.unwrap();
    assert_eq!(test.engine.idle_instances(), 0);
    assert_eq!(counts(&test, 2).await, "12");
    test.engine.delete_app("demo").await.unwrap();
    assert_eq!(test.engine.idle_instances(), 0);
}

/// A guest may have read the old key, and would go on with it.
#[tokio::test]
async fn a_new_key_takes_the_instances_that_know_the_old_one_away() {
    let test = TestEngine::start().await;
    test.deploy_warm("demo", counter().build()).await.unwrap();
    for kind in [KeyKind::App, KeyKind::Master, KeyKind::Hook] {
        assert_eq!(counts(&test, 2).await, "12");
        test.engine.rotate_key("demo", kind).await.unwrap();
        assert_eq!(test.engine.idle_instances(), 0, "{kind:?}");
    }
    assert_eq!(counts(&test, 2).await, "12");
}

#[tokio::test]
async fn environments_share_no_instance_of_a_published_version() {
    let test = TestEngine::start().await;
    let staged = deployment("demo", Environment::Staging, Isolation::Warm, counter().build());
    test.engine.deploy(staged, &|_| {}).await.unwrap();
    let mut in_staging = invocation("count", "{}", Duration::from_secs(10));
    in_staging.environment = Environment::Staging;
    assert_eq!(test.engine.call(in_staging.clone()).await, replied("1"));
    assert_eq!(test.engine.publish("demo", Default::default()).await.unwrap().isolation, Isolation::Warm);
    assert_eq!(counts(&test, 2).await, "12");
    assert_eq!(test.engine.call(in_staging).await, replied("2"));
}

#[tokio::test]
async fn apps_with_the_same_module_share_no_instance() {
    let test = TestEngine::start().await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    for app in ["demo", "other"] {
        test.deploy_warm(app, counter().build()).await.unwrap();
    }
    assert_eq!(counts(&test, 3).await, "123");
    let mut elsewhere = invocation("count", "{}", Duration::from_secs(10));
    elsewhere.app_id = "other".to_owned();
    assert_eq!(test.engine.call(elsewhere).await, replied("1"));
    assert_eq!(counts(&test, 1).await, "4");
}

#[tokio::test]
async fn an_instance_serves_as_many_calls_as_the_limit_says() {
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", Limits { warm_calls: 3, ..Limits::default() }).await.unwrap();
    test.deploy_warm("demo", counter().build()).await.unwrap();
    assert_eq!(counts(&test, 7).await, "1231231");
}

#[tokio::test]
async fn an_instance_whose_memory_grew_beyond_the_bound_is_replaced() {
    let test = TestEngine::start().await;
    let grow = "(drop (memory.grow (i32.const 2))) (return (call $params (local.get $args)))";
    test.deploy_warm("demo", counter().function("grow", grow).build()).await.unwrap();
    let bound = |pages: u64| Limits { warm_growth_bytes: pages << 16, ..Limits::default() };
    test.engine.set_limits("demo", bound(3)).await.unwrap();
    assert_eq!(counts(&test, 1).await, "1");
    test.call("grow", "{}").await;
    assert_eq!(counts(&test, 1).await, "2", "two pages are within the bound");
    test.call("grow", "{}").await;
    assert_eq!(counts(&test, 1).await, "1", "four are not");
}

#[tokio::test]
async fn every_call_has_budgets_and_a_log_of_its_own() {
    let test = TestEngine::start().await;
    let mut guest = counter()
        .import(r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#, "");
    let (text, length) = guest.constant("line");
    let log = format!(
        "(call $log (i32.const 2) (i32.const {text}) (i32.const {length}) (i32.const {text}) (i32.const {length}))"
    );
    let body = format!("{log} {log} (return (call $params (local.get $args)))");
    test.deploy_warm("demo", guest.function("talk", &body).build()).await.unwrap();
    test.engine.set_limits("demo", Limits { log_lines: 1, ..Limits::default() }).await.unwrap();
    for _ in 0..2 {
        test.call("talk", "{}").await;
    }
    assert_eq!(counts(&test, 1).await, "1", "all of it was one instance");
    let lines = test.engine.recent_logs("demo");
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let dropped = "1 log lines were dropped: the limit `log_lines` is 1";
    assert_eq!(texts, ["line", dropped, "line", dropped]);
    assert_ne!(lines[0].request_id, lines[2].request_id);
}

#[tokio::test]
async fn a_limit_that_was_lowered_applies_to_instances_that_wait() {
    let test = TestEngine::start().await;
    let grow = "(if (i32.eq (memory.grow (i32.const 8)) (i32.const -1)) (then (unreachable)))
        (return (call $params (local.get $args)))";
    test.deploy_warm("demo", counter().function("grow", grow).build()).await.unwrap();
    assert_eq!(counts(&test, 1).await, "1");
    test.engine.set_limits("demo", Limits { memory_bytes: 256 << 10, ..Limits::default() }).await.unwrap();
    assert_eq!(test.call("grow", "{}").await, Outcome::OutOfMemory { limit_bytes: 256 << 10 });
}

#[tokio::test]
async fn instances_that_wait_are_bounded_and_take_no_place_of_a_call() {
    let test = TestEngine::with(|config| {
        config.concurrent_calls = 2;
        config.idle_instances = 3;
    })
    .await;
    let apps = ["a", "b", "c", "d", "e"];
    let call = |app: &str, name: &str| {
        let mut call = invocation(name, "{}", Duration::from_secs(10));
        call.app_id = app.to_owned();
        call
    };
    for app in apps {
        test.engine.create_app(NewApp::named(app)).await.unwrap();
        test.deploy_warm(app, counter().import(POLL, POLL_WIT).function("wait", WAIT).build()).await.unwrap();
        assert_eq!(test.engine.call(call(app, "count")).await, replied("1"));
    }
    assert_eq!(test.engine.idle_instances(), 3);
    assert_eq!(test.engine.call(call("a", "count")).await, replied("1"), "waited longest, and made room");
    assert_eq!(test.engine.call(call("e", "count")).await, replied("2"));
    for _ in 0..4 {
        let (first, second) = tokio::join!(test.engine.call(call("b", "wait")), test.engine.call(call("c", "wait")));
        assert_eq!((first, second), (replied("{}"), replied("{}")));
    }
}

/// Long enough that two calls are there at the same time.
const WAIT: &str = "(call $block (call $after (i64.const 20000000))) (return (call $params (local.get $args)))";

#[tokio::test]
async fn instances_that_wait_give_their_memory_to_a_call_that_needs_it() {
    // Each guest begins with two pages.
    let test = TestEngine::with(|config| config.memory_budget = 6 << 16).await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    test.deploy_warm("other", counter().build()).await.unwrap();
    let needs_more = "(if (i32.eq (memory.grow (i32.const 2)) (i32.const -1)) (then (unreachable)))
        (return (call $params (local.get $args)))";
    test.deploy(Guest::new().function("grow", needs_more).build()).await.unwrap();
    let mut warm = invocation("count", "{}", Duration::from_secs(10));
    warm.app_id = "other".to_owned();
    assert_eq!(test.engine.call(warm).await, replied("1"));
    assert_eq!(test.engine.idle_instances(), 1);
    assert_eq!(test.call("grow", "{}").await, replied("{}"));
    assert_eq!(test.engine.idle_instances(), 0);
}

#[tokio::test]
async fn an_idle_instance_is_dropped_after_a_while() {
    let test = TestEngine::with(|config| config.idle_time = Duration::from_millis(50)).await;
    test.deploy_warm("demo", counter().build()).await.unwrap();
    assert_eq!(counts(&test, 1).await, "1");
    let gone = async {
        while test.engine.idle_instances() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert_eq!(counts(&test, 1).await, "1");
}

/// Memory that calls of the word filter held at most.
fn peak_memory(test: &TestEngine) -> u64 {
    test.engine.app_stats("demo").unwrap().functions.first().unwrap().peak_memory_bytes
}

#[tokio::test]
async fn the_memory_of_a_hook_does_not_grow_with_its_calls() {
    let test = TestEngine::start().await;
    test.deploy_warm("demo", support::module("word-filter")).await.unwrap();
    let params = |length: usize| {
        format!(r#"{{"fromPeer":"Tom","convId":"c","content":"{}","timestamp":1}}"#, "crap ".repeat(length / 5))
    };
    // Of the largest size that a message may have.
    assert_eq!(test.call("_messageReceived", &params(5_000)).await.name(), "replied");
    let initial = peak_memory(&test);
    assert!(initial <= 4 << 16, "a message of ordinary size makes the memory grow to {initial}");
    // Beyond what the initial memory has room for.
    assert_eq!(test.call("_messageReceived", &params(50_000)).await.name(), "replied");
    let grown = peak_memory(&test);
    assert!(grown > initial, "{grown}");
    for length in (0..200).map(|call| call % 7 * 8_000) {
        assert_eq!(test.call("_messageReceived", &params(length)).await.name(), "replied");
    }
    assert_eq!(test.engine.idle_instances(), 1, "one instance served all of them");
    assert!(peak_memory(&test) <= grown + (1 << 16), "from {grown} to {}", peak_memory(&test));
}
