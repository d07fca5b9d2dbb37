//! The JSON of the control API: each text is what hookd 0.1.0 sends or takes, and must stay so for programs of other versions.

use std::fmt::Debug;

use api_types::control::*;
use api_types::{Environment, HostPattern, Isolation, Profile};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The value is written as this JSON, and read from it.
#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, wire: Value) {
    assert_eq!(serde_json::to_value(&value).unwrap(), wire);
    assert_eq!(serde_json::from_value::<T>(wire).unwrap(), value);
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn refused<T: DeserializeOwned + Debug>(wire: Value) -> String {
    serde_json::from_value::<T>(wire).unwrap_err().to_string()
}

#[test]
fn apps() {
    let new = |profile| NewApp {
        id: text("shop"),
        app_key: Some(text("a-key-12")),
        master_key: None,
        hook_key: None,
        profile,
    };
    let wire = json!({"id": "shop", "app_key": "a-key-12", "master_key": null, "hook_key": null});
    same(new(Profile::Leancloud), wire.clone());
    let mut open = wire;
    open["profile"] = json!("open");
    same(new(Profile::Open), open);
    assert!(refused::<NewApp>(json!({"id": "shop", "profile": "closed"})).contains("unknown variant `closed`"));
    assert!(serde_json::from_value::<NewApp>(json!({"id": "shop"})).is_ok());
    assert!(refused::<NewApp>(json!({"id": "shop", "name": "Shop"})).contains("unknown field `name`"));
    let keys = AppKeys { app_id: text("shop"), app_key: text("a"), master_key: text("m"), hook_key: text("h") };
    same(keys, json!({"app_id": "shop", "app_key": "a", "master_key": "m", "hook_key": "h"}));
    same(DeletedApp { deleted: text("shop") }, json!({"deleted": "shop"}));

    let listed = AppSummary {
        app_id: text("demo"),
        app_key: text("a"),
        created_at_ms: Some(1_795_245_396_123),
        production: Some(LiveVersion { version: 3, functions: vec![text("_messageReceived")] }),
        staging: None,
        hook_key: None,
        breakers: None,
    };
    let wire = json!({
        "app_id": "demo", "app_key": "a", "created_at_ms": 1_795_245_396_123_i64,
        "production": {"version": 3, "functions": ["_messageReceived"]}, "staging": null,
    });
    same(listed.clone(), wire.clone());
    let mut shown = wire.clone();
    shown["hook_key"] = json!("h");
    shown["breakers"] = json!([]);
    same(AppSummary { hook_key: Some(text("h")), breakers: Some(Vec::new()), ..listed.clone() }, shown);
    let mut of_an_earlier_engine = wire;
    of_an_earlier_engine.as_object_mut().unwrap().remove("created_at_ms");
    same(AppSummary { created_at_ms: None, ..listed }, of_an_earlier_engine);
}

#[test]
fn breakers() {
    let open = Breaker {
        hook: text("_messageReceived"),
        state: BreakerState::HalfOpen,
        failures_in_a_row: 10,
        last_cause: Some(text("unavailable")),
        open_for_ms: Some(61_900),
        next_try_ms: None,
    };
    let wire = json!({
        "hook": "_messageReceived", "state": "half_open", "failures_in_a_row": 10, "last_cause": "unavailable",
        "open_for_ms": 61_900, "next_try_ms": null,
    });
    same(open, wire);
    same([BreakerState::Closed, BreakerState::Open], json!(["closed", "open"]));
}

#[test]
fn commands_of_the_cache() {
    let commands = vec![vec![CacheWord::Text(text("GET")), CacheWord::Bytes { base64: text("AP8=") }]];
    same(CacheCommands { commands }, json!({"commands": [["GET", {"base64": "AP8="}]]}));
    assert!(refused::<CacheCommands>(json!({"commands": [[1]]})).contains("expected text, or bytes as"));
    let replies = vec![
        CacheReply::Nil,
        CacheReply::Integer(-3),
        CacheReply::Text(text("b")),
        CacheReply::Bytes { base64: text("AP8=") },
        CacheReply::Status { status: text("OK") },
        CacheReply::Error { error: text("WRONGTYPE") },
        CacheReply::Array(vec![CacheReply::Array(Vec::new()), CacheReply::Nil]),
    ];
    let wire = json!([null, -3, "b", {"base64": "AP8="}, {"status": "OK"}, {"error": "WRONGTYPE"}, [[], null]]);
    same(CacheReplies { replies }, json!({"replies": wire}));
}

