//! The servers under test, each a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context as _, bail};
use hookd_benches::files::text;
use hookd_benches::processes::{ProcessTree, hookd_program, start};
use hookd_runtime::Isolation;
use serde_json::Value;
use tempfile::TempDir;

use crate::load::Target;
use crate::workload;

/// Keys of the app that the peers serve.
const KEYS: Keys<'static> = Keys { app_id: "bench", app_key: "bench-app-key", hook_key: "bench-hook-key" };

const MASTER_KEY: &str = "bench-master-key";

/// Of a server with a hook in Python.
pub const PYTHON_GUEST_MEMORY: &str = "1GiB";

/// A running server; killed when dropped.
pub struct Peer {
    name: &'static str,
    process: Child,
    target: Target,
    // Outlives the process that writes in it.
    data: Option<TempDir>,
}

/// Another app than the one that a server begins with.
pub struct App {
    id: String,
    master_key: String,
    target: Target,
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

    /// `hookd up` without a module; its answers are judged by `is_right`.
    pub fn hookd(name: &'static str, is_right: fn(&Value) -> bool) -> anyhow::Result<Self> {
        Self::hookd_up(name, &[], is_right)
    }

    fn hookd_up(name: &'static str, flags: &[&str], is_right: fn(&Value) -> bool) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut up = Command::new(hookd_program()?);
        up.args(["up", "--json", "--listen", "127.0.0.1:0"]).args(flags);
        up.env("HOOKD_DATA", data.path()).env("RUST_LOG", "off");
        let (process, ready) = start("hookd", up)?;
        let target = target(&ready, Keys::of(&ready)?, is_right)?;
        Ok(Self { name, process, target, data: Some(data) })
    }

    /// The same with a word filter live in that isolation.
    pub fn hookd_with(name: &'static str, module: &Path, isolation: Isolation) -> anyhow::Result<Self> {
        Self::hookd(name, is_filtered)?.deployed(module, isolation)
    }

    /// The same with a filter in Python: one app gets no more than three quarters of the memory for guests, which is too little
    /// for as many interpreters as there are connections.
    pub fn hookd_with_python(name: &'static str, module: &Path, isolation: Isolation) -> anyhow::Result<Self> {
        Self::hookd_up(name, &["--guest-memory", PYTHON_GUEST_MEMORY], is_filtered)?.deployed(module, isolation)
    }

    fn deployed(self, module: &Path, isolation: Isolation) -> anyhow::Result<Self> {
        self.run(&["deploy", text(module)?, "--prod", "--isolation", isolation.name()])?;
        Ok(self)
    }

    /// Another app on a running hookd, which lets its clients do everything.
    pub fn create_app(&self, name: &str, is_right: fn(&Value) -> bool) -> anyhow::Result<App> {
        let app: Value = serde_json::from_str(&self.run(&["apps", "create", name, "--profile", "open", "--json"])?)?;
        let master_key = app.get("master_key").and_then(Value::as_str).context("the app has no master key")?;
        let ready = serde_json::json!({"url": format!("http://{}", self.target.address)});
        let target = target(&ready, Keys::of(&app)?, is_right)?;
        Ok(App { id: name.to_owned(), master_key: master_key.to_owned(), target })
    }

    /// Another app, whose calls end after two seconds, and whose concurrency is raised.
    pub fn second_app(&self, module: &Path) -> anyhow::Result<Target> {
        let app = self.create_app("second", |_| true)?;
        app.run(self, &["deploy", text(module)?, "--prod"])?;
        let data = self.data.as_ref().context("hookd has a data folder")?;
        let admin_key = std::fs::read_to_string(data.path().join("admin.key"))?;
        let raised =
            ["--max-limit", "concurrency=1000", "--limit", "concurrency=1000", "--admin-key", admin_key.trim()];
        app.run(self, &[&["settings", "--limit", "deadline_ms=2s"][..], &raised].concat())?;
        Ok(app.target)
    }

    /// The same hook on workerd, which keeps one isolate for all calls.
    pub fn workerd(workspace: &Path) -> anyhow::Result<Self> {
        let folder = workspace.join("benches/workerd");
        let mut command = Command::new(workerd_program(&folder)?);
        command.args(["serve", "server.capnp", "--control-fd=1"]).current_dir(&folder);
        KEYS.give(&mut command);
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
        command.arg(folder.join("server.js")).arg(set_up);
        KEYS.give(&mut command);
        let (process, ready) = start(name, command)?;
        let target = target(&ready, KEYS, is_filtered)?;
        Ok(Self { name, process, target, data: None })
    }

    /// LeanCloud's package for Python with the same hook, on gevent's server as its documentation shows it.
    pub fn leancloud_python(workspace: &Path) -> anyhow::Result<Self> {
        let python = workspace.join("tests/leancloud-python/.venv/bin/python");
        if !python.is_file() {
            bail!("`{}` is missing; make it with `make tests/leancloud-python/.venv`", python.display());
        }
        let mut command = Command::new(python);
        command
            .arg(workspace.join("benches/leancloud-python/server.py"))
            .env("LEANCLOUD_APP_ID", KEYS.app_id)
            .env("LEANCLOUD_APP_KEY", KEYS.app_key)
            .env("LEANCLOUD_APP_MASTER_KEY", MASTER_KEY)
            .env("LEANCLOUD_APP_HOOK_KEY", KEYS.hook_key);
        let (process, ready) = start("leancloud", command)?;
        let target = target(&ready, KEYS, is_filtered)?;
        Ok(Self { name: "leancloud, Python", process, target, data: None })
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where to send what.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Memory of the server.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        Ok(ProcessTree::of(&self.process).resident_kib()? as f64 / 1024.0)
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

impl App {
    /// Where to send what.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Runs a command about this app against its hookd.
    pub fn run(&self, server: &Peer, arguments: &[&str]) -> anyhow::Result<String> {
        server.run(&[arguments, &["--app", &self.id, "--master-key", &self.master_key]].concat())
    }
}

impl<'a> Keys<'a> {
    /// As hookd prints them.
    fn of(told: &'a Value) -> anyhow::Result<Self> {
        let key = |name: &str| told.get(name).and_then(Value::as_str).context("hookd printed no keys");
        Ok(Self { app_id: key("app_id")?, app_key: key("app_key")?, hook_key: key("hook_key")? })
    }

    /// To a peer that is to take them.
    fn give(self, peer: &mut Command) {
        peer.env("BENCH_APP_ID", self.app_id).env("BENCH_APP_KEY", self.app_key).env("BENCH_HOOK_KEY", self.hook_key);
        peer.env("BENCH_MASTER_KEY", MASTER_KEY);
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
