use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Ports that were free may be taken when the server starts; it gets others then.
const TRIES: usize = 5;

/// A Redis on a free port with a temporary folder; killed with the test.
pub struct Redis {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Redis {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (process, port) = started(|| {
            let port = free_port();
            Some((spawn(port, &folder, &[])?, port))
        });
        Self { process, port, folder }
    }

    /// One that is reached over TLS as well; returns its URL and the file with the certificate to trust.
    pub fn with_tls() -> (Self, String, String) {
        let (redis, port, authority) = Self::secure(&[]);
        (redis, format!("rediss://127.0.0.1:{port}"), authority)
    }

    /// A cluster of this one node, which announces its TLS port to clients.
    pub fn with_tls_as_cluster() -> (Self, String, String) {
        let options = ["--tls-cluster", "yes", "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
        let (redis, port, authority) = Self::secure(&options);
        let mut connection = redis.connection();
        let () = redis::cmd("CLUSTER")
            .arg(&["ADDSLOTSRANGE", "0", "16383"])
            .query(&mut connection)
            .expect("a node without slots");
        let started = Instant::now();
        loop {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).expect("a cluster");
            if info.contains("cluster_state:ok") {
                break;
            }
            assert!(started.elapsed() < START_DEADLINE, "the cluster does not come together");
            std::thread::sleep(POLL);
        }
        (redis, format!("rediss-cluster://127.0.0.1:{port}"), authority)
    }

    /// Returns the TLS port and the file with the certificate to trust.
    fn secure(more: &[&str]) -> (Self, String, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            path.to_str().expect("UTF-8").to_owned()
        };
        let (certificate, key) = (file("certificate", made.cert.pem()), file("key", made.signing_key.serialize_pem()));
        let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
        let (process, port, tls_port) = started(|| {
            let (port, tls_port, bus_port) = (free_port(), free_port().to_string(), free_port().to_string());
            let ports = ["--tls-port", &tls_port, "--cluster-port", &bus_port, "--tls-auth-clients", "no"];
            let process = spawn(port, &folder, &[ports.as_slice(), &files, more].concat())?;
            Some((process, port, tls_port))
        });
        (Self { process, port, folder }, tls_port, certificate)
    }

    /// The names of keys that begin so.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut self.connection()).expect("keys")
    }

    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("a URL");
        client.get_connection().expect("a connection")
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        self.process.kill().expect("a running server");
        self.process.wait().expect("a killed server");
    }

    /// Again on the same port, empty.
    pub fn start_again(&mut self) {
        self.process = spawn(self.port, &self.folder, &[]).expect("the port is free again");
    }

    /// Stops it as a frozen machine would: connections stay, answers stop.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// What `start` starts, with other ports each time.
fn started<Out>(start: impl FnMut() -> Option<Out>) -> Out {
    std::iter::repeat_with(start).take(TRIES).flatten().next().expect("redis-server starts on free ports")
}

/// None when it ends at once, as it does when a port is taken.
fn spawn(port: u16, folder: &TempDir, more: &[&str]) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed; `scripts/set-up.sh test` does it");
    let started = Instant::now();
    while !answers(port, process.id()) {
        if process.try_wait().expect("a child").is_some() {
            return None;
        }
        assert!(started.elapsed() < START_DEADLINE, "redis-server does not answer");
        std::thread::sleep(POLL);
    }
    Some(process)
}

/// True when it is this process that listens there.
fn answers(port: u16, process: u32) -> bool {
    let info: redis::RedisResult<String> = redis::Client::open(format!("redis://127.0.0.1:{port}"))
        .and_then(|client| client.get_connection_with_timeout(START_DEADLINE))
        .and_then(|mut connection| {
            connection.set_read_timeout(Some(START_DEADLINE))?;
            redis::cmd("INFO").arg("server").query(&mut connection)
        });
    info.is_ok_and(|info| info.lines().any(|line| line == format!("process_id:{process}")))
}
