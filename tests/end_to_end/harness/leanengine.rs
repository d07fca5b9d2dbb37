use std::time::{Duration, Instant};

use serde_json::Value;

use super::peer::{AppKeys, Peer, Sdk};
use super::server::Server;

/// A hook that is to be called is called within this; a retry waits for seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// `recorder.js` of `tests/leanengine` with the keys of a server's app; killed with the test.
pub struct LeanEngine(Peer);

impl LeanEngine {
    /// Its hooks fail as `failures` says.
    pub fn recorder(server: &Server, failures: &Value) -> Self {
        Self::run(server, &[("FAIL", &failures.to_string())])
    }

    fn run(server: &Server, environment: &[(&str, &str)]) -> Self {
        Self(Peer::with_environment(Sdk::Node, &["recorder"], environment, &AppKeys::of(server)))
    }

    /// For `hookd settings --engine-url`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Lets it take calls and answer none, or lets it go on.
    pub fn freeze(&self, freeze: bool) {
        self.0.freeze(freeze);
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// A recorder in place of one that was killed, on its port.
    pub fn start_again(&mut self, server: &Server, failures: &Value) {
        let (_, port) = self.url().rsplit_once(':').unwrap();
        let port = port.to_owned();
        *self = Self::run(server, &[("FAIL", &failures.to_string()), ("PORT", &port)]);
    }

    /// The records of the calls to come until `enough` says so of all of them.
    pub fn records_until(&self, mut enough: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut records = Vec::new();
        while !enough(&records) {
            match self.0.next_record(deadline.saturating_duration_since(Instant::now())) {
                Some(record) => records.push(record),
                None => panic!("not enough calls came within {PATIENCE:?}: {records:#?}"),
            }
        }
        records
    }
}
