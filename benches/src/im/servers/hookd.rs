//! `hookd up` with an app each for what its hooks do: nothing, filter words, or be dead.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context as _, bail};
use hookd_benches::files::text;
use hookd_benches::processes::{ProcessTree, hookd_program, start};
use serde_json::Value;
use tempfile::TempDir;

use super::engine_that_dies::EngineThatDies;
use crate::clients::{Connection, Endpoint};

/// As many failures in a row as open a circuit breaker, twice.
const FAILURES: usize = 20;

/// A running hookd; killed when dropped.
pub struct Hookd {
    process: Child,
    address: SocketAddr,
    app_id: String,
    // Outlives the process that writes in it.
    folder: TempDir,
}

/// An app beside the first one.
struct App {
    id: &'static str,
    master_key: String,
}

impl Hookd {
    /// Starts it with its first app, which has no hooks.
    pub fn start(workspace: &Path) -> anyhow::Result<Self> {
        let folder = super::data_folder(workspace)?;
        let mut up = Command::new(hookd_program()?);
        let log = File::create(folder.path().join("log"))?;
        up.args(["up", "--json", "--listen", "127.0.0.1:0"]);
        up.env("HOOKD_DATA", folder.path().join("data")).env("RUST_LOG", "warn").stderr(log);
        let (process, ready) = start("hookd", up)?;
        let told = |name: &str| ready.get(name).and_then(Value::as_str).context("hookd printed no address or app");
        let address = told("url")?.strip_prefix("http://").context("hookd's URL is not http")?.parse()?;
        Ok(Self { process, address, app_id: told("app_id")?.to_owned(), folder })
    }

    /// The app without hooks.
    pub fn without_hook(&self) -> Endpoint {
        self.endpoint(self.app_id.clone())
    }

    /// Makes an app whose messages go through the module's hooks.
    pub fn with_module(&self, id: &'static str, module: &Path) -> anyhow::Result<Endpoint> {
        let app = self.create(id)?;
        self.run(&[&["deploy", text(module)?, "--prod"][..], &app.arguments()].concat())?;
        Ok(self.endpoint(app.id.to_owned()))
    }

    /// Makes an app whose hooks are at an address where nothing answers any more: its circuit breaker is open, and its messages
    /// are let through.
    pub async fn with_dead_engine(&self) -> anyhow::Result<Endpoint> {
        let app = self.create("deserted")?;
        let engine = EngineThatDies::start()?;
        let admin_key = std::fs::read_to_string(self.folder.path().join("data/admin.key"))?;
        let settings = ["settings", "--engine-url", engine.url(), "--admin-key", admin_key.trim()];
        self.run(&[&settings[..], &["--on-hook-failure", "ignore"], &app.arguments()].concat())?;
        let endpoint = self.endpoint(app.id.to_owned());
        let mut client = Connection::open(&endpoint, "somebody").await?;
        let conversation = client.pair_with("nobody").await?;
        client.request_send(&conversation, "The engine is asked what hooks it has.").await?;
        tokio::task::spawn_blocking(|| engine.die()).await??;
        for _ in 0..FAILURES {
            client.request_send(&conversation, "The engine is dead.").await?;
        }
        let info: Value = serde_json::from_str(&self.run(&[&["info", "--json"][..], &app.arguments()].concat())?)?;
        let breakers = info.get("breakers").and_then(Value::as_array).context("hookd reports no circuit breakers")?;
        let is_open = |breaker: &Value| {
            breaker.get("hook").is_some_and(|hook| hook == "_messageReceived")
                && breaker.get("state").is_some_and(|state| state != "closed")
        };
        if !breakers.iter().any(is_open) {
            bail!("the circuit breaker of a dead engine is not open: {breakers:?}");
        }
        Ok(endpoint)
    }

    /// What it runs as.
    pub fn processes(&self) -> ProcessTree {
        ProcessTree::of(&self.process)
    }

    fn endpoint(&self, app_id: String) -> Endpoint {
        Endpoint::Hookd { address: self.address, app_id }
    }

    fn create(&self, id: &'static str) -> anyhow::Result<App> {
        let printed: Value =
            serde_json::from_str(&self.run(&["apps", "create", id, "--profile", "open", "--json"])?)?;
        let master_key = printed.get("master_key").and_then(Value::as_str).context("the app has no master key")?;
        Ok(App { id, master_key: master_key.to_owned() })
    }

    /// Runs a command against this hookd; answers its stdout.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(hookd_program()?);
        let output = command.args(arguments).env("HOOKD_DATA", self.folder.path().join("data")).output()?;
        if !output.status.success() {
            bail!("`hookd {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl App {
    /// What makes a command be about it.
    fn arguments(&self) -> [&str; 4] {
        ["--app", self.id, "--master-key", &self.master_key]
    }
}

impl Drop for Hookd {
    fn drop(&mut self) {
        // Gone already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
