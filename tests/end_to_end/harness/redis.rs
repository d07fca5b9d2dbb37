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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { process: spawn(port, &folder), port, folder }
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
        self.process = spawn(self.port, &self.folder);
    }

    /// Stops it as a frozen machine would: connections stay, answers stop.
    pub fn freeze(&self) {
        let sent = Command::new("kill").args(["-STOP", &self.process.id().to_string()]).status();
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

fn spawn(port: u16, folder: &TempDir) -> Child {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
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
