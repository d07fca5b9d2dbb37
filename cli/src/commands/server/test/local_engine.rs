//! An engine in a temporary folder, with one app and one module.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api_types::{Environment, FunctionKind, HostPattern, Isolation};
use hookd_runtime::{
    AppSettings, Attribution, DeployError, Deployment, EgressConfig, Engine, EngineConfig, Invocation, Limits, LogLine,
    Network, NewApp, Outcome, Usage, Variable, VariableChanges,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::exit::InputError;

const APP: &str = "test";
/// The program itself, which compiles modules in a child process.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// No call runs longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Everything is gone when it is dropped.
pub struct LocalEngine {
    engine: Engine,
    functions: Vec<String>,
    _folder: TempDir,
}

/// A call that ended.
pub struct Call {
    /// What a caller over HTTP gets.
    pub answer: Value,
    pub outcome: Outcome,
    pub limits: Limits,
    pub time: Duration,
    pub log: Vec<LogLine>,
    pub usage: Usage,
}

impl Call {
    /// The text of an outcome that is no reply.
    pub fn failed(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Replied(_) => None,
            failure => Some(failure.to_string()),
        }
    }
}

impl LocalEngine {
    /// # Errors
    /// [`InputError`] where the module is at fault.
    pub async fn start(
        module: Vec<u8>,
        variables: &[(String, String)],
        hosts: &[HostPattern],
        private_networks: &[Network],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let command = vec![THIS_PROGRAM.into(), "compile-module".into()];
        let egress = EgressConfig { private_networks: private_networks.to_vec(), ..EgressConfig::default() };
        let kept = dirs::cache_dir().map(|cache| cache.join("hookd/javascript-engines"));
        // A home that cannot be written to costs time only.
        let javascript_engines =
            kept.filter(|folder| std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).is_ok());
        let config =
            EngineConfig { egress, javascript_engines, ..EngineConfig::new(folder.path().join("engine"), command) };
        let engine = Engine::open(config).await?;
        engine.create_app(NewApp::named(APP)).await?;
        let allowed_hosts = hosts.iter().cloned().collect();
        engine.set_settings(APP, AppSettings { allowed_hosts, ..AppSettings::default() }).await?;
        let set: BTreeMap<_, _> = variables
            .iter()
            .map(|(name, value)| (name.clone(), Variable { value: value.clone(), secret: false }))
            .collect();
        let changes = VariableChanges { set, unset: Vec::new() };
        let changed = engine.change_variables(APP, changes, Attribution::default()).await;
        changed.map_err(|error| InputError::new(error.to_string()))?;
        let deployment = Deployment {
            app_id: APP.to_owned(),
            environment: Environment::Production,
            isolation: Isolation::PerCall,
            module: module.into(),
            by: Attribution::default(),
        };
        let release = engine.deploy(deployment, &|_| {}).await.map_err(|error| match error {
            DeployError::Refused(refusal) => InputError::new(refusal.to_string()).into(),
            error => anyhow::Error::from(error),
        })?;
        let functions = release.definitions.into_iter().map(|one| one.name).collect();
        Ok(Self { engine, functions, _folder: folder })
    }

    /// # Errors
    /// [`InputError`] where the module has no such function.
    pub async fn call(&self, function: &str, params: &str) -> anyhow::Result<Call> {
        if !self.functions.iter().any(|known| known == function) {
            let known = self.functions.join(", ");
            return Err(InputError::new(format!("the module has no `{function}`; it has: {known}")).into());
        }
        let written_before = self.last_line();
        let start = Instant::now();
        let invocation = Invocation {
            app_id: APP.to_owned(),
            environment: Environment::Production,
            name: function.to_owned(),
            params: params.to_owned().into(),
            remote_address: Some("127.0.0.1".to_owned()),
            session_token: None,
            sequence: None,
            deadline: start + PATIENCE,
        };
        let (outcome, usage) = self.engine.call_measured(invocation).await;
        let time = start.elapsed();
        let log = self.engine.recent_logs(APP).into_iter().filter(|line| line.id > written_before).collect();
        let limits = Limits::of_kind(FunctionKind::of(function));
        Ok(Call { answer: answer(&outcome, function), outcome, limits, time, log, usage })
    }

    fn last_line(&self) -> u64 {
        self.engine.recent_logs(APP).last().map_or(0, |line| line.id)
    }
}

/// The body over HTTP.
fn answer(outcome: &Outcome, function: &str) -> Value {
    match outcome {
        Outcome::Replied(reply) if reply.is_empty() => json!({}),
        Outcome::Replied(reply) => {
            json!({ "result": serde_json::from_slice::<Value>(reply).unwrap_or(Value::Null) })
        }
        failure => match failure.wire_failure(function) {
            Some(wire) => json!({ "code": wire.code, "error": wire.error }),
            None => json!({}),
        },
    }
}
