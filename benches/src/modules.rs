//! A thousand modules: what they cost in memory, and how soon any of them answers.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use hookd_runtime::{
    Attribution, Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp, Outcome,
};
use serde_json::{Value, json};

use crate::workload;
use hookd_benches::files::text;
use hookd_benches::processes::hookd_program;
use hookd_benches::statistics::quantile;

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

/// Measures in processes of their own, whose memory is nothing but the engine's.
pub fn measure(module: &Path) -> anyhow::Result<ThousandModules> {
    let data = tempfile::tempdir()?;
    let count = MODULES.to_string();
    let released = in_process_of_its_own(&["release-modules", text(data.path())?, &count, text(module)?])?;
    let called = in_process_of_its_own(&["call-modules", text(data.path())?, &count])?;
    Ok(ThousandModules {
        release_s: number(&released, "release_s")?,
        open_ms: number(&called, "open_ms")?,
        rss_mib: number(&released, "rss_mib")?.max(number(&called, "rss_mib")?),
        first_call_ms: [
            number(&called, "first_call_p50_ms")?,
            number(&called, "first_call_p99_ms")?,
            number(&called, "first_call_max_ms")?,
        ],
    })
}

fn in_process_of_its_own(arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("`{}` failed: {}", arguments.join(" "), output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(measured: &Value, name: &str) -> anyhow::Result<f64> {
    measured.get(name).and_then(Value::as_f64).with_context(|| format!("no `{name}` was measured"))
}

/// The body of the first process: releases `count` modules, calls each, and prints what it measured.
pub fn release(data: &Path, count: &str, module: &Path) -> anyhow::Result<()> {
    let (module, count) = (std::fs::read(module)?, count.parse()?);
    print(release_all(data, &module, count))
}

/// The body of the second process: opens the engine again, calls each, and prints what it measured.
pub fn call_cold(data: &Path, count: &str) -> anyhow::Result<()> {
    print(call_all_cold(data, count.parse()?))
}

fn print(work: impl Future<Output = anyhow::Result<Value>>) -> anyhow::Result<()> {
    let measured = tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)?;
    writeln!(std::io::stdout(), "{measured}")?;
    Ok(())
}

async fn open(data: &Path) -> anyhow::Result<Engine> {
    let compile_command = vec![hookd_program()?.into_os_string(), "compile-module".into()];
    Ok(Engine::open(EngineConfig::new(data.to_owned(), compile_command)).await?)
}

async fn release_all(data: &Path, module: &[u8], count: usize) -> anyhow::Result<Value> {
    let engine = open(data).await?;
    let start = Instant::now();
    for number in 0..count {
        let app_id = app_id(number);
        engine.create_app(NewApp::named(&app_id)).await?;
        let module = variant(module, number);
        let (environment, isolation) = (Environment::Production, Isolation::PerCall);
        engine
            .deploy(Deployment { app_id, environment, isolation, module, by: Attribution::default() }, &|_| {})
            .await?;
    }
    let release_s = start.elapsed().as_secs_f64();
    let mut rss_mib = resident_mib()?;
    for number in 0..count {
        call(&engine, number).await?;
    }
    rss_mib = rss_mib.max(resident_mib()?);
    Ok(json!({"release_s": release_s, "rss_mib": rss_mib}))
}

async fn call_all_cold(data: &Path, count: usize) -> anyhow::Result<Value> {
    let start = Instant::now();
    let engine = open(data).await?;
    let open_ms = start.elapsed().as_secs_f64() * 1000.0;
    let mut first_calls_ms = Vec::with_capacity(count);
    for number in 0..count {
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
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel reports no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}