#[test]
fn dead_letters() {
    let letter = DeadLetter {
        id: 1_795_245_396_123,
        hook: text("_messageSent"),
        cause: text("failed"),
        reason: text("no room"),
        attempts: 8,
        queued_at: text("2026-11-21T05:14:36.123Z"),
        died_at: text("2026-11-21T05:16:36.123Z"),
        params: None::<Value>,
    };
    let mut wire = json!({
        "id": 1_795_245_396_123_u64, "hook": "_messageSent", "cause": "failed", "reason": "no room", "attempts": 8,
        "queued_at": "2026-11-21T05:14:36.123Z", "died_at": "2026-11-21T05:16:36.123Z",
    });
    same(letter.clone(), wire.clone());
    wire["params"] = json!({"content": "hi"});
    same(DeadLetter { params: Some(json!({"content": "hi"})), ..letter }, wire);

    let ids = DeadLetterSelection { ids: Some(vec![1, 2]), ..DeadLetterSelection::default() };
    same(ids, json!({"ids": [1, 2]}));
    same(DeadLetterSelection { all: true, ..DeadLetterSelection::default() }, json!({"all": true}));
    let of_one = DeadLetterSelection { all: true, hook: Some(text("_messageSent")), ..DeadLetterSelection::default() };
    same(of_one, json!({"all": true, "hook": "_messageSent"}));
    assert!(refused::<DeadLetterSelection>(json!({"everything": true})).contains("unknown field"));
    same(RetriedLetters { retried: 2 }, json!({"retried": 2}));
    same(DroppedLetters { dropped: 0 }, json!({"dropped": 0}));
}

#[test]
fn health_and_refusals() {
    same(
        Health { runtime: text("hookd-0.1.0"), version: text("0.1.0") },
        json!({"runtime": "hookd-0.1.0", "version": "0.1.0"}),
    );
    same(Refusal { code: 401, error: text("Unauthorized.") }, json!({"code": 401, "error": "Unauthorized."}));
}

#[test]
fn lines_of_the_log() {
    let line = LogLine {
        id: 42,
        time: text("2026-11-21T05:16:36.123Z"),
        level: LogLevel::Warn,
        app_id: text("demo"),
        environment: None,
        version: 3,
        function: text("hello"),
        request_id: text("r1"),
        source: text("stderr"),
        text: text("hi"),
    };
    let wire = json!({
        "event": "line", "id": 42, "time": "2026-11-21T05:16:36.123Z", "level": "warn", "app_id": "demo", "environment": null,
        "version": 3, "function": "hello", "request_id": "r1", "source": "stderr", "text": "hi",
    });
    same(LogEvent::Line(line), wire);
    same(LogEvent::Dropped { lines: 7 }, json!({"event": "dropped", "lines": 7}));
    same(LogEvent::Unreadable { lines: 1, files: 2 }, json!({"event": "unreadable", "lines": 1, "files": 2}));
    assert!(refused::<LogsQuery>(json!({"functions": "hello"})).contains("unknown field"));
    for level in [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error] {
        same(level, json!(level.name()));
    }
}

fn release() -> (Release, Value) {
    let release = Release {
        app_id: text("demo"),
        environment: Environment::Production,
        version: 3,
        module: text("0123"),
        isolation: Isolation::PerCall,
        functions: vec![text("hello")],
    };
    let wire = json!({
        "app_id": "demo", "environment": "production", "version": 3, "module": "0123", "isolation": "per-call",
        "functions": ["hello"],
    });
    (release, wire)
}

fn past_release() -> (PastRelease, Value) {
    let (release, mut wire) = release();
    let past = PastRelease {
        release,
        act: text("deploy"),
        at: text("2026-11-21T05:16:36.123Z"),
        size_bytes: 2_049,
        author: text("ada@build"),
        message: String::new(),
        live: true,
    };
    let more = json!({
        "act": "deploy", "at": "2026-11-21T05:16:36.123Z", "size_bytes": 2_049, "author": "ada@build", "message": "",
        "live": true,
    });
    wire.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (past, wire)
}

