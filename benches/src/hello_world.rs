//! A new project in JavaScript: how long its developer waits, and what ten apps of it cost.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::load;
use crate::peers::Peer;
use hookd_benches::files::text;
use hookd_benches::processes::hookd_program;
use hookd_benches::progress::progress;
use hookd_benches::statistics::median;

/// Projects, each with code of its own, and later apps. Medians are of their builds and deployments.
const PROJECTS: usize = 10;
/// Of each app, before memory is looked at.
const CALLS: usize = 100;
/// By then the allocator has given back what it does not use.
const SETTLED: Duration = Duration::from_secs(2);

/// Builds and deployments, each the whole command.
pub struct HelloWorld {
    /// `hookd build` of a new project.
    pub build_s: f64,
    /// `hookd build` of the same project again.
    pub rebuild_s: f64,
    /// `hookd deploy FOLDER --prod`, the first of a new server: it compiles the JavaScript engine too.
    pub first_deploy_s: f64,
    /// Later ones, of other code.
    pub deploy_s: f64,
    /// The slowest first call after a release.
    pub first_call_ms: f64,
    /// What a server with ten apps that were called has resident.
    pub ten_apps_mib: f64,
    /// The same server before.
    pub bare_mib: f64,
}

impl HelloWorld {
    /// What the apps add.
    pub fn apps_cost_mib(&self) -> f64 {
        self.ten_apps_mib - self.bare_mib
    }
}

/// Measures with servers of its own.
pub fn measure() -> anyhow::Result<HelloWorld> {
    let folder = tempfile::tempdir()?;
    let projects = (0..PROJECTS).map(|number| project(folder.path(), number)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut builds = Vec::new();
    let mut rebuilds = Vec::new();
    for project in &projects {
        builds.push(timed_build_s(project)?);
        rebuilds.push(timed_build_s(project)?);
    }
    progress("deploying new projects");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Peer::hookd("hello world", |_| true)?;
    let mut deployments = Vec::new();
    let mut first_call_ms: f64 = 0.0;
    for project in &projects {
        let start = Instant::now();
        server.run(&["deploy", text(project)?, "--prod"])?;
        deployments.push(start.elapsed().as_secs_f64());
        let first_call = runtime.block_on(load::ask(server.target()))?;
        first_call_ms = first_call_ms.max(first_call.as_secs_f64() * 1000.0);
    }
    drop(server);
    progress("ten apps");
    let server = Peer::hookd("ten apps", |_| true)?;
    std::thread::sleep(SETTLED);
    let bare_mib = server.resident_mib()?;
    for (number, project) in projects.iter().enumerate() {
        let app = server.create_app(&format!("app-{number}"), |_| true)?;
        app.run(&server, &["deploy", text(project)?, "--prod"])?;
        for _ in 0..CALLS {
            runtime.block_on(load::ask(app.target()))?;
        }
    }
    std::thread::sleep(SETTLED);
    let (first, later) = deployments.split_first().context("projects were deployed")?;
    Ok(HelloWorld {
        build_s: median(builds),
        rebuild_s: median(rebuilds),
        first_deploy_s: *first,
        deploy_s: median(later.iter().copied()),
        first_call_ms,
        ten_apps_mib: server.resident_mib()?,
        bare_mib,
    })
}

/// What `hookd new` makes, and a function that no other project has, so that no two are the same module.
fn project(folder: &Path, number: usize) -> anyhow::Result<PathBuf> {
    let project = folder.join(format!("hello-{number}"));
    run(Command::new(hookd_program()?).arg("new").arg(&project).args(["--lang", "js"]))?;
    let mut code = OpenOptions::new().append(true).open(project.join("cloud.js"))?;
    writeln!(code, "\nAV.Cloud.define('hello', () => 'Hello world {number}!')")?;
    Ok(project)
}

fn timed_build_s(project: &Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    run(Command::new(hookd_program()?).arg("build").arg(project))?;
    Ok(start.elapsed().as_secs_f64())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("`{command:?}` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
