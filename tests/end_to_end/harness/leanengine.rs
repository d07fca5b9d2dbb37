use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::modules::workspace;
use super::server::Server;

/// A hook that is to be called is called within this; a retry waits for seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// `tests/leanengine` with the keys of a server's app; killed with the test.
pub struct LeanEngine {
    process: Child,
    url: String,
    records: Receiver<Value>,
}

impl LeanEngine {
    /// Serves `cloud.js`.
    pub fn start(server: &Server) -> Self {
        Self::run(server, "cloud", &[])
    }

    /// Serves `recorder.js`, whose hooks fail as `failures` says.
    pub fn recorder(server: &Server, failures: &Value) -> Self {
        Self::run(server, "recorder", &[("FAIL", &failures.to_string())])
    }

    fn run(server: &Server, functions: &str, environment: &[(&str, &str)]) -> Self {
        let folder = workspace().join("tests/leanengine");
        assert!(folder.join("node_modules").is_dir(), "the peer is not installed; install it with `make test`");
        let key = |name: &str| server.connection()[name].as_str().unwrap().to_owned();
        let mut process = Command::new("node")
            .arg(folder.join("server.js"))
            .arg(functions)
            .env("LEANCLOUD_APP_ID", key("app_id"))
            .env("LEANCLOUD_APP_KEY", key("app_key"))
            .env("LEANCLOUD_APP_MASTER_KEY", key("master_key"))
            .env("LEANCLOUD_APP_HOOK_KEY", key("hook_key"))
            .env("NODE_ENV", "production")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let (sender, records) = channel();
        // Ends with the process. What the hooks print must not fill the pipe, whether or not the test reads it.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Ok(record) = serde_json::from_str(&line) {
                    let _ = sender.send(record);
                }
            }
        });
        Self { process, url: ready["url"].as_str().unwrap().to_owned(), records }
    }

    /// For `hookd settings --engine-url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// A recorder in place of one that was killed, on its port.
    pub fn start_again(&mut self, server: &Server, failures: &Value) {
        let (_, port) = self.url.rsplit_once(':').unwrap();
        let port = port.to_owned();
        *self = Self::run(server, "recorder", &[("FAIL", &failures.to_string()), ("PORT", &port)]);
    }

    /// The records of the calls to come until `enough` says so of all of them.
    pub fn records_until(&self, mut enough: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut records = Vec::new();
        while !enough(&records) {
            match self.records.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(record) => records.push(record),
                Err(_) => panic!("not enough calls came within {PATIENCE:?}: {records:#?}"),
            }
        }
        records
    }
}

impl Drop for LeanEngine {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