#[test]
fn releases() {
    let (released, wire) = release();
    same(released.clone(), wire.clone());
    let event = DeployEvent::Released { release: released };
    same(event, json!({"event": "released", "release": wire}));
    same::<DeployEvent>(
        DeployEvent::Stage { stage: text("compiling") },
        json!({"event": "stage", "stage": "compiling"}),
    );
    same::<DeployEvent>(DeployEvent::Refused { error: text("no") }, json!({"event": "refused", "error": "no"}));
    same::<DeployEvent>(DeployEvent::Failed { error: text("no") }, json!({"event": "failed", "error": "no"}));
    same(RollbackTo { version: None }, json!({"version": null}));
    assert_eq!(serde_json::from_value::<RollbackTo>(json!({})).unwrap(), RollbackTo { version: None });
    assert!(refused::<RollbackTo>(json!({"to": 1})).contains("unknown field"));
    let checked = CheckedVersion { environment: Environment::Staging, version: 1, problem: None };
    same(checked, json!({"environment": "staging", "version": 1, "problem": null}));

    let (past, wire_of_past) = past_release();
    same(past.clone(), wire_of_past.clone());
    let version = Version {
        app_id: text("demo"),
        version: 3,
        module: text("0123"),
        size_bytes: 2_049,
        isolation: Isolation::Warm,
        created_at: text("2026-11-21T05:16:36.123Z"),
        functions: vec![VersionFunction { name: text("hello"), internal: false }],
        variables: vec![ShownVariable { name: text("TOKEN"), value: None, secret: true }],
        releases: vec![past],
    };
    let wire = json!({
        "app_id": "demo", "version": 3, "module": "0123", "size_bytes": 2_049, "isolation": "warm",
        "created_at": "2026-11-21T05:16:36.123Z", "functions": [{"name": "hello", "internal": false}],
        "variables": [{"name": "TOKEN", "value": null, "secret": true}], "releases": [wire_of_past],
    });
    same(version, wire);
}

#[test]
fn variables() {
    let listed = ListedVariables {
        variables: vec![ShownVariable { name: text("MODE"), value: Some(text("strict")), secret: false }],
        differs: DifferingVariables { production: vec![text("MODE")], staging: Vec::new() },
    };
    let mut wire = json!({
        "variables": [{"name": "MODE", "value": "strict", "secret": false}],
        "differs": {"production": ["MODE"], "staging": []},
    });
    same(listed.clone(), wire.clone());
    let (release, of_release) = release();
    wire["releases"] = json!([of_release]);
    same(ChangedVariables { listed, releases: vec![release] }, wire);

    let set = [(text("TOKEN"), NewVariable { value: text("x"), secret: true })].into();
    same(VariableChanges { set, unset: Vec::new() }, json!({"set": {"TOKEN": {"value": "x", "secret": true}}}));
    same(VariableChanges { unset: vec![text("MODE")], ..VariableChanges::default() }, json!({"unset": ["MODE"]}));
    let public: VariableChanges = serde_json::from_value(json!({"set": {"MODE": {"value": "x"}}})).unwrap();
    assert!(!public.set["MODE"].secret);
    assert!(!format!("{public:?}").contains('x'), "a value is not for logs: {public:?}");
    assert!(refused::<VariableChanges>(json!({"add": {}})).contains("unknown field"));
}

