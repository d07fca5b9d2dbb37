//! Functions that misbehave: each ends with its own outcome, and the next call works.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, Instant};

use hookd_runtime::{Limits, LogLevel, NewApp, Outcome, Overload, TimeLimit};
use support::{Guest, TestEngine, invocation, replied};

const SPIN: &str = "(loop $l (br $l))";

/// Deploys a guest with the function `bad` besides a decent one, and shows that the decent one works afterwards.
async fn outcome_of(guest: Guest, limits: Limits, deadline: Duration) -> Outcome {
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", limits).await.unwrap();
    test.deploy(guest.echo("good").build()).await.unwrap();
    let outcome = test.call_within("bad", deadline).await;
    assert_eq!(test.call("good", "{}").await, replied("{}"), "the call after it");
    outcome
}

async fn outcome_of_body(body: &str) -> Outcome {
    outcome_of(Guest::new().function("bad", body), Limits::default(), Duration::from_secs(10)).await
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline() {
    let deadline = Duration::from_millis(100);
    let test = TestEngine::start().await;
    test.deploy(Guest::new().function("bad", SPIN).echo("good").build()).await.unwrap();
    let started = Instant::now();
    let Outcome::TimedOut { limit, by: TimeLimit::Caller } = test.call_within("bad", deadline).await else {
        panic!("not timed out")
    };
    assert!(started.elapsed() >= deadline);
    assert!(limit <= deadline);
    assert_eq!(test.call("good", "{}").await, replied("{}"));
}

#[tokio::test]
async fn an_endless_loop_ends_when_its_cpu_time_is_used_up() {
    let limits = Limits { cpu_time_ms: 20, ..Limits::default() };
    let outcome = outcome_of(Guest::new().function("bad", SPIN), limits, Duration::from_secs(10)).await;
    assert_eq!(outcome, Outcome::TimedOut { limit: Duration::from_millis(20), by: TimeLimit::CpuTime });
}

#[tokio::test]
async fn the_apps_own_deadline_applies_when_the_caller_allows_more() {
    let limits = Limits { deadline_ms: 50, ..Limits::default() };
    let outcome = outcome_of(Guest::new().function("bad", SPIN), limits, Duration::from_secs(60)).await;
    assert_eq!(outcome, Outcome::TimedOut { limit: Duration::from_millis(50), by: TimeLimit::Deadline });
}

#[tokio::test]
async fn a_function_that_waits_in_the_host_ends_at_the_deadline() {
    let sleeps = Guest::new()
        .import(
            r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
               (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
            "package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }
             package wasi:clocks@0.2.0 { interface monotonic-clock {
                 use wasi:io/poll@0.2.0.{pollable};
                 type duration = u64;
                 subscribe-duration: func(when: duration) -> pollable;
             } }
             world: import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;",
        )
        .function("bad", "(call $block (call $after (i64.const 3600000000000)))");
    let outcome = outcome_of(sleeps, Limits::default(), Duration::from_millis(50)).await;
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_memory_bomb_is_out_of_memory() {
    let bomb = "(loop $l
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (memory.fill (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1048576))
            (i32.const 1) (i32.const 1048576))
        (br $l))";
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let outcome = outcome_of(Guest::new().function("bad", bomb), limits, Duration::from_secs(10)).await;
    assert_eq!(outcome, Outcome::OutOfMemory { limit_bytes: 16 << 20 });
}

#[tokio::test]
async fn a_refusal_of_memory_that_a_function_handles_is_no_failure() {
    let careful = Guest::new().function(
        "bad",
        "(if (i32.ne (memory.grow (i32.const 30000)) (i32.const -1)) (then (unreachable)))
         (return (call $params (local.get $args)))",
    );
    let outcome = outcome_of(careful, Limits::default(), Duration::from_secs(10)).await;
    assert_eq!(outcome, replied("{}"));
}

#[tokio::test]
async fn an_initial_memory_over_the_limit_is_out_of_memory() {
    let limits = Limits { memory_bytes: 1 << 16, ..Limits::default() };
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("good").build()).await.unwrap();
    test.engine.set_limits("demo", limits).await.unwrap();
    assert_eq!(test.call("good", "{}").await, Outcome::OutOfMemory { limit_bytes: 1 << 16 });
}

#[tokio::test]
async fn calls_that_together_exceed_the_memory_budget_are_overloaded() {
    let test = TestEngine::with(|config| config.memory_budget = 1 << 20).await;
    let grow = "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then (unreachable)))
                (return (call $params (local.get $args)))";
    test.deploy(Guest::new().function("bad", grow).echo("good").build()).await.unwrap();
    for _ in 0..20 {
        let full = Outcome::Overloaded(Overload::Memory { budget_bytes: 1 << 20 });
        assert_eq!(test.call("bad", "{}").await, full);
        assert_eq!(test.call("good", "{}").await, replied("{}"), "the budget is given back");
    }
}

