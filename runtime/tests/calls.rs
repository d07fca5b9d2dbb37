//! Deploying well-behaved modules and calling them.

#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hookd_runtime::{CreateAppError, Engine, Environment, Isolation, Limits, LogLevel, NewApp, Outcome};
use support::{Guest, TestEngine, config, deployment, invocation, replied};
use tempfile::TempDir;

#[tokio::test]
async fn a_deployed_function_answers_at_once() {
    let test = TestEngine::start().await;
    let release = test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    assert_eq!(release.version, 1);
    assert_eq!(release.definitions[0].name, "hello");
    assert!(test.engine.defines("demo", Environment::Production, "hello"));
    assert_eq!(test.call("hello", r#"{"a":1}"#).await, replied(r#"{"a":1}"#));
}

#[tokio::test]
async fn nothing_of_one_call_is_visible_in_the_next() {
    let test = TestEngine::start().await;
    let counts = "(i32.store8 (i32.const 128) (i32.add (i32.load8_u (i32.const 128)) (i32.const 49)))
                  (return (call $reply (i32.const 128) (i32.const 1)))";
    test.deploy(Guest::new().function("count", counts).build()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(test.call("count", "{}").await, replied("1"));
    }
}

#[tokio::test]
async fn a_function_fails_with_its_own_code_status_and_text() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().fails("no", 1234, 418, "too few").fails("odd", 7, 200, "x").build()).await.unwrap();
    let expected = Outcome::Failed { code: 1234, status: 418, message: "too few".to_owned() };
    assert_eq!(test.call("no", "{}").await, expected);
    let expected = Outcome::Failed { code: 7, status: 500, message: "x".to_owned() };
    assert_eq!(test.call("odd", "{}").await, expected);
}

#[tokio::test]
async fn unknown_functions_apps_and_environments_are_not_defined() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    assert_eq!(test.call("other", "{}").await, Outcome::NotDefined);
    let mut call = invocation("hello", "{}", Duration::from_secs(1));
    call.environment = Environment::Staging;
    assert_eq!(test.engine.call(call.clone()).await, Outcome::NotDefined);
    call.app_id = "nobody".to_owned();
    assert_eq!(test.engine.call(call).await, Outcome::NotDefined);
}

#[tokio::test]
async fn a_reply_of_nothing_is_empty() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().replies("nothing", "").build()).await.unwrap();
    assert_eq!(test.call("nothing", "{}").await, replied(""));
}

#[tokio::test]
async fn a_module_that_outgrows_its_initial_memory_gets_more() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    let long = format!("\"{}\"", "x".repeat(3 << 20));
    assert_eq!(test.call("hello", &long).await, replied(&long));
}

#[tokio::test]
async fn a_new_version_takes_effect_on_the_next_call_and_rollback_undoes_it() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().replies("version", "1").build()).await.unwrap();
    test.deploy(Guest::new().replies("version", "2").build()).await.unwrap();
    assert_eq!(test.call("version", "{}").await, replied("2"));
    assert_eq!(test.engine.rollback("demo", None, Default::default()).await.unwrap().version, 1);
    assert_eq!(test.call("version", "{}").await, replied("1"));
    assert!(test.engine.rollback("demo", None, Default::default()).await.is_err());
    assert_eq!(test.engine.rollback("demo", Some(2), Default::default()).await.unwrap().version, 2);
    assert_eq!(test.call("version", "{}").await, replied("2"));
}

#[tokio::test]
async fn publishing_moves_the_version_of_staging_to_production() {
    let test = TestEngine::start().await;
    assert!(test.engine.publish("demo", Default::default()).await.is_err());
    test.deploy_to(Environment::Staging, Guest::new().replies("version", "1").build()).await.unwrap();
    assert!(!test.engine.defines("demo", Environment::Production, "version"));
    let release = test.engine.publish("demo", Default::default()).await.unwrap();
    assert_eq!((release.version, release.environment), (1, Environment::Production));
    assert_eq!(test.call("version", "{}").await, replied("1"));
}

#[tokio::test]
async fn a_reopened_engine_serves_what_was_live() {
    let folder = tempfile::tempdir().unwrap();
    let app_key;
    {
        let engine = Engine::open(config(&folder)).await.unwrap();
        let app = engine.create_app(NewApp::named("demo")).await.unwrap();
        app_key = app.app_key.clone();
        for (environment, reply) in [(Environment::Production, "1"), (Environment::Staging, "2")] {
            let module = Guest::new().replies("version", reply).build();
            engine.deploy(deployment("demo", environment, Isolation::PerCall, module), &|_| {}).await.unwrap();
        }
    }
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(engine.app("demo").unwrap().app_key, app_key);
    assert_eq!(engine.live_version("demo", Environment::Production), Some(1));
    assert_eq!(engine.live_version("demo", Environment::Staging), Some(2));
    assert_eq!(engine.call(invocation("version", "{}", Duration::from_secs(5))).await, replied("1"));
}

