use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A Redis on a free port with a temporary folder; killed with the test.
pub struct Redis {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Redis {
    pub fn start() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { process: spawn(port, &folder, &[]), port, folder }
    }

    /// One that is reached over TLS as well; returns its URL and the file with the certificate to trust.
    pub fn with_tls() -> (Self, String, String) {
        let (redis, port, authority) = Self::secure(&[]);
        (redis, format!("rediss://127.0.0.1:{port}"), authority)
    }

    /// A cluster of this one node, which announces its TLS port to clients.
    pub fn with_tls_as_cluster() -> (Self, String, String) {
        let bus_port = free_port().to_string();
        let options = ["--tls-cluster", "yes", "--cluster-enabled", "yes", "--cluster-port", &bus_port];
        let (redis, port, authority) =
            Self::secure(&[options.as_slice(), &["--cluster-announce-ip", "127.0.0.1"]].concat());
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
        let (port, tls_port) = (free_port(), free_port().to_string());
        let arguments = ["--tls-port", &tls_port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        let arguments =
            [arguments.as_slice(), &["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"]].concat();
        let process = spawn(port, &folder, &[arguments.as_slice(), more].concat());
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
        self.process = spawn(self.port, &self.folder, &[]);
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

fn spawn(port: u16, folder: &TempDir, more: &[&str]) -> Child {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed; `scripts/set-up.sh test` does it");
    let started = Instant::now();
    while !answers(port) {
        assert!(started.elapsed() < START_DEADLINE, "redis-server does not answer");
        std::thread::sleep(POLL);
    }
    process
}

fn answers(port: u16) -> bool {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 7];
    socket.write_all(b"PING\r\n").and_then(|()| socket.read_exact(&mut answer)).is_ok() && &answer == b"+PONG\r\n"
}