#[test]
fn counters() {
    let function = FunctionStats {
        name: text("hello"),
        outcomes: [(text("replied"), 2)].into(),
        durations: vec![2, 0],
        total_seconds: 0.5,
        peak_memory_bytes: 65_536,
    };
    let app = AppStats {
        app_id: text("demo"),
        functions: vec![function],
        running_calls: 1,
        queued_calls: 2,
        log_lines_over_budget: 3,
        log_lines_lost: 4,
        log_lines_damaged: 5,
    };
    let stats = Stats { duration_bounds_seconds: vec![0.001], apps: vec![app], engine: None };
    let mut wire = json!({
        "duration_bounds_seconds": [0.001],
        "apps": [{
            "app_id": "demo",
            "functions": [{
                "name": "hello", "outcomes": {"replied": 2}, "durations": [2, 0], "total_seconds": 0.5,
                "peak_memory_bytes": 65_536,
            }],
            "running_calls": 1, "queued_calls": 2, "log_lines_over_budget": 3, "log_lines_lost": 4, "log_lines_damaged": 5,
        }],
    });
    same(stats.clone(), wire.clone());
    let engine = EngineStats {
        running_instances: 1,
        idle_instances: 2,
        guest_memory_bytes: 3,
        guest_memory_budget_bytes: 4,
        loaded_modules: 5,
        undefined_calls: 6,
    };
    wire["engine"] = json!({
        "running_instances": 1, "idle_instances": 2, "guest_memory_bytes": 3, "guest_memory_budget_bytes": 4,
        "loaded_modules": 5, "undefined_calls": 6,
    });
    same(Stats { engine: Some(engine), ..stats }, wire);
}

#[test]
fn settings_of_the_engine() {
    let settings = EngineSettings {
        limits: [(text("queue"), 3)].into(),
        limit_sources: [(text("deadline_ms"), LimitSource::Default), (text("queue"), LimitSource::App)].into(),
        hook_deadlines_ms: Some(HookDeadlines { blocking: 10_000, notification: 3_000 }),
        function_limits: [(text("hello"), [(text("queue"), 1)].into())].into(),
        max_limits: [(text("concurrency"), 200)].into(),
        allowed_hosts: ["a.org".parse::<HostPattern>().unwrap()].into(),
    };
    let wire = json!({
        "limits": {"queue": 3}, "limit_sources": {"deadline_ms": "default", "queue": "app"},
        "hook_deadlines_ms": {"blocking": 10_000, "notification": 3_000}, "function_limits": {"hello": {"queue": 1}},
        "max_limits": {"concurrency": 200}, "allowed_hosts": ["a.org"],
    });
    same(settings, wire);
    let of_the_im_core_alone = json!({"on_hook_failure": "abort"});
    assert_eq!(
        serde_json::from_value::<EngineSettings>(of_the_im_core_alone).unwrap(),
        EngineSettings::default(),
        "the engine is away"
    );
}

/// A field is absent, `null` or a value.
#[test]
fn patches_of_settings() {
    assert_eq!(serde_json::to_value(SettingsPatch::default()).unwrap(), json!({}));
    let engine = EngineSettingsPatch {
        max_limits: [(text("concurrency"), LimitChange::Set(200))].into(),
        limits: [(text("queue"), LimitChange::TakeBack)].into(),
        function_limits: [(text("hello"), None), (text("bye"), Some([(text("queue"), LimitChange::Set(1))].into()))]
            .into(),
        allowed_hosts: [(text("a.org"), Some(true)), (text("b.org"), None)].into(),
    };
    let wire = json!({
        "max_limits": {"concurrency": 200}, "limits": {"queue": null},
        "function_limits": {"hello": null, "bye": {"queue": 1}}, "allowed_hosts": {"a.org": true, "b.org": null},
    });
    same(engine.clone(), wire.clone());
    for (wrong, word) in [
        (json!({"limits": null}), "expected a map"),
        (json!({"limits": {"queue": "many"}}), "must be a whole number, or `null`"),
        (json!({"limits": {"queue": -1}}), "must be a whole number, or `null`"),
        (json!({"nonsense": {}}), "unknown field"),
    ] {
        assert!(refused::<EngineSettingsPatch>(wrong.clone()).contains(word), "{wrong}");
    }

    let im = ImSettingsPatch {
        on_hook_failure: Some(FailurePolicy::Abort),
        hook_failure_policies: [(text(":timeout"), None), (text("_messageSent"), Some(FailurePolicy::Ignore))].into(),
        engine_url: Some(None),
        ..ImSettingsPatch::default()
    };
    let mut both = json!({
        "on_hook_failure": "abort", "hook_failure_policies": {":timeout": null, "_messageSent": "ignore"}, "engine_url": null,
    });
    assert_eq!(serde_json::to_value(&im).unwrap(), both);
    both.as_object_mut().unwrap().extend(wire.as_object().unwrap().clone());
    assert_eq!(serde_json::to_value(SettingsPatch { im, engine }).unwrap(), both);
}
