//! The servers under test, each a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context as _, bail};
use hookd_benches::files::text;
use hookd_benches::processes::{hookd_program, start};
use serde_json::Value;
use tempfile::TempDir;

use crate::load::Target;
use crate::workload;

/// Keys of the app that `leanengine` serves.
const KEYS: Keys<'static> = Keys { app_id: "bench", app_key: "bench-app-key", hook_key: "bench-hook-key" };

/// A running server; killed when dropped.
pub struct Peer {
    name: &'static str,
    process: Child,
    target: Target,
    // Outlives the process that writes in it.
    data: Option<TempDir>,
}

#[derive(Clone, Copy)]
struct Keys<'a> {
    app_id: &'a str,
    app_key: &'a str,
    hook_key: &'a str,
}

impl Peer {
    /// Bare axum: answers the body that it got.
    pub fn echo() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve-echo");
        let (process, ready) = start("echo", command)?;
        let target = target(&ready, KEYS, |body| body.get("fromPeer").is_some())?;
        Ok(Self { name: "axum echo", process, target, data: None })
    }

    /// `hookd up` with a module live in that isolation.
    pub fn hookd(module: &Path, isolation: &'static str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut up = Command::new(hookd_program()?);
        up.args(["up", "--json", "--listen", "127.0.0.1:0"]).env("HOOKD_DATA", data.path()).env("RUST_LOG", "off");
        let (process, ready) = start("hookd", up)?;
        let target = target(&ready, Keys::of(&ready)?, is_filtered)?;
        let name = if isolation == "warm" { "hookd RPC, warm" } else { "hookd RPC" };
        let peer = Self { name, process, target, data: Some(data) };
        peer.run(&["deploy", text(module)?, "--prod", "--isolation", isolation])?;
        Ok(peer)
    }

    /// Another app on a running hookd, whose calls end after two seconds, and whose concurrency is raised.
    pub fn second_app(&self, module: &Path) -> anyhow::Result<Target> {
        let app: Value =
            serde_json::from_str(&self.run(&["apps", "create", "second", "--profile", "open", "--json"])?)?;
        let master_key = app.get("master_key").and_then(Value::as_str).context("the app has no master key")?;
        let of_app = ["--app", "second", "--master-key", master_key];
        self.run(&[&["deploy", text(module)?, "--prod"][..], &of_app].concat())?;
        let data = self.data.as_ref().context("hookd has a data folder")?;
        let admin_key = std::fs::read_to_string(data.path().join("admin.key"))?;
        let raised =
            ["--max-limit", "concurrency=1000", "--limit", "concurrency=1000", "--admin-key", admin_key.trim()];
        self.run(&[&["settings", "--limit", "deadline_ms=2s"][..], &raised, &of_app].concat())?;
        let ready = serde_json::json!({"url": format!("http://{}", self.target.address)});
        target(&ready, Keys::of(&app)?, |_| true)
    }

    /// The same hook on workerd, which keeps one isolate for all calls.
    pub fn workerd(workspace: &Path) -> anyhow::Result<Self> {
        let folder = workspace.join("benches/workerd");
        let mut command = Command::new(workerd_program(&folder)?);
        command
            .args(["serve", "server.capnp", "--control-fd=1"])
            .current_dir(&folder)
            .env("BENCH_APP_ID", KEYS.app_id)
            .env("BENCH_APP_KEY", KEYS.app_key)
            .env("BENCH_HOOK_KEY", KEYS.hook_key);
        let (process, listens) = start("workerd", command)?;
        let port = listens.get("port").and_then(Value::as_u64).context("workerd printed no port")?;
        let ready = serde_json::json!({"url": format!("http://127.0.0.1:{port}")});
        let target = target(&ready, KEYS, is_filtered)?;
        Ok(Self { name: "workerd", process, target, data: None })
    }

    /// LeanCloud's engine SDK with the same hook in JavaScript: in express, as its documentation shows it.
    pub fn leanengine(workspace: &Path) -> anyhow::Result<Self> {
        Self::node("leanengine in express", "express", workspace)
    }

    /// The same without a web framework around it.
    pub fn leanengine_bare(workspace: &Path) -> anyhow::Result<Self> {
        Self::node("leanengine, bare", "bare", workspace)
    }

    fn node(name: &'static str, set_up: &str, workspace: &Path) -> anyhow::Result<Self> {
        let folder = workspace.join("benches/leanengine");
        if !folder.join("node_modules").is_dir() {
            bail!("the packages of `{}` are missing; install them with `npm ci` there", folder.display());
        }
        let mut command = Command::new("node");
        command
            .arg(folder.join("server.js"))
            .arg(set_up)
            .env("BENCH_APP_ID", KEYS.app_id)
            .env("BENCH_APP_KEY", KEYS.app_key)
            .env("BENCH_MASTER_KEY", "bench-master-key")
            .env("BENCH_HOOK_KEY", KEYS.hook_key);
        let (process, ready) = start(name, command)?;
        let target = target(&ready, KEYS, is_filtered)?;
        Ok(Self { name, process, target, data: None })
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where to send what.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Runs a command against this hookd; answers its stdout.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let data = self.data.as_ref().context("hookd has a data folder")?;
        let output = Command::new(hookd_program()?).args(arguments).env("HOOKD_DATA", data.path()).output()?;
        if !output.status.success() {
            bail!("`hookd {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl<'a> Keys<'a> {
    /// As hookd prints them.
    fn of(told: &'a Value) -> anyhow::Result<Self> {
        let key = |name: &str| told.get(name).and_then(Value::as_str).context("hookd printed no keys");
        Ok(Self { app_id: key("app_id")?, app_key: key("app_key")?, hook_key: key("hook_key")? })
    }
}

fn is_filtered(body: &Value) -> bool {
    body.get("result").is_some_and(workload::is_filtered)
}

/// The program itself: the script in front of it would outlive its process when killed.
fn workerd_program(folder: &Path) -> anyhow::Result<PathBuf> {
    let packages = folder.join("node_modules/@cloudflare");
    let missing = || format!("the packages of `{}` are missing; install them with `npm ci` there", folder.display());
    for package in std::fs::read_dir(packages).with_context(missing)? {
        let program = package?.path().join("bin/workerd");
        if program.is_file() {
            return Ok(program);
        }
    }
    bail!("workerd has no package for this machine; see `{}`", folder.display())
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Gone already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn target(ready: &Value, keys: Keys<'_>, is_right: fn(&Value) -> bool) -> anyhow::Result<Target> {
    let url = ready.get("url").and_then(Value::as_str).context("the peer printed no URL")?;
    let address = url.strip_prefix("http://").context("the peer's URL is not http")?.parse()?;
    let params = workload::params();
    let Keys { app_id, app_key, hook_key } = keys;
    let hook = workload::HOOK;
    let length = params.len();
    let request = format!(
        "POST /1.1/functions/{hook} HTTP/1.1\r\nhost: {address}\r\nx-lc-id: {app_id}\r\nx-lc-key: {app_key}\r\n\
         x-lc-hook-key: {hook_key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{params}"
    );
    Ok(Target { address, request: request.into(), is_right })
}
