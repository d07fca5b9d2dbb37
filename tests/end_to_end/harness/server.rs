use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::modules::{module, workspace};

/// A `hookd up` on a free port with a data folder of its own; killed with the test.
pub struct Server {
    process: Child,
    connection: Value,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Server {
    /// Starts with an empty data folder.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with arguments to `hookd up`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (process, connection) = up(&folder, "127.0.0.1:0", &arguments);
        Self { process, connection, folder, arguments }
    }

    /// Starts, and makes a module live in production.
    pub fn with_module(name: &str) -> Self {
        let server = Self::start();
        server.deploy(name);
        server
    }

    /// A second server with the apps, keys and modules of this one; this one restarts meanwhile.
    pub fn twin(&mut self) -> Self {
        self.kill();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copied = Command::new("cp").arg("-r").arg(self.data()).arg(folder.path()).status().expect("cp runs");
        assert!(copied.success(), "the data folder cannot be copied");
        self.start_again();
        let (process, connection) = up(&folder, "127.0.0.1:0", &self.arguments);
        Self { process, connection, folder, arguments: self.arguments.clone() }
    }

    /// What `hookd up --json` printed.
    pub fn connection(&self) -> &Value {
        &self.connection
    }

    /// The data folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a client command against this server.
    pub fn hookd(&self, arguments: &[&str]) -> Output {
        hookd_in(&self.data(), arguments)
    }

    /// Starts a client command that does not end by itself; its stdout is a pipe.
    pub fn hookd_started(&self, arguments: &[&str]) -> Child {
        let mut command = hookd(&self.data());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("hookd runs")
    }

    /// Starts a client command that is written to; all its streams are pipes.
    pub fn hookd_piped(&self, arguments: &[&str]) -> Child {
        let mut command = hookd(&self.data());
        // A history of the user's own would get lines of the test.
        command.env("XDG_DATA_HOME", self.folder.path()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().expect("hookd runs")
    }

    /// What the server wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    /// Runs a client command that must succeed; answers its stdout.
    pub fn hookd_ok(&self, arguments: &[&str]) -> String {
        let output = self.hookd(arguments);
        assert!(output.status.success(), "`hookd {}` failed:\n{}", arguments.join(" "), stderr(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.connection["url"].as_str().expect("a URL"))
    }

    /// One of the keys that the server started with.
    pub fn key(&self, name: &str) -> &str {
        self.connection[name].as_str().expect("a key")
    }

    /// Makes a module live in production; answers the release.
    pub fn deploy(&self, name: &str) -> Value {
        let path = module(name);
        let release = self.hookd_ok(&["deploy", path.to_str().expect("UTF-8"), "--prod", "--json"]);
        serde_json::from_str(&release).expect("one line of JSON")
    }

    /// Ends the process as a power cut would: no signal handler runs.
    pub fn kill(&mut self) {
        self.process.kill().expect("a running server");
        self.process.wait().expect("a killed server");
    }

    /// Starts again on the same port and data folder.
    pub fn start_again(&mut self) {
        let before = self.connection.clone();
        self.start_with_new_keys();
        assert_eq!(self.connection, before, "address and keys outlive the process");
    }

    /// The same, after keys were changed.
    pub fn start_with_new_keys(&mut self) {
        let url = self.connection["url"].as_str().expect("a URL").to_owned();
        (self.process, self.connection) = up(&self.folder, url.trim_start_matches("http://"), &self.arguments);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("the server logged:\n{log}");
        }
    }
}

/// Runs `hookd` with this data folder, and nothing from the environment of whoever runs the tests.
pub fn hookd_in(data: &Path, arguments: &[&str]) -> Output {
    hookd(data).args(arguments).stdin(Stdio::null()).output().expect("hookd runs")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn hookd(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookd"));
    for variable in [
        "HOOKD_URL",
        "HOOKD_APP",
        "HOOKD_MASTER_KEY",
        "HOOKD_ADMIN_KEY",
        "HOOKD_LISTEN",
        "HOOKD_PUBLIC_URL",
        "HOOKD_AUTHOR",
        "HOOKD_REDIS_URL",
    ] {
        command.env_remove(variable);
    }
    command.env("HOOKD_DATA", data);
    // As `make modules` does: where the standard library must be built from source, it is built once.
    command.env("CARGO_TARGET_DIR", workspace().join("target/hooks"));
    command
}

fn up(folder: &TempDir, listen: &str, arguments: &[String]) -> (Child, Value) {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).expect("a log file");
    let mut process = hookd(&folder.path().join("data"))
        .args(["up", "--json", "--listen", listen])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("hookd runs");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a readable pipe");
    let Ok(connection) = serde_json::from_str(&line) else {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("`hookd up` did not start:\n{log}");
    };
    (process, connection)
}
