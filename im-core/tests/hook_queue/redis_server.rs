//! A `redis-server` of the test's own, on a free port, in a folder that goes with it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::{ConnectionInfo, IntoConnectionInfo as _};
use tempfile::TempDir;

pub struct RedisServer {
    process: Child,
    port: u16,
    bus_port: Option<u16>,
    folder: TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let process = run(port, &folder, None);
        Self { process, port, bus_port: None, folder }
    }

    /// The same, as a node of a cluster that is still to be put together.
    pub fn start_as_cluster_node() -> Self {
        let (port, bus_port) = (free_port(), Some(free_port()));
        let folder = tempfile::tempdir().unwrap();
        let process = run(port, &folder, bus_port);
        Self { process, port, bus_port, folder }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn bus_port(&self) -> u16 {
        self.bus_port.unwrap()
    }

    /// Sends one command, its words separated by single spaces.
    pub fn command(&self, line: &str) -> redis::Value {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        let mut connection = redis::Client::open(self.address()).unwrap().get_connection().unwrap();
        command.query(&mut connection).unwrap()
    }

    pub fn address(&self) -> ConnectionInfo {
        format!("redis://127.0.0.1:{}", self.port).into_connection_info().unwrap()
    }

    /// A connection besides the queue's.
    pub async fn connect(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.address()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops it as a frozen machine would: connections stay, answers stop.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Starts again with what is on disk.
    pub fn start_again(&mut self) {
        self.process = run(self.port, &self.folder, self.bus_port);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Free now; the next request for any port gets another one.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(port: u16, folder: &TempDir, bus_port: Option<u16>) -> Child {
    let mut command = Command::new("redis-server");
    if let Some(bus_port) = bus_port {
        command.args(["--cluster-enabled", "yes", "--cluster-port", &bus_port.to_string()]);
    }
    let mut process = command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always", "--dir", folder.path().to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`redis-server` does not start; install it with `make test`: {error}"));
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("Ready to accept connections")), "redis-server did not start");
    // What it logs must not fill the pipe. Ends with the process.
    std::thread::spawn(move || lines.for_each(drop));
    process
}
