//! Machine code is in memory while it is used, within bounds; a call brings it back.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::Duration;

use hookd_runtime::{Engine, Environment, NewApp, Outcome};
use support::{Guest, TestEngine, config, invocation, replied};

/// An app of its own for each of the modules, which all differ.
async fn deploy_to_apps(test: &TestEngine, apps: &[&str]) {
    for app in apps {
        test.engine.create_app(NewApp::named(app)).await.unwrap();
        let module = Guest::new().replies("name", &format!("\"{app}\"")).build();
        let deployment = support::deployment(app, Environment::Production, hookd_runtime::Isolation::PerCall, module);
        test.engine.deploy(deployment, &|_| {}).await.unwrap();
    }
}

async fn name(engine: &Engine, app: &str) -> Outcome {
    let mut call = invocation("name", "{}", Duration::from_secs(10));
    call.app_id = app.to_owned();
    engine.call(call).await
}

#[tokio::test]
async fn modules_beyond_the_bound_leave_memory_and_come_back_when_they_are_called() {
    let test = TestEngine::with(|config| config.loaded_modules = 2).await;
    let apps = ["a", "b", "c", "d"];
    deploy_to_apps(&test, &apps).await;
    assert_eq!(test.engine.loaded_modules(), 2);
    for app in apps.into_iter().chain(apps) {
        assert_eq!(name(&test.engine, app).await, replied(&format!("\"{app}\"")));
        assert_eq!(test.engine.loaded_modules(), 2);
    }
}

#[tokio::test]
async fn the_module_that_was_called_longest_ago_leaves_first() {
    let test = TestEngine::with(|config| config.loaded_modules = 2).await;
    deploy_to_apps(&test, &["a", "b"]).await;
    name(&test.engine, "a").await;
    deploy_to_apps(&test, &["c"]).await;
    // Without its file, a module can be called while it is in memory, and only then.
    std::fs::remove_dir_all(test.folder.path().join("engine/artifacts")).unwrap();
    std::fs::remove_dir_all(test.folder.path().join("engine/modules")).unwrap();
    assert_eq!(name(&test.engine, "a").await, replied("\"a\""));
    assert_eq!(name(&test.engine, "c").await, replied("\"c\""));
    assert!(matches!(name(&test.engine, "b").await, Outcome::Unavailable { .. }));
}

#[tokio::test]
async fn the_bound_on_bytes_leaves_one_module_in_memory() {
    let test = TestEngine::with(|config| config.loaded_code_bytes = 1).await;
    deploy_to_apps(&test, &["a", "b"]).await;
    assert_eq!(test.engine.loaded_modules(), 1);
    for app in ["a", "b", "a"] {
        assert_eq!(name(&test.engine, app).await, replied(&format!("\"{app}\"")));
        assert_eq!(test.engine.loaded_modules(), 1);
    }
}

#[tokio::test]
async fn a_start_loads_nothing_until_it_is_called() {
    let test = TestEngine::start().await;
    deploy_to_apps(&test, &["a", "b"]).await;
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(engine.loaded_modules(), 0);
    assert!(engine.defines("a", Environment::Production, "name"));
    assert_eq!(name(&engine, "a").await, replied("\"a\""));
    assert_eq!(engine.loaded_modules(), 1);
}

#[tokio::test]
async fn calls_that_arrive_while_a_module_is_loaded_share_the_load() {
    let test = TestEngine::with(|config| config.loaded_modules = 1).await;
    deploy_to_apps(&test, &["a", "b"]).await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { name(&engine, "a").await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), replied("\"a\""));
    }
    assert_eq!(test.engine.loaded_modules(), 1);
}

#[tokio::test]
async fn a_call_whose_deadline_passes_while_its_module_is_compiled_does_not_end_the_compilation() {
    let test = TestEngine::with(|config| config.loaded_modules = 1).await;
    deploy_to_apps(&test, &["a", "b"]).await;
    for artifact in std::fs::read_dir(test.folder.path().join("engine/artifacts")).unwrap() {
        std::fs::remove_file(artifact.unwrap().path()).unwrap();
    }
    let mut hurried = invocation("name", "{}", Duration::from_millis(1));
    hurried.app_id = "a".to_owned();
    assert!(matches!(test.engine.call(hurried).await, Outcome::TimedOut { .. }));
    let compiled = async {
        while std::fs::read_dir(test.folder.path().join("engine/artifacts")).unwrap().count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), compiled).await.unwrap();
    assert_eq!(name(&test.engine, "a").await, replied("\"a\""));
}
