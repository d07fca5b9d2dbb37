//! A `redis-server` of the test's own, on a free port, in a folder that goes with it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::{ConnectionInfo, IntoConnectionInfo as _};
use tempfile::TempDir;

pub struct RedisServer {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        // Free now; the next one who asks for any port gets another one.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = run(port, &folder);
        Self { process, port, folder }
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
        self.process = run(self.port, &self.folder);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(port: u16, folder: &TempDir) -> Child {
    let mut process = Command::new("redis-server")
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
