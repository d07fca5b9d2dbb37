//! The servers under test, each a process of its own with its data in a folder of its own on disk.

mod ejabberd;
mod engine_that_dies;
mod hookd;
mod prosody;

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hookd_benches::processes::ProcessTree;
use tempfile::TempDir;

pub use self::ejabberd::{Archive, ejabberd};
pub use self::hookd::Hookd;
pub use self::prosody::prosody;

/// The domain of the rooms of XMPP servers.
pub const ROOMS: &str = "rooms.localhost";

/// Two servers in Erlang, with the compiler of their caches, need some seconds each.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    // Outlives the process that writes in it.
    _folder: TempDir,
}

impl Server {
    /// Starts a server that will listen at `address`, and waits until it does.
    fn start(mut command: Command, address: SocketAddr, folder: TempDir) -> anyhow::Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let output = folder.path().join("output");
        command.stdin(Stdio::null()).stdout(File::create(&output)?).stderr(File::options().append(true).open(&output)?);
        let process =
            command.spawn().with_context(|| format!("`{program}` is missing; `make bench-im` installs it"))?;
        let mut server = Self { process, address, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let has_ended = server.process.try_wait()?.is_some();
            if has_ended || began.elapsed() > START_TIMEOUT {
                bail!("`{program}` did not start: {}", std::fs::read_to_string(&output).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it runs as.
    pub fn processes(&self) -> ProcessTree {
        ProcessTree::of(&self.process)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address on which nothing listens.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A folder for the data of one server, on the disk that the workspace is on: the usual place for temporary files may be in memory.
fn data_folder(workspace: &Path) -> anyhow::Result<TempDir> {
    let parent = workspace.join("target/bench");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}
