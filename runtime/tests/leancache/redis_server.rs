//! Redis servers of a test: on free ports, in temporary folders, gone with the test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Value;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

pub struct RedisServer {
    process: Child,
    pub port: u16,
    folder: TempDir,
}

impl RedisServer {
    pub async fn start() -> Self {
        Self::with(free_port(), &[]).await
    }

    pub async fn with(port: u16, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = spawn(port, &folder, more);
        let server = Self { process, port, folder };
        server.connect().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection besides the engine's.
    pub async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("a URL");
        let started = Instant::now();
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return connection,
                Err(error) => assert!(started.elapsed() < START_DEADLINE, "redis-server does not answer: {error}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn command(&self, line: &str) -> Value {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().expect("a name"));
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.connect().await).await.expect("an answer")
    }

    pub fn kill(&mut self) {
        self.process.kill().expect("a running server");
        self.process.wait().expect("a killed server");
    }

    /// Again on the same port, empty.
    pub async fn start_again(&mut self) {
        self.process = spawn(self.port, &self.folder, &[]);
        self.connect().await;
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
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, folder: &TempDir, more: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", folder.path().to_str().expect("UTF-8")])
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (Debian's package redis-server)")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Three masters that share the slots.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let bus_port = free_port().to_string();
            let options =
                ["--cluster-enabled", "yes", "--cluster-port", &bus_port, "--cluster-config-file", "nodes.conf"];
            nodes.push((RedisServer::with(free_port(), &options).await, bus_port));
        }
        for (index, range) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
            nodes[index].0.command(&format!("CLUSTER ADDSLOTSRANGE {range}")).await;
            nodes[index].0.command(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)).await;
        }
        for (node, bus_port) in &nodes[1..] {
            nodes[0].0.command(&format!("CLUSTER MEET 127.0.0.1 {} {bus_port}", node.port)).await;
        }
        for (node, _) in &nodes {
            until_complete(node, 3).await;
        }
        Self { nodes: nodes.into_iter().map(|(node, _)| node).collect() }
    }

    /// One node is enough to learn of the others.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.nodes[0].port)
    }
}

impl RedisCluster {
    /// Lets the remaining nodes serve their own slots when other slots have no node.
    pub async fn allow_missing_slots(&self) {
        for node in &self.nodes {
            node.command("CONFIG SET cluster-require-full-coverage no").await;
        }
    }

    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    pub fn kill_last(&mut self) {
        self.nodes.last_mut().expect("a node").kill();
    }
}

/// Waits until the cluster of a node has all its slots and this many nodes.
pub async fn until_complete(node: &RedisServer, nodes: usize) {
    let started = Instant::now();
    loop {
        let info = format!("{:?}", node.command("CLUSTER INFO").await);
        if info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{nodes}")) {
            return;
        }
        assert!(started.elapsed() < START_DEADLINE, "the cluster does not come together");
        tokio::time::sleep(POLL).await;
    }
}
