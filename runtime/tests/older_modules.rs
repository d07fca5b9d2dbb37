//! Modules that an older hookd stored, and that this one cannot call.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::time::Duration;

use hookd_runtime::{Attribution, Engine, Environment, Isolation, NewApp, Outcome, ReleaseError};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use support::{Guest, TestEngine, config, deployment, invocation, replied};
use tempfile::TempDir;

/// Makes the module of a version what an older hookd would have stored there: its bytes, and its name in the database. The
/// machine code of the older one is for another engine version, so it is not there.
fn store_as_an_older_hookd(folder: &TempDir, app: &str, version: u64, module: &[u8]) {
    let hash = hex::encode(Sha256::digest(module));
    let engine = folder.path().join("engine");
    std::fs::write(engine.join(format!("modules/{hash}.wasm")), module).unwrap();
    let database = Connection::open(engine.join("engine.db")).unwrap();
    let changed = database
        .execute("UPDATE versions SET module = ?1 WHERE app_id = ?2 AND number = ?3", (&hash, app, version))
        .unwrap();
    assert_eq!(changed, 1);
}

async fn hello(engine: &Engine, app: &str) -> Outcome {
    let mut call = invocation("hello", "{}", Duration::from_secs(10));
    call.app_id = app.to_owned();
    engine.call(call).await
}

fn says_what_to_do(text: &str) -> bool {
    text.contains("built for another version of hookd") && text.contains("build it again with the present hook-sdk")
}

#[tokio::test]
async fn a_live_module_of_an_older_contract_fails_its_own_calls_and_says_what_to_do() {
    let test = TestEngine::start().await;
    let deploy = |app: &str, environment, reply: &str| {
        deployment(app, environment, Isolation::PerCall, Guest::new().replies("hello", reply).build())
    };
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    for (app, environment, reply) in [
        ("other", Environment::Production, "\"other\""),
        ("demo", Environment::Production, "1"),
        ("demo", Environment::Staging, "2"),
    ] {
        test.engine.deploy(deploy(app, environment, reply), &|_| {}).await.unwrap();
    }
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    for (version, reply) in [(1, "1"), (2, "2")] {
        let older = Guest::new().replies("hello", reply).older_contract().build();
        store_as_an_older_hookd(&folder, "demo", version, &older);
    }

    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(hello(&engine, "other").await, replied("\"other\""), "other apps still work");
    for _ in 0..2 {
        let outcome = hello(&engine, "demo").await;
        assert!(matches!(&outcome, Outcome::Unavailable { message } if says_what_to_do(message)), "{outcome:?}");
    }
    assert!(engine.live_problem("demo", Environment::Production).await.is_some_and(|text| says_what_to_do(&text)));
    assert_eq!(engine.live_problem("other", Environment::Production).await, None);
    let published = engine.publish("demo", Attribution::default()).await;
    let Err(ReleaseError::Unusable { version: 2, reason }) = published else { panic!("{published:?}") };
    assert!(says_what_to_do(&reason), "{reason}");

    engine.deploy(deploy("demo", Environment::Production, "3"), &|_| {}).await.unwrap();
    assert_eq!(hello(&engine, "demo").await, replied("3"));
    assert_eq!(engine.live_problem("demo", Environment::Production).await, None);
    let back = engine.rollback("demo", Some(1), Attribution::default()).await;
    assert!(matches!(back, Err(ReleaseError::Unusable { version: 1, .. })), "{back:?}");
    assert_eq!(hello(&engine, "demo").await, replied("3"), "what works stays live");
}
