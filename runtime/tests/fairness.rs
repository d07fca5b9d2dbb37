//! An app that computes as much as it can leaves room for the others.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, Instant};

use hookd_runtime::{Engine, Environment, Isolation, Limits, NewApp, Outcome};
use support::{Guest, TestEngine, deployment, invocation, replied};

const SPIN: &str = "(loop $l (br $l))";
const SPINNING: u32 = 48;

/// An engine with the app `demo` for spinning and the app `other` for short calls.
async fn two_apps() -> TestEngine {
    let test = TestEngine::with(|config| config.concurrent_calls = 64).await;
    test.engine.set_limits("demo", Limits { concurrency: SPINNING, ..Limits::default() }).await.unwrap();
    test.deploy(Guest::new().function("spin", SPIN).echo("good").build()).await.unwrap();
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let module = Guest::new().echo("good").function("work", WORK).build();
    let deployment = deployment("other", Environment::Production, Isolation::PerCall, module);
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    test
}

/// Computes for some hundred milliseconds, and answers.
const WORK: &str = "(loop $l
    (i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
    (br_if $l (i32.lt_u (i32.load (i32.const 256)) (i32.const 60000000))))
    (return (call $params (local.get $args)))";

fn spin(engine: &Engine, deadline: Duration) -> Vec<tokio::task::JoinHandle<Outcome>> {
    (0..SPINNING)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.call(invocation("spin", "{}", deadline)).await })
        })
        .collect()
}

/// From a task, as a request that arrives: the test itself has a thread of its own.
async fn of_other(engine: &Engine, name: &str) -> Outcome {
    let mut call = invocation(name, "{}", Duration::from_secs(20));
    call.app_id = "other".to_owned();
    let engine = engine.clone();
    tokio::spawn(async move { engine.call(call).await }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_calls_do_not_wait_for_an_app_that_spins_at_full_concurrency() {
    let test = two_apps().await;
    let spinning = spin(&test.engine, Duration::from_secs(15));
    // Several ticks: all of them have begun.
    of_other(&test.engine, "work").await;
    let mut latencies: Vec<Duration> = Vec::new();
    for _ in 0..100 {
        // One after the other without a pause, they would keep a thread to themselves.
        tokio::time::sleep(Duration::from_millis(3)).await;
        let asked = Instant::now();
        let outcome = of_other(&test.engine, "good").await;
        latencies.push(asked.elapsed());
        assert_eq!(outcome, replied("{}"));
    }
    assert!(spinning.iter().all(|call| !call.is_finished()), "they spun all the time");
    latencies.sort_unstable();
    // One tick of each spinning guest before every call would be 48 ms on two threads.
    assert!(latencies[50] < Duration::from_millis(10), "{latencies:?}");
    for call in spinning {
        call.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_call_gets_as_many_turns_as_all_calls_of_an_app_that_spins() {
    let test = two_apps().await;
    let started = Instant::now();
    assert_eq!(of_other(&test.engine, "work").await, replied("{}"));
    let alone = started.elapsed();
    let spinning = spin(&test.engine, Duration::from_secs(15));
    let started = Instant::now();
    assert_eq!(of_other(&test.engine, "work").await, replied("{}"));
    let beside = started.elapsed();
    // A turn per spinning guest would make it 49 times as long.
    assert!(beside < alone * 10, "alone {alone:?}, beside them {beside:?}");
    for call in spinning {
        call.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_spin_end_at_their_deadline_and_the_app_works_again() {
    let test = two_apps().await;
    let started = Instant::now();
    for call in spin(&test.engine, Duration::from_millis(200)) {
        assert!(matches!(call.await.unwrap(), Outcome::TimedOut { .. }));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(test.call("good", "{}").await, replied("{}"));
}
