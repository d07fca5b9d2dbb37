//! Every limit of an app and of a function, each reached by a hostile module: the outcome names the limit and its
//! value, the module's next call works, and another app's calls all succeed meanwhile.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, Instant};

use hookd_runtime::{AppSettings, EgressConfig, Environment, Isolation, LimitSettings, NewApp, Outcome};
use serde_json::json;
use support::{HttpServer, TestEngine, invocation, module};
use tokio::task::JoinHandle;

const MESSAGE: &str = r#"{"fromPeer":"Tom","convId":"c1","toPeers":["Jerry"],"transient":false,"bin":false,
    "content":"hello","receipt":false,"timestamp":1700000000123,"system":null,"sourceIP":"203.0.113.7","groupId":null}"#;
const HOOK: &str = "_messageReceived";
/// While a hostile module is called once.
const NEIGHBOUR_CALLS: u32 = 30;
const LONG: Duration = Duration::from_secs(60);

/// A limit, and the module that meets it.
struct Case {
    limits: &'static [(&'static str, u64)],
    module: &'static str,
    function: &'static str,
    /// What is in the outcome's text, or in the last line of the log.
    told: &'static str,
    outcome: &'static str,
}

const fn case(
    module: &'static str,
    limits: &'static [(&'static str, u64)],
    outcome: &'static str,
    told: &'static str,
) -> Case {
    Case { limits, module, function: HOOK, told, outcome }
}

const CASES: [Case; 14] = [
    case("infinite-loop", &[("deadline_ms", 60)], "timeout", "within 60 ms (limit `deadline_ms`)"),
    case("infinite-loop", &[("cpu_time_ms", 40)], "timeout", "within 40 ms (limit `cpu_time_ms`)"),
    case("memory-bomb", &[("memory_bytes", 4 << 20)], "out_of_memory", "limit `memory_bytes` of 4194304"),
    case("table-hoard", &[("table_elements", 500)], "trap", "limit `table_elements` of 500"),
    // The stack of a Rust module is part of its memory; that of the engine has a test with a module without one.
    case("deep-recursion", &[], "trap", "out of bounds"),
    Case {
        function: "large",
        ..case("huge-reply", &[("reply_bytes", 1_000)], "bad_reply", "limit `reply_bytes` of 1000")
    },
    case("word-filter", &[("request_bytes", 100)], "failed", "limit `request_bytes` of 100"),
    case("log-flood", &[("log_lines", 20)], "replied", "1980 log lines were dropped: the limit `log_lines` is 20"),
    case("log-flood", &[("log_bytes", 1_000)], "replied", "1990 log lines were dropped: the limit `log_bytes` is 1000"),
    Case { function: "flood", ..case("outbound", &[("http_requests", 3)], "failed", "limit `http_requests` of 3") },
    Case { function: "flood", ..case("outbound", &[("http_bytes", 200)], "failed", "limit `http_bytes` of 200") },
    case("cache-command-flood", &[("cache_commands", 5)], "failed", "limit `cache_commands` of 5"),
    case("cache-value-flood", &[("cache_bytes", 5_000)], "failed", "limit `cache_bytes` of 5000"),
    case("trap", &[], "trap", "unreachable"),
];

/// Where the limits are set.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scope {
    App,
    Function,
}

/// An engine with the apps `demo` and `neighbour`, which has a decent module.
async fn engine() -> TestEngine {
    let egress = EgressConfig { private_networks: vec!["127.0.0.0/8".parse().unwrap()], ..EgressConfig::default() };
    let test = TestEngine::with(|config| config.egress = egress).await;
    test.engine.create_app(NewApp::named("neighbour")).await.unwrap();
    let deployment =
        support::deployment("neighbour", Environment::Production, Isolation::PerCall, module("word-filter"));
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    test
}

async fn limit(test: &TestEngine, scope: Scope, case: &Case, server: &HttpServer) {
    let limits = case.limits.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let limits = match scope {
        Scope::App => LimitSettings { app: limits, ..LimitSettings::default() },
        Scope::Function => {
            LimitSettings { functions: [(case.function.to_owned(), limits)].into(), ..LimitSettings::default() }
        }
    };
    let allowed_hosts = [server.address.to_string().parse().unwrap()].into();
    test.engine.set_settings("demo", AppSettings { limits, allowed_hosts }).await.unwrap();
}

/// Calls of the neighbour one after the other, beside all other calls.
fn neighbour(test: &TestEngine) -> JoinHandle<()> {
    let engine = test.engine.clone();
    tokio::spawn(async move {
        for _ in 0..NEIGHBOUR_CALLS {
            let mut call = invocation(HOOK, MESSAGE, Duration::from_secs(10));
            call.app_id = "neighbour".to_owned();
            let outcome = engine.call(call).await;
            assert!(matches!(outcome, Outcome::Replied(_)), "the neighbour suffers: {outcome:?}");
            tokio::task::yield_now().await;
        }
    })
}

