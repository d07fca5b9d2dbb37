//! The engine without a network: what a call costs, and what of it is the sandbox.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use hookd_runtime::{Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp, Outcome};

use crate::workload;
use hookd_benches::processes::hookd_program;
use hookd_benches::statistics::quantile;

const APP: &str = "bench";
const WARM_UP_CALLS: usize = 2_000;
const CALLS: usize = 50_000;

/// Far from any call's duration: the bench measures calls, not the deadline.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// What parts of a call cost.
pub struct InProcess {
    /// A whole call: admission, fresh instance, hook, reply, instance dropped.
    pub call: Latency,
    /// The same in an instance that waited for it.
    pub warm: Latency,
    /// A fresh instance made and dropped.
    pub instantiate: Latency,
}

/// Of one operation.
#[derive(Clone, Copy)]
pub struct Latency {
    /// Half were faster.
    pub median_us: f64,
    /// One in a hundred was slower.
    pub p99_us: f64,
}

/// Deploys the module to an engine in this process, and measures.
pub fn measure(module: &Path) -> anyhow::Result<InProcess> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let data = tempfile::tempdir()?;
        let subject = Subject::open(data.path()).await?;
        subject.deploy(module, Isolation::PerCall).await?;
        let call = repeat(async || subject.call().await).await?;
        let instantiate = repeat(async || subject.instantiate().await).await?;
        subject.deploy(module, Isolation::Warm).await?;
        let warm = repeat(async || subject.call().await).await?;
        Ok(InProcess { call, warm, instantiate })
    })
}

/// An engine with the word filter live.
struct Subject {
    engine: Engine,
    params: Bytes,
}

impl Subject {
    async fn open(data: &Path) -> anyhow::Result<Self> {
        let compile_command = vec![hookd_program()?.into_os_string(), "compile-module".into()];
        let engine = Engine::open(EngineConfig::new(data.to_owned(), compile_command)).await?;
        engine.create_app(NewApp::named(APP)).await?;
        Ok(Self { engine, params: workload::params().into() })
    }

    async fn deploy(&self, module: &Path, isolation: Isolation) -> anyhow::Result<()> {
        let module = std::fs::read(module)?.into();
        let (environment, by) = (Environment::Production, Default::default());
        let deployment = Deployment { app_id: APP.to_owned(), environment, isolation, module, by };
        self.engine.deploy(deployment, &|_| {}).await?;
        match self.outcome().await {
            Outcome::Replied(reply) if workload::is_filtered(&serde_json::from_slice(&reply)?) => Ok(()),
            other => bail!("the hook did not filter: {other:?}"),
        }
    }

    async fn call(&self) -> anyhow::Result<()> {
        match self.outcome().await {
            Outcome::Replied(_) => Ok(()),
            failed => bail!("a call failed: {failed:?}"),
        }
    }

    async fn outcome(&self) -> Outcome {
        let invocation = Invocation {
            app_id: APP.to_owned(),
            environment: Environment::Production,
            name: workload::HOOK.to_owned(),
            params: self.params.clone(),
            remote_address: None,
            session_token: None,
            sequence: None,
            deadline: Instant::now() + CALL_DEADLINE,
        };
        self.engine.call(invocation).await
    }

    async fn instantiate(&self) -> anyhow::Result<()> {
        let instantiated = self.engine.instantiate(APP, Environment::Production).await;
        instantiated.map_err(|failed| anyhow!("cannot instantiate the module: {failed}"))
    }
}

async fn repeat(operation: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<Latency> {
    for _ in 0..WARM_UP_CALLS {
        operation().await?;
    }
    let mut samples_us: Vec<f64> = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        operation().await?;
        samples_us.push(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    samples_us.sort_by(f64::total_cmp);
    Ok(Latency { median_us: quantile(&samples_us, 0.5), p99_us: quantile(&samples_us, 0.99) })
}
