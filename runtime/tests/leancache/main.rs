//! LeanCache on each of its backends: embedded, Redis, a Redis Cluster of three nodes.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken fixture ends the test"
)]

mod cases;
mod conformance;
mod differential;
mod faults;
mod isolation;
mod kept_scripts;
mod large_values;
mod redis_server;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use hookd_runtime::{App, CacheConfig, CacheError, CacheReply, Engine, Limits, NewApp};
use redis_server::{RedisCluster, RedisServer};
use support::TestEngine;

/// An engine with its cache, and what the cache needs to live.
struct Backend {
    test: TestEngine,
    _servers: Option<Servers>,
}

#[expect(dead_code, reason = "held, not read: dropping them ends the processes")]
enum Servers {
    One(RedisServer),
    Cluster(RedisCluster),
}

impl Backend {
    async fn embedded() -> Self {
        Self { test: TestEngine::start().await, _servers: None }
    }

    async fn redis() -> Self {
        let server = RedisServer::start().await;
        Self { test: at(&server.url()).await, _servers: Some(Servers::One(server)) }
    }

    async fn cluster() -> Self {
        let cluster = RedisCluster::start().await;
        Self { test: at(&cluster.url()).await, _servers: Some(Servers::Cluster(cluster)) }
    }

    async fn app(&self, id: &str) -> TestApp<'_> {
        let app = self.test.engine.create_app(NewApp::named(id)).await.unwrap();
        TestApp { engine: &self.test.engine, app }
    }
}

/// An engine whose cache is at `url`.
async fn at(url: &str) -> TestEngine {
    let cache = CacheConfig::redis(url).unwrap();
    TestEngine::with(|config| config.cache = cache).await
}

struct TestApp<'a> {
    engine: &'a Engine,
    app: std::sync::Arc<App>,
}

impl TestApp<'_> {
    async fn try_run(&self, commands: &[&[&[u8]]], limits: &Limits) -> Result<Vec<CacheReply>, CacheError> {
        let owned = |command: &&[&[u8]]| command.iter().map(|word| word.to_vec()).collect();
        self.engine.cache(&self.app, commands.iter().map(owned).collect(), limits).await
    }

    /// Several commands at once, each a line of words.
    async fn pipeline(&self, lines: &[&str]) -> Result<Vec<CacheReply>, CacheError> {
        let commands = lines.iter().map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        self.engine.cache(&self.app, commands.collect(), &Limits::default()).await
    }

    /// One command as a line of words; its reply as text, an error as its first word with `!`.
    async fn run(&self, line: &str) -> String {
        match self.pipeline(&[line]).await {
            Ok(replies) => shown(&replies[0]),
            Err(error) => format!("failed: {error}"),
        }
    }
}

fn shown(reply: &CacheReply) -> String {
    match reply {
        CacheReply::Nil => "nil".to_owned(),
        CacheReply::Integer(number) => number.to_string(),
        CacheReply::Bulk(data) => format!("'{}'", String::from_utf8_lossy(data)),
        CacheReply::Status(text) => text.clone(),
        CacheReply::Error(text) => format!("!{}", text.split(' ').next().unwrap_or_default()),
        CacheReply::Array(parts) => format!("[{}]", parts.iter().map(shown).collect::<Vec<_>>().join(" ")),
    }
}