/// The files of a folder of the engine's.
fn files(folder: &TempDir, name: &str) -> Vec<PathBuf> {
    std::fs::read_dir(folder.path().join("engine").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn machine_code_that_is_gone_or_unusable_is_compiled_again_on_start() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let artifact = files(&folder, "artifacts").pop().unwrap();
    let whole = std::fs::read(&artifact).unwrap();
    let cut = |length: usize| Some(whole[..length].to_vec());
    let unusable = [
        None,
        Some(b"not machine code".to_vec()),
        Some(vec![0; whole.len()]),
        cut(0),
        cut(1),
        cut(64),
        cut(whole.len() / 2),
        cut(whole.len() - 1),
    ];
    for content in unusable {
        let length = content.as_ref().map(Vec::len);
        match content {
            None => std::fs::remove_file(&artifact).unwrap(),
            Some(content) => std::fs::write(&artifact, content).unwrap(),
        }
        let engine = Engine::open(config(&folder)).await.unwrap();
        let outcome = engine.call(invocation("hello", "{}", Duration::from_secs(5))).await;
        assert_eq!(outcome, replied("{}"), "{length:?} bytes");
        drop(engine);
        assert_eq!(std::fs::read(&artifact).unwrap().len(), whole.len(), "mended on disk, too");
    }
}

#[tokio::test]
async fn a_damaged_stored_module_is_reported_with_the_fix_and_mended_by_a_deployment() {
    let test = TestEngine::start().await;
    let module = Guest::new().echo("hello").build();
    test.deploy(module.clone()).await.unwrap();
    let another = Guest::new().replies("hello", "\"another\"").build();
    let TestEngine { mut engine, folder, .. } = test;
    for damaged in [module[..module.len() / 2].to_vec(), Vec::new(), vec![0xff; 5_000], another.clone()] {
        drop(engine);
        let length = damaged.len();
        for artifact in files(&folder, "artifacts") {
            std::fs::remove_file(artifact).unwrap();
        }
        for stored in files(&folder, "modules") {
            std::fs::write(stored, &damaged).unwrap();
        }
        engine = Engine::open(config(&folder)).await.unwrap();
        let outcome = engine.call(invocation("hello", "{}", Duration::from_secs(5))).await;
        let Outcome::Unavailable { message } = &outcome else { panic!("{length} bytes: {outcome:?}") };
        assert!(message.contains("is damaged") && message.contains("deploy it again"), "{length} bytes: {message}");
        let again = deployment("demo", Environment::Production, Isolation::PerCall, module.clone());
        engine.deploy(again, &|_| {}).await.unwrap();
        assert_eq!(engine.call(invocation("hello", "{}", Duration::from_secs(5))).await, replied("{}"));
        assert_eq!(std::fs::read(files(&folder, "modules").pop().unwrap()).unwrap(), module);
    }
}

#[tokio::test]
async fn the_same_bytes_are_compiled_once() {
    let test = TestEngine::start().await;
    let module = Guest::new().echo("hello").build();
    test.deploy(module.clone()).await.unwrap();
    let artifacts = || std::fs::read_dir(test.folder.path().join("engine/artifacts")).unwrap().count();
    assert_eq!(artifacts(), 1);
    let release = test.deploy(module).await.unwrap();
    assert_eq!(release.version, 2);
    assert_eq!(artifacts(), 1);
}

#[tokio::test]
async fn log_lines_carry_level_source_function_and_version() {
    let test = TestEngine::start().await;
    let mut guest = Guest::new()
        .import(r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#, "");
    let (source, source_length) = guest.constant("audit");
    let (text, length) = guest.constant("one\ntwo\u{1b}[0m");
    let body = format!(
        "(call $log (i32.const 3) (i32.const {source}) (i32.const {source_length}) (i32.const {text}) \
         (i32.const {length})) (return (call $params (local.get $args)))"
    );
    test.deploy(guest.function("hello", &body).build()).await.unwrap();
    test.call("hello", "{}").await;
    let lines = test.engine.recent_logs("demo");
    let line = &lines[0];
    assert_eq!((line.level, line.source.as_str(), line.text.as_str()), (LogLevel::Warn, "audit", "one\\ntwo[0m"));
    assert_eq!((line.function.as_str(), line.version), ("hello", 1));
}

#[tokio::test]
async fn an_idle_engine_still_stops_a_runaway_function() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().function("spin", "(loop $l (br $l))").build()).await.unwrap();
    // Longer than the ticking thread goes on without calls.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let started = Instant::now();
    let outcome = test.call_within("spin", Duration::from_millis(50)).await;
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_call_in_flight_ends_on_the_version_it_began_with() {
    let test = TestEngine::start().await;
    let mut slow = Guest::new().import(
        r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
               (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
               (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
        "package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }
             package wasi:clocks@0.2.0 { interface monotonic-clock {
                 use wasi:io/poll@0.2.0.{pollable};
                 type duration = u64;
                 subscribe-duration: func(when: duration) -> pollable;
             } }
             world: import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;",
    );
    let (text, length) = slow.constant("1");
    let body = format!(
        "(call $log (i32.const 2) (i32.const {text}) (i32.const 1) (i32.const {text}) (i32.const 1))
         (call $block (call $after (i64.const 700000000)))
         (return (call $reply (i32.const {text}) (i32.const {length})))"
    );
    test.deploy(slow.function("version", &body).build()).await.unwrap();
    let engine = test.engine.clone();
    let began = tokio::spawn(async move { engine.call(invocation("version", "{}", Duration::from_secs(10))).await });
    while test.engine.recent_logs("demo").is_empty() {
        tokio::task::yield_now().await;
    }
    test.deploy(Guest::new().replies("version", "2").build()).await.unwrap();
    assert!(!began.is_finished());
    assert_eq!(test.call("version", "{}").await, replied("2"));
    assert_eq!(began.await.unwrap(), replied("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_under_load_lose_no_call() {
    let test = TestEngine::start().await;
    let versions = [Guest::new().replies("version", "1").build(), Guest::new().replies("version", "2").build()];
    test.deploy(versions[0].clone()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (engine, stop) = (test.engine.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let outcome = engine.call(invocation("version", "{}", Duration::from_secs(10))).await;
                    assert!(outcome == replied("1") || outcome == replied("2"), "{outcome:?}");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 1..=10 {
        test.deploy(versions[round % 2].clone()).await.unwrap();
        let expected = replied(if round % 2 == 0 { "1" } else { "2" });
        assert_eq!(test.call("version", "{}").await, expected, "the very next call");
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn a_live_module_that_is_lost_makes_its_functions_unavailable_and_nothing_else() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    for lost in ["modules", "artifacts"] {
        std::fs::remove_dir_all(folder.path().join("engine").join(lost)).unwrap();
    }
    let engine = Engine::open(config(&folder)).await.unwrap();
    let outcome = engine.call(invocation("hello", "{}", Duration::from_secs(5))).await;
    let Outcome::Unavailable { message } = &outcome else { panic!("{outcome:?}") };
    assert!(message.contains("is missing") && message.contains("deploy it again"), "{message}");
    let module = Guest::new().replies("hello", "2").build();
    let deployment = deployment("demo", Environment::Production, Isolation::PerCall, module);
    engine.deploy(deployment, &|_| {}).await.unwrap();
    assert_eq!(engine.call(invocation("hello", "{}", Duration::from_secs(5))).await, replied("2"));
}

#[tokio::test]
async fn an_app_id_is_taken_once_and_must_be_valid() {
    let test = TestEngine::start().await;
    assert!(matches!(test.engine.create_app(NewApp::named("demo")).await, Err(CreateAppError::Exists(_))));
    assert!(matches!(test.engine.create_app(NewApp::named("a/b")).await, Err(CreateAppError::InvalidId(_))));
}

#[tokio::test]
async fn limits_outlive_a_restart_and_must_be_valid() {
    let test = TestEngine::start().await;
    let limits = Limits { deadline_ms: 1_234, ..Limits::default() };
    test.engine.set_limits("demo", limits.clone()).await.unwrap();
    assert!(test.engine.set_limits("demo", Limits { concurrency: 0, ..Limits::default() }).await.is_err());
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(engine.limits("demo"), Some(limits));
}

#[tokio::test]
async fn the_data_folder_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = TestEngine::start().await;
    for folder in ["engine", "engine/modules", "engine/artifacts"] {
        let mode = std::fs::metadata(test.folder.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_function_and_outcome_over_versions() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").fails("no", 1, 400, "no").build()).await.unwrap();
    test.call("hello", "{}").await;
    test.call("no", "{}").await;
    test.call("nobody", "{}").await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    test.call("hello", "{}").await;
    let stats = test.engine.app_stats("demo").unwrap();
    let names: Vec<&str> = stats.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["hello"], "what no live version defines is gone");
    let hello = &stats.functions[0];
    assert_eq!(hello.outcomes, [("replied".to_owned(), 2)].into());
    assert_eq!(hello.durations.iter().sum::<u64>(), 2);
    assert!(hello.peak_memory_bytes >= 65_536 && hello.total_seconds > 0.0, "{hello:?}");
    assert_eq!((stats.running_calls, stats.queued_calls), (0, 0));
    let all = test.engine.stats();
    assert_eq!((all.undefined_calls, all.running_instances, all.guest_memory_bytes), (1, 0, 0));
    assert!(all.loaded_modules >= 1);
    assert!(test.engine.app_stats("nobody").is_none());
}
