//! A thousand modules: what they cost in memory, and how soon any of them answers.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use hookd_runtime::{Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp, Outcome};
use serde_json::{Value, json};

use crate::load::quantile;
use crate::peers::hookd_program;
use crate::workload;

/// Modules that are live at the same time, each in an app of its own.
const MODULES: usize = 1_000;
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// What a thousand live modules cost.
pub struct ThousandModules {
    /// Compiling and releasing all of them, one after the other.
    pub release_s: f64,
    /// Opening the engine with all of them live.
    pub open_ms: f64,
    /// Resident memory of the engine's process, the highest of: all released, all called, reopened and all called.
    pub rss_mib: f64,
    /// The first call of each after the engine was opened: half of them, all but one in a hundred, all.
    pub first_call_ms: [f64; 3],
}

/// Measures in a process of its own, whose memory is nothing but the engine's.
pub fn measure(module: &Path) -> anyhow::Result<ThousandModules> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("release-modules").arg(module).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("releasing modules failed: {}", output.status);
    }
    let measured: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| measured.get(name).and_then(Value::as_f64).with_context(|| format!("no `{name}`"));
    Ok(ThousandModules {
        release_s: number("release_s")?,
        open_ms: number("open_ms")?,
        rss_mib: number("rss_mib")?,
        first_call_ms: [number("first_call_p50_ms")?, number("first_call_p99_ms")?, number("first_call_max_ms")?],
    })
}

/// The body of that process: prints what it measured.
pub fn release(module: &Path) -> anyhow::Result<()> {
    let module = std::fs::read(module)?;
    let data = tempfile::tempdir()?;
    let released = in_runtime(release_all(data.path(), &module))?;
    let reopened = in_runtime(call_all_cold(data.path()))?;
    let (Value::Object(mut released), Value::Object(reopened)) = (released, reopened) else {
        bail!("measurements are objects");
    };
    let highest = [&released, &reopened].iter().filter_map(|one| one.get("rss_mib")?.as_f64()).fold(0.0, f64::max);
    released.extend(reopened);
    released.insert("rss_mib".to_owned(), highest.into());
    writeln!(std::io::stdout(), "{}", Value::Object(released))?;
    Ok(())
}

fn in_runtime(work: impl Future<Output = anyhow::Result<Value>>) -> anyhow::Result<Value> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

async fn open(data: &Path) -> anyhow::Result<Engine> {
    let compile_command = vec![hookd_program()?.into_os_string(), "compile-module".into()];
    Ok(Engine::open(EngineConfig::new(data.to_owned(), compile_command)).await?)
}

async fn release_all(data: &Path, module: &[u8]) -> anyhow::Result<Value> {
    let engine = open(data).await?;
    let start = Instant::now();
    for number in 0..MODULES {
        let app_id = app_id(number);
        engine.create_app(NewApp::named(&app_id)).await?;
        let module = variant(module, number);
        let (environment, isolation) = (Environment::Production, Isolation::PerCall);
        engine.deploy(Deployment { app_id, environment, isolation, module }, &|_| {}).await?;
    }
    let release_s = start.elapsed().as_secs_f64();
    let mut rss_mib = resident_mib()?;
    for number in 0..MODULES {
        call(&engine, number).await?;
    }
    rss_mib = rss_mib.max(resident_mib()?);
    Ok(json!({"release_s": release_s, "rss_mib": rss_mib}))
}

async fn call_all_cold(data: &Path) -> anyhow::Result<Value> {
    let start = Instant::now();
    let engine = open(data).await?;
    let open_ms = start.elapsed().as_secs_f64() * 1000.0;
    let mut first_calls_ms = Vec::with_capacity(MODULES);
    for number in 0..MODULES {
        first_calls_ms.push(call(&engine, number).await?.as_secs_f64() * 1000.0);
    }
    first_calls_ms.sort_by(f64::total_cmp);
    let at = |fraction| quantile(&first_calls_ms, fraction);
    Ok(json!({
        "open_ms": open_ms,
        "rss_mib": resident_mib()?,
        "first_call_p50_ms": at(0.5),
        "first_call_p99_ms": at(0.99),
        "first_call_max_ms": at(1.0),
    }))
}

/// The module with a custom section of its own: other bytes, so another module that is compiled and mapped for itself.
fn variant(module: &[u8], number: usize) -> Bytes {
    const NAME: &[u8] = b"bench";
    let content = (number as u64).to_le_bytes();
    // Section 0, its length, the length of its name; all below 128, so one byte each.
    let mut bytes = module.to_vec();
    bytes.extend_from_slice(&[0, (1 + NAME.len() + content.len()) as u8, NAME.len() as u8]);
    bytes.extend_from_slice(NAME);
    bytes.extend_from_slice(&content);
    bytes.into()
}

fn app_id(number: usize) -> String {
    format!("app-{number}")
}

async fn call(engine: &Engine, number: usize) -> anyhow::Result<Duration> {
    let invocation = Invocation {
        app_id: app_id(number),
        environment: Environment::Production,
        name: workload::HOOK.to_owned(),
        params: workload::params().into(),
        remote_address: None,
        session_token: None,
        sequence: None,
        deadline: Instant::now() + CALL_DEADLINE,
    };
    let start = Instant::now();
    match engine.call(invocation).await {
        Outcome::Replied(_) => Ok(start.elapsed()),
        failed => bail!("a call failed: {failed:?}"),
    }
}

/// `VmRSS` of this process.
fn resident_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel tells no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}