/// Calls the case's function while the neighbour calls; answers how long it took.
async fn meet(test: &TestEngine, case: &Case, scope: Scope, server: &HttpServer) -> Duration {
    let params = if case.function == HOOK { MESSAGE.to_owned() } else { json!({"url": server.url("/")}).to_string() };
    let neighbour = neighbour(test);
    let started = Instant::now();
    let outcome = test.engine.call(invocation(case.function, &params, LONG)).await;
    let took = started.elapsed();
    neighbour.await.unwrap();
    let log = test.engine.recent_logs("demo").pop().map(|line| line.text).unwrap_or_default();
    let context = format!("{} {:?} {scope:?}: {outcome}\n{log}", case.module, case.limits);
    assert_eq!(outcome.name(), case.outcome, "{context}");
    assert!(outcome.to_string().contains(case.told) || log.contains(case.told), "`{}`: {context}", case.told);
    took
}

async fn next_call_works(test: &TestEngine, case: &Case, scope: Scope) {
    let fits_no_more = case.limits.iter().any(|(name, _)| *name == "table_elements");
    if (fits_no_more && scope == Scope::App) || case.module == "word-filter" {
        // No instance of the module, or no message, fits into these limits.
        test.engine.set_settings("demo", AppSettings::default()).await.unwrap();
    }
    let (next, params) = match case.module {
        "word-filter" => (HOOK, MESSAGE),
        "cache-command-flood" | "cache-value-flood" => ("decent", "{}"),
        _ => ("hello", "{}"),
    };
    let outcome = test.engine.call(invocation(next, params, LONG)).await;
    assert!(
        matches!(outcome, Outcome::Replied(_)),
        "{} {:?} {scope:?}, the next call: {outcome:?}",
        case.module,
        case.limits
    );
}

async fn all_cases(scope: Scope) {
    let (test, server) = (engine().await, HttpServer::answering("ok").await);
    for case in &CASES {
        test.engine.set_settings("demo", AppSettings::default()).await.unwrap();
        test.deploy(module(case.module)).await.unwrap();
        limit(&test, scope, case, &server).await;
        meet(&test, case, scope, &server).await;
        next_call_works(&test, case, scope).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_an_app() {
    all_cases(Scope::App).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_a_function() {
    all_cases(Scope::Function).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrency_and_queue_of_an_app_and_of_a_function() {
    for scope in [Scope::App, Scope::Function] {
        let (test, server) = (engine().await, HttpServer::answering("ok").await);
        test.deploy(module("infinite-loop")).await.unwrap();
        let limits = &[("concurrency", 1), ("queue", 1), ("deadline_ms", 300)];
        limit(&test, scope, &case("infinite-loop", limits, "timeout", ""), &server).await;
        let neighbour = neighbour(&test);
        let call = || test.engine.call(invocation(HOOK, MESSAGE, LONG));
        // One runs, one waits, one is refused.
        let (runs, waits, refused) = tokio::join!(biased; call(), call(), call());
        neighbour.await.unwrap();
        let hello = test.engine.call(invocation("hello", "{}", LONG)).await;
        assert_eq!((runs.name(), waits.name(), refused.name()), ("timeout", "timeout", "overloaded"), "{scope:?}");
        assert!(refused.to_string().contains("`concurrency` 1 and `queue` 1"), "{refused}");
        assert!(matches!(hello, Outcome::Replied(_)), "{scope:?}, the next call: {hello:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_at_its_own_limit_leaves_places_to_the_others() {
    let (test, server) = (engine().await, HttpServer::answering("ok").await);
    test.deploy(module("infinite-loop")).await.unwrap();
    let limits = &[("concurrency", 1), ("queue", 10), ("deadline_ms", 300)];
    limit(&test, Scope::Function, &case("infinite-loop", limits, "timeout", ""), &server).await;
    let spinning = async {
        let call = || test.engine.call(invocation(HOOK, MESSAGE, LONG));
        tokio::join!(call(), call(), call())
    };
    let others = async {
        for _ in 0..20 {
            let outcome = test.engine.call(invocation("hello", "{}", Duration::from_millis(250))).await;
            assert!(matches!(outcome, Outcome::Replied(_)), "{outcome:?}");
        }
    };
    tokio::join!(spinning, others);
}

/// `make test-hostile` runs it alone, and shows what it measured.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_rounds_of_all_hostile_modules() {
    let (test, server) = (engine().await, HttpServer::answering("ok").await);
    let mut overshoots = Vec::new();
    for case in &CASES {
        test.engine.set_settings("demo", AppSettings::default()).await.unwrap();
        test.deploy(module(case.module)).await.unwrap();
        for round in 0..100 {
            let scope = if round % 2 == 0 { Scope::App } else { Scope::Function };
            limit(&test, scope, case, &server).await;
            let took = meet(&test, case, scope, &server).await;
            if case.limits[..].iter().any(|(name, _)| *name == "deadline_ms") {
                overshoots.push(took.saturating_sub(Duration::from_millis(case.limits[0].1)));
            }
            next_call_works(&test, case, scope).await;
        }
    }
    overshoots.sort();
    let (median, worst) = (overshoots[overshoots.len() / 2], overshoots[overshoots.len() - 1]);
    println!("a runaway hook was stopped {median:?} after its deadline at the median, {worst:?} at the worst");
}
