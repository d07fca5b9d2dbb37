//! JavaScript projects: their files are loaded at the release, with the variables of the version, and run from what that left in
//! memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture ends the test")]

mod support;

use std::time::{Duration, Instant};

use hookd_runtime::{
    Attribution, DeployError, Engine, EngineConfig, Environment, Invocation, KeyKind, Limits, LogLevel, Outcome,
    Release, SetVariablesError, Variable, VariableChanges,
};
use support::{TestEngine, config, files, project, replied};

fn setting(name: &str, value: &str) -> VariableChanges {
    let variable = Variable { value: value.to_owned(), secret: false };
    VariableChanges { set: [(name.to_owned(), variable)].into(), unset: Vec::new() }
}

fn by(author: &str) -> Attribution {
    Attribution::new(author.to_owned(), format!("{author} wants it")).unwrap()
}

fn refused(result: Result<Release, DeployError>) -> String {
    match result.unwrap_err() {
        DeployError::Refused(refusal) => refusal.to_string(),
        other => panic!("not refused: {other}"),
    }
}

async fn says(engine: &Engine, environment: Environment, name: &str) -> Outcome {
    let invocation = support::invocation(name, "{}", Duration::from_secs(10));
    engine.call(Invocation { environment, ..invocation }).await
}

const TELLS_MODE: &str = "
    const AV = require('leanengine');
    const mode = process.env.MODE || 'none';
    AV.Cloud.define('mode', () => mode + ' in ' + process.env.LEANCLOUD_APP_ENV);
";

