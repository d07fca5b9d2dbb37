//! An engine in a temporary folder, and tiny guests for it.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod bundle;
mod guest;
mod http_server;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hookd_runtime::{
    App, DeployError, Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp, Outcome, Release,
};
use tempfile::TempDir;

pub use self::bundle::{files, project};
pub use self::guest::Guest;
pub use self::http_server::{HttpServer, response};

/// An engine with one app `demo`; everything is gone when it is dropped.
pub struct TestEngine {
    pub engine: Engine,
    pub app: Arc<App>,
    pub folder: TempDir,
}

/// A configuration small enough for many engines at a time.
pub fn config(folder: &TempDir) -> EngineConfig {
    let javascript_engines = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript-engines"));
    let config = EngineConfig::new(folder.path().join("engine"), compile_command());
    EngineConfig { concurrent_calls: 8, javascript_engines, ..config }
}

/// The tests of the engine have a program of its package, those of the server have `hookd`.
fn compile_command() -> Vec<OsString> {
    let own = option_env!("CARGO_BIN_EXE_hookd-compile-worker").map(|worker| vec![worker.into()]);
    let hookd = option_env!("CARGO_BIN_EXE_hookd").map(|hookd| vec![hookd.into(), "compile-module".into()]);
    own.or(hookd).unwrap()
}

impl TestEngine {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let engine = Engine::open(config).await.unwrap();
        let app = engine.create_app(NewApp::named("demo")).await.unwrap();
        Self { engine, app, folder }
    }

    /// Deploys straight to production.
    pub async fn deploy(&self, module: impl Into<Bytes>) -> Result<Release, DeployError> {
        self.deploy_to(Environment::Production, module).await
    }

    pub async fn deploy_to(&self, environment: Environment, module: impl Into<Bytes>) -> Result<Release, DeployError> {
        self.engine.deploy(deployment(&self.app.id, environment, Isolation::PerCall, module), &|_| {}).await
    }

    /// Deploys straight to production, with instances that serve many calls.
    pub async fn deploy_warm(&self, app: &str, module: impl Into<Bytes>) -> Result<Release, DeployError> {
        self.engine.deploy(deployment(app, Environment::Production, Isolation::Warm, module), &|_| {}).await
    }

    /// Calls a function in production with time enough.
    pub async fn call(&self, name: &str, params: &str) -> Outcome {
        self.engine.call(invocation(name, params, Duration::from_secs(10))).await
    }

    pub async fn call_within(&self, name: &str, deadline: Duration) -> Outcome {
        self.engine.call(invocation(name, "{}", deadline)).await
    }
}

pub fn deployment(app: &str, environment: Environment, isolation: Isolation, module: impl Into<Bytes>) -> Deployment {
    Deployment { app_id: app.to_owned(), environment, isolation, module: module.into(), by: Default::default() }
}

pub fn invocation(name: &str, params: &str, deadline: Duration) -> Invocation {
    Invocation {
        app_id: "demo".to_owned(),
        environment: Environment::Production,
        name: name.to_owned(),
        params: Bytes::copy_from_slice(params.as_bytes()),
        remote_address: None,
        session_token: None,
        sequence: None,
        deadline: Instant::now() + deadline,
    }
}

pub fn replied(text: &str) -> Outcome {
    Outcome::Replied(Bytes::copy_from_slice(text.as_bytes()))
}

/// A module of `examples-hooks/` or `tests/hostile-hooks/`, as `make modules` built it.
pub fn module(name: &str) -> Vec<u8> {
    let path = format!("{}/../target/hookd-modules/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    assert!(std::path::Path::new(&path).is_file(), "`{path}` is missing; build the modules with `make modules`");
    std::fs::read(&path).unwrap()
}