#[tokio::test]
async fn deep_recursion_traps() {
    let guest = Guest::new()
        .items("(func $down (param i64) (result i64) (i64.add (call $down (local.get 0)) (i64.const 1)))")
        .function("bad", "(drop (call $down (i64.const 0)))");
    let outcome = outcome_of(guest, Limits::default(), Duration::from_secs(10)).await;
    let Outcome::Trapped { message } = outcome else { panic!("{outcome:?}") };
    assert!(message.starts_with("call stack exhausted (limit `guest_stack_bytes` of 2097152)"), "{message}");
}

#[tokio::test]
async fn a_table_that_grows_over_the_limit_traps_with_the_limit() {
    let guest = Guest::new().items("(table $grown 1 funcref)").function(
        "bad",
        "(loop $l (br_if $l (i32.ne (table.grow $grown (ref.null func) (i32.const 100)) (i32.const -1)))) (unreachable)",
    );
    let limits = Limits { table_elements: 1_000, ..Limits::default() };
    let outcome = outcome_of(guest, limits, Duration::from_secs(10)).await;
    let Outcome::Trapped { message } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("a table of 1001, more than its limit `table_elements` of 1000"), "{message}");
}

#[tokio::test]
async fn a_trap_names_its_reason() {
    let Outcome::Trapped { message } = outcome_of_body("(unreachable)").await else { panic!("not trapped") };
    assert!(message.contains("`unreachable`"), "{message}");
    let Outcome::Trapped { message } = outcome_of_body("(drop (i32.div_u (i32.const 1) (i32.const 0)))").await else {
        panic!("not trapped")
    };
    assert!(message.contains("divide by zero"), "{message}");
}

#[tokio::test]
async fn exiting_is_a_trap() {
    let exits = Guest::new()
        .import(
            r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#,
            "package wasi:cli@0.2.6 { interface exit { exit: func(status: result); } }
             world: import wasi:cli/exit@0.2.6;",
        )
        .function("bad", "(call $exit (i32.const 1))");
    let outcome = outcome_of(exits, Limits::default(), Duration::from_secs(10)).await;
    assert_eq!(outcome, Outcome::Trapped { message: "it exited with status 1".to_owned() });
}

