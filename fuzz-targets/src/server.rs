//! A server in this process, for targets that need all of it.

use std::sync::{LazyLock, Mutex, PoisonError};

use hookd::fuzzing::Running;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// The server, and what it runs on.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) running: Running,
}

static FOLDER: Mutex<Option<TempDir>> = Mutex::new(None);

/// Starts with the first input that needs it, and ends with the process.
pub(crate) fn server() -> &'static Server {
    static SERVER: LazyLock<Server> = LazyLock::new(start);
    &SERVER
}

#[expect(clippy::expect_used, reason = "a fuzzer without its server has nothing to do")]
fn start() -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = Runtime::new().expect("a runtime");
    let running = runtime.block_on(hookd::fuzzing::start(&folder.path().join("data"))).expect("a server");
    *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder);
    Server { runtime, running }
}

/// Small frames go out at once: inputs would wait for acknowledgements otherwise.
#[expect(clippy::expect_used, reason = "a server that does not take connections is what the fuzzer looks for")]
pub(crate) async fn connect_to(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("a server");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Removes what the targets left on disk. None of them works afterwards.
pub fn clean_up() {
    drop(FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take());
}
