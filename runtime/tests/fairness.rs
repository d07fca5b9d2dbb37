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

async fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Calls of the other app, each of which must succeed soon.
async fn others_are_called_in_time(test: &TestEngine) {
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(of_other(&test.engine, "good").await, replied("{}"));
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
}

/// F-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_with_its_concurrency_raised_leaves_places_to_others() {
    let test = two_apps().await;
    test.engine.set_limits("demo", Limits { concurrency: 100_000, ..Limits::default() }).await.unwrap();
    let spinning: Vec<_> = (0..7).flat_map(|_| spin(&test.engine, Duration::from_secs(15))).collect();
    let all = spinning.len() as u64;
    wait_for("all want a place", || test.engine.app_stats("demo").unwrap().running_calls == all).await;
    others_are_called_in_time(&test).await;
    assert_eq!(test.engine.stats().running_instances, 48, "three quarters of all places");
    assert!(spinning.iter().all(|call| !call.is_finished()), "they spun all the time");
    spinning.iter().for_each(tokio::task::JoinHandle::abort);
}

/// F-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_takes_all_memory_that_it_gets_leaves_some_to_others() {
    const BUDGET: u64 = 64 << 20;
    /// Takes memory until it is refused, and keeps it.
    const HOARD: &str =
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (loop $l (br $l))";
    let test = TestEngine::with(|config| config.memory_budget = BUDGET).await;
    test.deploy(Guest::new().function("hoard", HOARD).build()).await.unwrap();
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let module = Guest::new().echo("good").build();
    let deployment = deployment("other", Environment::Production, Isolation::PerCall, module);
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    let hoarding: Vec<_> = (0..64)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { engine.call(invocation("hoard", "{}", Duration::from_secs(15))).await })
        })
        .collect();
    wait_for("they hoard", || test.engine.stats().guest_memory_bytes > BUDGET / 2).await;
    others_are_called_in_time(&test).await;
    assert!(test.engine.stats().guest_memory_bytes <= BUDGET / 4 * 3);
    hoarding.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Deploys modules of `demo` in no order, all at once.
fn deploy_all(test: &TestEngine, modules: impl Iterator<Item = Vec<u8>>) -> Vec<tokio::task::JoinHandle<()>> {
    let deploying = |module| {
        let engine = test.engine.clone();
        let deployment = deployment("demo", Environment::Production, Isolation::PerCall, module);
        tokio::spawn(async move { drop(engine.deploy(deployment, &|_| {}).await) })
    };
    modules.map(deploying).collect()
}

/// F-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_module_to_be_compiled_is_another_apps() {
    let test = TestEngine::start().await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let versions = || test.engine.live_version("demo", Environment::Production).unwrap_or_default();
    let all = deploy_all(&test, (0..30).map(|number| Guest::new().replies("v", &number.to_string()).build()));
    wait_for("the first is live", || versions() > 0).await;
    let before = versions();
    let module = Guest::new().echo("good").build();
    let deployment = deployment("other", Environment::Production, Isolation::PerCall, module);
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    assert!(versions() <= before + 4, "{} of the first app came before it", versions() - before);
    for deploying in all {
        deploying.await.unwrap();
    }
    assert_eq!(versions(), 30);
}

/// F-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_that_never_say_what_they_define_keep_no_other_app_from_deploying() {
    let test = TestEngine::with(|config| config.definitions_deadline = Duration::from_secs(6)).await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let spins = |number: u32| Guest::new().replies("v", &number.to_string()).definitions("(loop $l (br $l))").build();
    let all = deploy_all(&test, (0..8).map(spins));
    wait_for("they are asked", || test.engine.stats().running_instances >= 3).await;
    let asked = Instant::now();
    let module = Guest::new().echo("good").build();
    let deployment = deployment("other", Environment::Production, Isolation::PerCall, module);
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    all.iter().for_each(tokio::task::JoinHandle::abort);
}
