//! The engine without a network: what a call costs, and what of it is the sandbox.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use hookd_runtime::{Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp, Outcome};

use crate::filters::Filters;
use crate::workload;
use hookd_benches::processes::hookd_program;
use hookd_benches::statistics::quantile;

/// Rounds of all languages in turn, so that a slow minute of the machine hits all of them.
const ROUNDS: usize = 5;
/// Calls of each kind in a round; a fifth as many come first and do not count.
const CALLS: usize = 10_000;
/// The same of Python, whose fresh instances take much longer.
const PYTHON_CALLS: usize = 1_000;

/// Far from any call's duration: the bench measures calls, not the deadline.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Each language.
pub struct InProcess {
    pub rust: Language,
    pub javascript: Language,
    pub python: Language,
}

/// What parts of a call cost.
pub struct Language {
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

/// Deploys the filters to an engine in this process, and measures.
pub fn measure(filters: &Filters) -> anyhow::Result<InProcess> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let data = tempfile::tempdir()?;
        let compile_command = vec![hookd_program()?.into_os_string(), "compile-module".into()];
        let engine = Engine::open(EngineConfig::new(data.path().to_owned(), compile_command)).await?;
        let mut rust = Samples::of(&engine, "rust", &filters.rust, CALLS).await?;
        let mut javascript = Samples::of(&engine, "javascript", &filters.javascript, CALLS).await?;
        let mut python = Samples::of(&engine, "python", &filters.python, PYTHON_CALLS).await?;
        for _ in 0..ROUNDS {
            for language in [&mut rust, &mut javascript, &mut python] {
                language.measure().await?;
            }
        }
        Ok(InProcess { rust: rust.summary(), javascript: javascript.summary(), python: python.summary() })
    })
}

/// One language, measured so far.
struct Samples<'a> {
    per_call: Subject<'a>,
    warm: Subject<'a>,
    calls: usize,
    /// Calls, warm calls, instantiations.
    us: [Vec<f64>; 3],
}

impl<'a> Samples<'a> {
    async fn of(engine: &'a Engine, language: &str, module: &Path, calls: usize) -> anyhow::Result<Self> {
        let module: Bytes = std::fs::read(module)?.into();
        let per_call = Subject::deploy(engine, format!("{language}-fresh"), &module, Isolation::PerCall).await?;
        let warm = Subject::deploy(engine, format!("{language}-warm"), &module, Isolation::Warm).await?;
        Ok(Self { per_call, warm, calls, us: Default::default() })
    }

    async fn measure(&mut self) -> anyhow::Result<()> {
        let Self { per_call, warm, calls, us: [call_us, warm_us, instantiate_us] } = self;
        call_us.extend(repeat(*calls, async || per_call.call().await).await?);
        instantiate_us.extend(repeat(*calls, async || per_call.instantiate().await).await?);
        warm_us.extend(repeat(*calls, async || warm.call().await).await?);
        Ok(())
    }

    fn summary(self) -> Language {
        let [call, warm, instantiate] = self.us.map(|mut samples_us| {
            samples_us.sort_by(f64::total_cmp);
            Latency { median_us: quantile(&samples_us, 0.5), p99_us: quantile(&samples_us, 0.99) }
        });
        Language { call, warm, instantiate }
    }
}

/// An app with the word filter live.
struct Subject<'a> {
    engine: &'a Engine,
    app_id: String,
    params: Bytes,
}

impl<'a> Subject<'a> {
    async fn deploy(engine: &'a Engine, app_id: String, module: &Bytes, isolation: Isolation) -> anyhow::Result<Self> {
        engine.create_app(NewApp::named(&app_id)).await?;
        let (environment, module, by) = (Environment::Production, module.clone(), Default::default());
        let deployment = Deployment { app_id: app_id.clone(), environment, isolation, module, by };
        engine.deploy(deployment, &|_| {}).await?;
        let subject = Self { engine, app_id, params: workload::params().into() };
        match subject.outcome().await {
            Outcome::Replied(reply) if workload::is_filtered(&serde_json::from_slice(&reply)?) => Ok(subject),
            other => bail!("the hook of `{}` did not filter: {other:?}", subject.app_id),
        }
    }

    async fn call(&self) -> anyhow::Result<()> {
        match self.outcome().await {
            Outcome::Replied(_) => Ok(()),
            failed => bail!("a call of `{}` failed: {failed:?}", self.app_id),
        }
    }

    async fn outcome(&self) -> Outcome {
        let invocation = Invocation {
            app_id: self.app_id.clone(),
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
        let instantiated = self.engine.instantiate(&self.app_id, Environment::Production).await;
        instantiated.map_err(|failed| anyhow!("cannot instantiate the module of `{}`: {failed}", self.app_id))
    }
}

async fn repeat(count: usize, operation: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
    for _ in 0..count / 5 {
        operation().await?;
    }
    let mut samples_us: Vec<f64> = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        operation().await?;
        samples_us.push(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    Ok(samples_us)
}