#[tokio::test]
async fn a_reply_that_is_not_json_is_bad() {
    for text in ["{", "hello", "{} {}", " ", "NaN", "'a'"] {
        let outcome = outcome_of(Guest::new().replies("bad", text), Limits::default(), Duration::from_secs(10)).await;
        assert!(matches!(outcome, Outcome::BadReply { .. }), "{text}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_reply_that_is_not_utf8_or_not_in_memory_is_bad() {
    let not_utf8 = "(i32.store8 (i32.const 128) (i32.const 255)) (return (call $reply (i32.const 128) (i32.const 1)))";
    let nowhere = "(return (call $reply (i32.const -16) (i32.const 8)))";
    for body in [not_utf8, nowhere] {
        let outcome = outcome_of_body(body).await;
        assert!(matches!(outcome, Outcome::BadReply { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_reply_of_100_megabytes_is_bad() {
    let huge = "(drop (memory.grow (i32.const 1600))) (return (call $reply (i32.const 0) (i32.const 100000000)))";
    let Outcome::BadReply { message } = outcome_of_body(huge).await else { panic!("accepted") };
    assert!(message.contains("limit `reply_bytes` of 10485760"), "{message}");
}

#[tokio::test]
async fn a_reply_at_the_limit_is_accepted_and_one_byte_more_is_not() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("good").build()).await.unwrap();
    test.engine.set_limits("demo", Limits { reply_bytes: 100_000, ..Limits::default() }).await.unwrap();
    let at = format!("\"{}\"", "x".repeat(99_998));
    assert_eq!(test.call("good", &at).await, replied(&at));
    let over = format!("\"{}\"", "x".repeat(99_999));
    let Outcome::BadReply { message } = test.call("good", &over).await else { panic!("accepted") };
    assert!(message.contains("limit `reply_bytes` of 100000"), "{message}");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() {
    let flood = Guest::new()
        .import(r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#, "")
        .items("(global $n (mut i32) (i32.const 1000))")
        .function(
            "bad",
            "(loop $l
                (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 3))
                (global.set $n (i32.sub (global.get $n) (i32.const 1)))
                (br_if $l (global.get $n)))
             (return (call $params (local.get $args)))",
        );
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", Limits { log_lines: 10, ..Limits::default() }).await.unwrap();
    test.deploy(flood.build()).await.unwrap();
    assert_eq!(test.call("bad", "{}").await, replied("{}"));
    let lines = test.engine.recent_logs("demo");
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[10].text, "990 log lines were dropped: the limit `log_lines` is 10");
}

#[tokio::test]
async fn text_on_stdout_is_a_log_line() {
    let mut writes = Guest::new().import(
        r#"(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
           (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
               (func $write (param i32 i32 i32 i32)))"#,
        "package wasi:io@0.2.0 {
             interface error { resource error; }
             interface streams {
                 use error.{error};
                 variant stream-error { last-operation-failed(error), closed }
                 resource output-stream {
                     blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                 }
             }
         }
         package wasi:cli@0.2.6 { interface stdout {
             use wasi:io/streams@0.2.0.{output-stream};
             get-stdout: func() -> output-stream;
         } }
         world: import wasi:cli/stdout@0.2.6; import wasi:io/streams@0.2.0;",
    );
    let (text, length) = writes.constant("first\nand a rest");
    let body = format!(
        "(call $write (call $stdout) (i32.const {text}) (i32.const {length}) (i32.const 256))
         (return (call $params (local.get $args)))"
    );
    let test = TestEngine::start().await;
    test.deploy(writes.function("hello", &body).build()).await.unwrap();
    assert_eq!(test.call("hello", "{}").await, replied("{}"));
    let lines = test.engine.recent_logs("demo");
    let written: Vec<_> = lines.iter().map(|line| (line.level, line.source.as_str(), line.text.as_str())).collect();
    assert_eq!(written, [(LogLevel::Info, "stdout", "first"), (LogLevel::Info, "stdout", "and a rest")]);
}

#[tokio::test]
async fn calls_beyond_concurrency_and_queue_are_overloaded_and_waiting_ones_time_out() {
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", Limits { concurrency: 1, queue: 1, ..Limits::default() }).await.unwrap();
    test.deploy(Guest::new().function("bad", SPIN).echo("good").build()).await.unwrap();
    let deadline = Duration::from_millis(200);
    let (runs, waits, refused) = tokio::join!(
        biased;
        test.call_within("bad", deadline),
        test.call_within("good", Duration::from_millis(50)),
        test.call_within("good", deadline),
    );
    assert!(matches!(runs, Outcome::TimedOut { .. }), "{runs:?}");
    assert!(matches!(waits, Outcome::TimedOut { .. }), "{waits:?}");
    assert_eq!(refused, Outcome::Overloaded(Overload::Calls { concurrency: 1, queue: 1 }));
    assert_eq!(test.call("good", "{}").await, replied("{}"));
}

/// F-5.
#[tokio::test]
async fn a_change_of_settings_gives_no_place_twice() {
    let test = TestEngine::start().await;
    let limits = Limits { concurrency: 1, queue: 1, ..Limits::default() };
    test.engine.set_limits("demo", limits.clone()).await.unwrap();
    test.deploy(Guest::new().function("bad", SPIN).echo("good").build()).await.unwrap();
    let changes = [Limits { log_lines: 7, ..limits.clone() }, Limits { queue: 2, ..limits }];
    let meanwhile = async {
        for change in changes {
            test.engine.set_limits("demo", change).await.unwrap();
            let waits = test.call_within("good", Duration::from_millis(50)).await;
            assert!(matches!(waits, Outcome::TimedOut { .. }), "{waits:?}");
        }
    };
    let (runs, ()) = tokio::join!(biased; test.call_within("bad", Duration::from_secs(1)), meanwhile);
    assert!(matches!(runs, Outcome::TimedOut { .. }), "{runs:?}");
    assert_eq!(test.call("good", "{}").await, replied("{}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_spins_at_full_concurrency_does_not_stop_another() {
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", Limits { concurrency: 4, ..Limits::default() }).await.unwrap();
    let module = Guest::new().function("bad", SPIN).echo("good").build();
    test.deploy(module.clone()).await.unwrap();
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let environment = hookd_runtime::Environment::Production;
    let deployment = support::deployment("other", environment, hookd_runtime::Isolation::PerCall, module);
    test.engine.deploy(deployment, &|_| {}).await.unwrap();

    let spinning: Vec<_> = (0..4)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { engine.call(invocation("bad", "{}", Duration::from_millis(500))).await })
        })
        .collect();
    let engine = test.engine.clone();
    let others = tokio::spawn(async move {
        for _ in 0..20 {
            let mut call = invocation("good", "{}", Duration::from_secs(5));
            call.app_id = "other".to_owned();
            assert_eq!(engine.call(call).await, replied("{}"));
        }
    });
    others.await.unwrap();
    for spinner in spinning {
        assert!(matches!(spinner.await.unwrap(), Outcome::TimedOut { .. }));
    }
}

#[tokio::test]
async fn a_hundred_rounds_of_every_misbehaviour_leave_the_engine_working() {
    let test = TestEngine::start().await;
    let limits = Limits { memory_bytes: 4 << 20, deadline_ms: 5, ..Limits::default() };
    let guest = Guest::new()
        .function("a", SPIN)
        .function("b", "(unreachable)")
        .function("c", "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)")
        .function("d", "(return (call $reply (i32.const -16) (i32.const 8)))")
        .items("(func $down (param i64) (result i64) (i64.add (call $down (local.get 0)) (i64.const 1)))")
        .function("e", "(drop (call $down (i64.const 0)))")
        .echo("good");
    test.deploy(guest.build()).await.unwrap();
    for _ in 0..100 {
        test.engine.set_limits("demo", limits.clone()).await.unwrap();
        for name in ["a", "b", "c", "d", "e"] {
            assert!(!matches!(test.call(name, "{}").await, Outcome::Replied(_)), "{name}");
        }
    }
    test.engine.set_limits("demo", Limits::default()).await.unwrap();
    assert_eq!(test.call("good", "{}").await, replied("{}"));
}
