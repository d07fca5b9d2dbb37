//! Redis that is down, hangs or comes back; an app that fills its store.

use std::time::{Duration, Instant};

use hookd_runtime::{CacheConfig, CacheError, CacheReply, Limits, NewApp};
use redis::Value;

use crate::redis_server::{RedisCluster, RedisServer};
use crate::support::TestEngine;
use crate::{TestApp, at};

const RECOVERY: Duration = Duration::from_secs(10);

fn app(test: &TestEngine) -> TestApp<'_> {
    TestApp { engine: &test.engine, app: test.app.clone() }
}

async fn comes_back(app: &TestApp<'_>) {
    let started = Instant::now();
    while app.run("SET a 1").await != "OK" {
        assert!(started.elapsed() < RECOVERY, "redis is back, the cache is not");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_down_fails_commands_at_once_and_is_taken_again_when_it_is_back() {
    let mut server = RedisServer::start().await;
    let test = at(&server.url()).await;
    let app = app(&test);
    assert_eq!(app.run("SET a 1").await, "OK");
    server.kill();
    for _ in 0..3 {
        let started = Instant::now();
        let error = app.pipeline(&["GET a"]).await.unwrap_err();
        assert!(matches!(&error, CacheError::Unavailable { reason } if reason == "redis cannot be reached"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
    server.start_again().await;
    comes_back(&app).await;
}

#[tokio::test]
async fn an_engine_starts_while_redis_is_down() {
    let mut server = RedisServer::start().await;
    server.kill();
    let test = at(&server.url()).await;
    let app = app(&test);
    assert!(app.pipeline(&["GET a"]).await.is_err());
    server.start_again().await;
    comes_back(&app).await;
}

#[tokio::test]
async fn a_redis_that_hangs_fails_commands_within_the_deadline() {
    let server = RedisServer::start().await;
    let test = at(&server.url()).await;
    let app = app(&test);
    assert_eq!(app.run("SET a 1").await, "OK");
    server.freeze();
    let limits = Limits { deadline_ms: 300, ..Limits::default() };
    let started = Instant::now();
    let error = app.try_run(&[&[b"GET", b"a"]], &limits).await.unwrap_err();
    let waited = started.elapsed();
    server.thaw();
    assert!(matches!(error, CacheError::TimedOut { .. }), "{error}");
    assert!(waited < Duration::from_millis(300), "{waited:?}: nothing of the deadline is left to answer in");
    comes_back(&app).await;
}

#[tokio::test]
async fn a_cluster_that_loses_a_node_keeps_the_others() {
    let mut cluster = RedisCluster::start().await;
    let test = at(&cluster.url()).await;
    let mut apps = Vec::new();
    for index in 0..12 {
        apps.push(test.engine.create_app(NewApp::named(&format!("app{index}"))).await.unwrap());
    }
    let apps: Vec<TestApp<'_>> = apps.into_iter().map(|app| TestApp { engine: &test.engine, app }).collect();
    for app in &apps {
        assert_eq!(app.run("SET a 1").await, "OK");
    }
    cluster.allow_missing_slots().await;
    cluster.kill_last();
    let limits = Limits { deadline_ms: 1_000, ..Limits::default() };
    let (mut served, mut failed) = (0, 0);
    for app in &apps {
        match app.try_run(&[&[b"GET", b"a"]], &limits).await {
            Ok(replies) => {
                assert_eq!(replies, [CacheReply::bulk(b"1".as_slice())]);
                served += 1;
            }
            Err(CacheError::Unavailable { .. } | CacheError::TimedOut { .. }) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(served > 0 && failed > 0, "{served} served, {failed} failed");
}

#[tokio::test]
async fn a_full_store_refuses_data_of_its_app_and_takes_that_of_others() {
    let test = TestEngine::with(|config| config.cache = CacheConfig::Embedded { bytes_per_app: 100_000 }).await;
    let full = app(&test);
    let value = "x".repeat(10_000);
    let mut taken = 0;
    while full.run(&format!("SET key{taken} {value}")).await == "OK" {
        taken += 1;
        assert!(taken < 20, "the store is not bounded");
    }
    assert!(taken >= 8, "only {taken}");
    assert_eq!(full.run(&format!("SET more {value}")).await, "!OOM");
    assert_eq!(full.run(&format!("RPUSH more {value}")).await, "!OOM");
    assert_eq!(full.run("STRLEN key0").await, "10000", "what is there stays");
    let other = test.engine.create_app(NewApp::named("other")).await.unwrap();
    let other = TestApp { engine: &test.engine, app: other };
    assert_eq!(other.run(&format!("SET key {value}")).await, "OK");
    assert_eq!(full.run("DEL key0").await, "1");
    assert_eq!(full.run(&format!("SET more {value}")).await, "OK");
}

#[tokio::test]
async fn deleting_an_app_deletes_its_keys_in_redis() {
    let server = RedisServer::start().await;
    let test = at(&server.url()).await;
    let doomed = test.engine.create_app(NewApp::named("doomed")).await.unwrap();
    let doomed = TestApp { engine: &test.engine, app: doomed };
    for index in 0..3_000 {
        doomed.run(&format!("SET key{index} 1")).await;
    }
    assert_eq!(app(&test).run("SET stays 1").await, "OK");
    server.command("SET foreign 1").await;
    test.engine.delete_app("doomed").await.unwrap();
    assert_eq!(server.command("DBSIZE").await, Value::Int(2));
}
