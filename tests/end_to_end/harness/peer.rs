use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::modules::workspace;
use super::server::Server;

/// Whose SDK a LeanEngine app is written with.
#[derive(Clone, Copy)]
pub enum Sdk {
    /// The npm package `leanengine`: `tests/leanengine`.
    Node,
    /// The Python package `leancloud`: `tests/leancloud-python`.
    Python,
}

/// The secrets of an app.
#[derive(Clone)]
pub struct AppKeys {
    pub app_id: String,
    pub app_key: String,
    pub master_key: String,
    pub hook_key: String,
    /// Of LeanCloud's Android SDK; hookd's apps have no such key.
    pub android_key: &'static str,
}

impl AppKeys {
    /// Those of a server's first app.
    pub fn of(server: &Server) -> Self {
        let key = |name: &str| server.connection()[name].as_str().expect("a key").to_owned();
        Self {
            app_id: key("app_id"),
            app_key: key("app_key"),
            master_key: key("master_key"),
            hook_key: key("hook_key"),
            android_key: "demo-android-key",
        }
    }
}

/// A LeanEngine app on LeanCloud's own SDK; killed with the test.
pub struct Peer {
    process: Child,
    url: String,
    records: Receiver<Value>,
    folder: TempDir,
}

impl Peer {
    /// Serves the functions of a file; further arguments are the app's own.
    pub fn start(sdk: Sdk, arguments: &[&str], keys: &AppKeys) -> Self {
        Self::with_environment(sdk, arguments, &[], keys)
    }

    /// The same, with variables for the app to read.
    pub fn with_environment(sdk: Sdk, arguments: &[&str], environment: &[(&str, &str)], keys: &AppKeys) -> Self {
        let tests = workspace().join("tests");
        let (folder, program, script, installed) = match sdk {
            Sdk::Node => (tests.join("leanengine"), "node".into(), "server.js", tests.join("leanengine/node_modules")),
            Sdk::Python => {
                let python = tests.join("leancloud-python/.venv/bin/python");
                (tests.join("leancloud-python"), python.clone(), "server.py", python)
            }
        };
        assert!(installed.exists(), "`{}` is missing; install the peers with `make test`", installed.display());
        let output_folder = tempfile::tempdir().expect("a temporary folder");
        let log = log_file(&output_folder);
        let mut log = OpenOptions::new().create(true).append(true).open(log).expect("a file in a new folder");
        let mut process = Command::new(program)
            .current_dir(folder)
            .arg(script)
            .args(arguments)
            .env("LEANCLOUD_APP_ID", &keys.app_id)
            .env("LEANCLOUD_APP_KEY", &keys.app_key)
            .env("LEANCLOUD_APP_MASTER_KEY", &keys.master_key)
            .env("LEANCLOUD_APP_HOOK_KEY", &keys.hook_key)
            .env("LEANCLOUD_APP_ANDX_KEY", keys.android_key)
            .env("LEANCLOUD_APP_ENV", "production")
            .env("NODE_ENV", "production")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("a second handle of an open file"))
            .spawn()
            .expect("the peer's language is installed");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a readable pipe");
        let ready: Value = serde_json::from_str(&line).expect("a peer that starts prints its address as JSON");
        let (sender, records) = channel();
        // Ends with the process. What the functions print must not fill the pipe, whether or not the test reads it.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = writeln!(log, "{line}");
                if let Ok(record) = serde_json::from_str(&line) {
                    let _ = sender.send(record);
                }
            }
        });
        Self { process, url: ready["url"].as_str().expect("an address").to_owned(), records, folder: output_folder }
    }

    /// What the app printed since it told its address, also on stderr.
    pub fn log(&self) -> PathBuf {
        log_file(&self.folder)
    }

    /// `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        self.process.kill().expect("a running peer");
        self.process.wait().expect("a killed peer");
    }

    /// Stops the process as a frozen machine would, or lets it go on.
    pub fn freeze(&self, freeze: bool) {
        let signal = if freeze { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the peer was gone already");
    }

    /// The next line of JSON that a function prints; `None` when none comes within this time.
    pub fn next_record(&self, patience: Duration) -> Option<Value> {
        self.records.recv_timeout(patience).ok()
    }
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("app.log")
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