#[tokio::test]
async fn a_hook_file_is_deployed_and_called() {
    let test = TestEngine::start().await;
    let release = test
        .deploy(files(&[
            (
                "/app/cloud.js",
                "const AV = require('leanengine');
                 const words = require('./words.json');
                 AV.Cloud.onIMMessageReceived((request) => {
                     let content = request.params.content;
                     for (const word of words) content = content.split(word).join('***');
                     return { content };
                 });
                 AV.Cloud.define('add', { internal: true }, async (request) => request.params.a + request.params.b);",
            ),
            ("/app/words.json", "[\"darn\"]"),
        ]))
        .await
        .unwrap();
    assert!(release.module.starts_with("bundle-"), "{}", release.module);
    let mut defined: Vec<_> = release.definitions.iter().map(|one| (one.name.as_str(), one.internal)).collect();
    defined.sort_unstable();
    assert_eq!(defined, [("_messageReceived", false), ("add", true)]);
    let filtered = test.call("_messageReceived", r#"{"content":"oh darn it"}"#).await;
    assert_eq!(filtered, replied(r#"{"content":"oh *** it"}"#));
    assert_eq!(test.call("add", r#"{"a":1,"b":2}"#).await, replied("3"));
}

#[tokio::test]
async fn files_are_loaded_with_the_variables_of_their_version_and_environment() {
    let test = TestEngine::start().await;
    test.engine.change_variables("demo", setting("MODE", "first"), by("ada")).await.unwrap();
    test.deploy_to(Environment::Staging, project(TELLS_MODE)).await.unwrap();
    assert_eq!(says(&test.engine, Environment::Staging, "mode").await, replied("\"first in stage\""));
    test.engine.publish("demo", by("ada")).await.unwrap();
    assert_eq!(test.call("mode", "{}").await, replied("\"first in production\""));
    test.engine.change_variables("demo", setting("MODE", "second"), by("ada")).await.unwrap();
    assert_eq!(test.call("mode", "{}").await, replied("\"second in production\""));
    test.engine.rollback("demo", None, by("ada")).await.unwrap();
    assert_eq!(test.call("mode", "{}").await, replied("\"first in production\""));
}

#[tokio::test]
async fn variables_with_which_the_live_files_cannot_be_loaded_are_refused() {
    let test = TestEngine::start().await;
    let source = "
        const AV = require('leanengine');
        if (process.env.MODE === 'bad') throw new Error('no such mode');
        AV.Cloud.define('mode', () => process.env.MODE || 'none');";
    test.deploy(project(source)).await.unwrap();
    let refused = test.engine.change_variables("demo", setting("MODE", "bad"), by("ada")).await.unwrap_err();
    assert!(matches!(refused, SetVariablesError::Unusable { environment: Environment::Production, .. }), "{refused}");
    assert!(refused.to_string().contains("cloud.js:3: Error: no such mode"), "{refused}");
    assert_eq!(test.call("mode", "{}").await, replied("\"none\""));
    assert!(test.engine.variables("demo").unwrap().get("MODE").is_none());
}

#[tokio::test]
async fn a_renewed_key_is_what_files_are_loaded_with() {
    let test = TestEngine::start().await;
    let source = "
        const AV = require('leanengine');
        const atLoad = process.env.LEANCLOUD_APP_KEY;
        AV.Cloud.define('keys', () => [atLoad, process.env.LEANCLOUD_APP_KEY]);";
    test.deploy(project(source)).await.unwrap();
    let app = test.engine.rotate_key("demo", KeyKind::App).await.unwrap();
    let expected = format!("[\"{0}\",\"{0}\"]", app.app_key);
    assert_eq!(test.call("keys", "{}").await, replied(&expected));
}

#[tokio::test]
async fn code_is_found_after_a_restart_and_goes_with_the_variables_it_was_loaded_with() {
    let test = TestEngine::start().await;
    test.engine.change_variables("demo", setting("MODE", "a"), by("ada")).await.unwrap();
    test.deploy(project(TELLS_MODE)).await.unwrap();
    test.engine.change_variables("demo", setting("MODE", "b"), by("ada")).await.unwrap();
    let TestEngine { engine, app, folder } = test;
    drop((engine, app));
    let engine = Engine::open(config(&folder)).await.unwrap();
    let artifacts = std::fs::read_dir(folder.path().join("engine/artifacts")).unwrap();
    let names: Vec<_> = artifacts.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let of_bundle = names.iter().filter(|name| name.starts_with("bundle-")).count();
    assert_eq!(of_bundle, 1, "what was loaded with the old variables is gone: {names:?}");
    assert_eq!(says(&engine, Environment::Production, "mode").await, replied("\"b in production\""));
}

#[tokio::test]
async fn code_of_an_older_javascript_engine_is_removed_at_the_start() {
    let test = TestEngine::with(|config| config.javascript_engines = None).await;
    test.deploy(project(TELLS_MODE)).await.unwrap();
    let TestEngine { engine, app, folder } = test;
    drop((engine, app));
    let artifacts = folder.path().join("engine/artifacts");
    let engines = || {
        let entries = std::fs::read_dir(&artifacts).unwrap().map(|entry| entry.unwrap().path());
        let mut engines: Vec<_> = entries.filter(|path| path.to_str().unwrap().contains("/engine-")).collect();
        engines.sort();
        engines
    };
    let current = engines();
    assert_eq!(current.len(), 2, "machine code and functions: {current:?}");
    for path in &current {
        std::fs::write(path.to_str().unwrap().replace("javascript-plain-", "javascript-plain-0"), "old").unwrap();
    }
    assert_eq!(engines().len(), 4);
    let config = EngineConfig { javascript_engines: None, ..config(&folder) };
    drop(Engine::open(config).await.unwrap());
    assert_eq!(engines(), current);
}

#[tokio::test]
async fn damaged_functions_of_the_engine_are_recorded_again() {
    let engines = tempfile::tempdir().unwrap();
    let test = TestEngine::with(|config| config.javascript_engines = Some(engines.path().to_owned())).await;
    let says = async |text: &str| {
        let source = format!("require('leanengine').Cloud.define('says', () => '{text}');");
        test.deploy(project(&source)).await.unwrap();
        assert_eq!(test.call("says", "{}").await, replied(&format!("\"{text}\"")));
    };
    let recorded = || {
        let files = std::fs::read_dir(engines.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_str().unwrap().contains("-functions-")).collect::<Vec<_>>()
    };
    says("with functions").await;
    let [functions] = recorded().try_into().unwrap();
    let mut bytes = std::fs::read(&functions).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&functions, bytes).unwrap();
    says("without them").await;
    assert_eq!(recorded().len(), 0);
    says("with new ones").await;
    assert_eq!(recorded(), [functions]);
}

#[tokio::test]
async fn files_that_cannot_be_loaded_are_refused_with_the_place() {
    let test = TestEngine::start().await;
    let thrown = refused(test.deploy(project("console.log('connecting');\nconst x = {};\nx.start();\n")).await);
    assert!(thrown.contains("cloud.js:3: TypeError"), "{thrown}");
    assert!(thrown.contains("[info] connecting"), "{thrown}");
    let syntax = refused(test.deploy(project("const a = 1;\nconst = 2;\n")).await);
    assert!(syntax.contains("cloud.js:2: SyntaxError"), "{syntax}");
    let missing = refused(test.deploy(project("require('left-pad');")).await);
    assert!(missing.contains("Cannot find module 'left-pad'"), "{missing}");
    let twice = "const AV = require('leanengine'); AV.Cloud.define('a', () => 1); AV.Cloud.define('a', () => 2);";
    let twice = refused(test.deploy(project(twice)).await);
    assert!(twice.contains("LeanEngine: a already defined"), "{twice}");
    assert_eq!(test.engine.live_version("demo", Environment::Production), None);
}

#[tokio::test]
async fn files_that_never_end_loading_are_refused() {
    let test = TestEngine::with(|config| config.compile_limits.loading_time = Duration::from_millis(500)).await;
    let endless = refused(test.deploy(project("for (;;) {}")).await);
    assert!(endless.contains("more than 500 ms to load"), "{endless}");
}

#[tokio::test]
async fn files_that_need_too_much_memory_or_call_too_deeply_are_refused() {
    let test = TestEngine::start().await;
    let greedy = "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));";
    let greedy = refused(test.deploy(project(greedy)).await);
    assert!(greedy.contains("memory"), "{greedy}");
    let deep = refused(test.deploy(project("function f() { return f() + 1; }\nf();")).await);
    assert!(deep.contains("RangeError"), "{deep}");
    test.deploy(project(TELLS_MODE)).await.unwrap();
}

#[tokio::test]
async fn what_files_write_while_they_are_loaded_is_in_the_log() {
    let test = TestEngine::start().await;
    test.deploy(project("console.warn('old %s', 'settings'); require('leanengine').Cloud.define('a', () => 1);"))
        .await
        .unwrap();
    let lines = test.engine.recent_logs("demo");
    let found = lines.iter().find(|line| line.text == "old settings").unwrap();
    assert_eq!((found.level, found.function.as_str()), (LogLevel::Warn, "load"));
}

#[tokio::test]
async fn the_reply_does_not_wait_for_what_the_function_began_and_that_is_done_all_the_same() {
    let test = TestEngine::start().await;
    let source = "
        const AV = require('leanengine');
        const redis = new (require('ioredis'))(process.env.REDIS_URL_main);
        AV.Cloud.define('begin', () => { setTimeout(() => redis.set('done', 'yes'), 300); return 'begun'; });
        AV.Cloud.define('look', () => redis.get('done'));";
    test.deploy(project(source)).await.unwrap();
    let began = Instant::now();
    assert_eq!(test.call("begin", "{}").await, replied("\"begun\""));
    assert!(began.elapsed() < Duration::from_millis(300), "the reply waited");
    assert_eq!(test.call("look", "{}").await, replied("null"));
    test.engine.work_is_done().await;
    assert_eq!(test.call("look", "{}").await, replied("\"yes\""));
}

#[tokio::test]
async fn work_that_does_not_end_is_stopped_and_logged() {
    let test = TestEngine::start().await;
    let limits = Limits { background_ms: 200, ..Limits::default() };
    test.engine.set_limits("demo", limits).await.unwrap();
    let source = "
        const AV = require('leanengine');
        AV.Cloud.define('begin', () => { setTimeout(() => { for (;;) {} }, 10); return 1; });";
    test.deploy(project(source)).await.unwrap();
    assert_eq!(test.call("begin", "{}").await, replied("1"));
    test.engine.work_is_done().await;
    let lines = test.engine.recent_logs("demo");
    assert!(lines.iter().any(|line| line.text.contains("after the reply")), "{lines:?}");
}

#[tokio::test]
async fn a_promise_that_can_never_settle_fails_at_once() {
    let test = TestEngine::start().await;
    let source = "require('leanengine').Cloud.define('wait', () => new Promise(() => {}));";
    test.deploy(project(source)).await.unwrap();
    let began = Instant::now();
    let Outcome::Failed { code: 124, status: 503, message } = test.call("wait", "{}").await else {
        panic!("not failed as a time-out")
    };
    assert_eq!(message, "The request timed out on the server.");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_call_says_what_it_used_when_asked() {
    let test = TestEngine::start().await;
    let source = "
        const AV = require('leanengine');
        const redis = new (require('ioredis'))();
        AV.Cloud.define('work', async () => {
            console.log('four');
            await redis.set('a', 'b');
            let sum = 0;
            for (let number = 0; number < 2e6; number++) sum += number;
            setTimeout(() => redis.get('a'), 20);
            return 1;
        });";
    test.deploy(project(source)).await.unwrap();
    let (outcome, usage) = test.engine.call_measured(support::invocation("work", "{}", Duration::from_secs(10))).await;
    assert_eq!(outcome, replied("1"));
    assert_eq!(
        (usage.log_lines, usage.log_bytes, usage.cache_commands),
        (1, 4, 2),
        "what it did after its reply counts"
    );
    assert!(usage.cpu_time >= Duration::from_millis(4), "{usage:?}");
    assert!(usage.memory_bytes > 1 << 20, "{usage:?}");
}

#[tokio::test]
async fn what_files_throw_away_while_they_are_loaded_takes_no_memory_of_calls() {
    let test = TestEngine::start().await;
    let source = "
        const AV = require('leanengine');
        const crypto = require('crypto');
        const kept = new Map();
        for (let round = 0; round < 10; round++) {
            const rows = Array.from({ length: 1000 }, (_, n) => ({ id: crypto.randomUUID(), n, at: new Date(), x: Math.random() }));
            const read = JSON.parse(JSON.stringify(rows)).sort((a, b) => a.x - b.x);
            const seen = new Set(rows);
            if (seen.size === read.length) kept.set(rows[round], `${round} of ${read.length}`);
        }
        setTimeout(() => kept.clear(), 1e6);
        AV.Cloud.define('kept', () => [...kept.values()].slice(-2));";
    test.deploy(project(source)).await.unwrap();
    let invocation = support::invocation("kept", "{}", Duration::from_secs(10));
    let (outcome, usage) = test.engine.call_measured(invocation).await;
    assert_eq!(outcome, replied("[\"8 of 1000\",\"9 of 1000\"]"));
    assert!(usage.memory_bytes < 5 << 20, "{usage:?}");
}
