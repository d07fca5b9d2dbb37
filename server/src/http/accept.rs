//! New connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::connections::{Connection, Service, serve_connection};

/// Waits for free descriptors, when no stranger has a connection that can be closed.
const PAUSE: Duration = Duration::from_millis(50);

/// Between two lines of the log about the same trouble.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What new connections come from.
pub trait Accept: Send + 'static {
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Clients come over TLS.
    const IS_OVER_TLS: bool = false;

    /// The next connection, and its other end's address where it has one.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Option<SocketAddr>)>> + Send;
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (socket, peer) = Self::accept(self).await?;
        // Replies are small and awaited: waiting to fill a packet would only delay them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        Ok((socket, Some(peer)))
    }
}

impl Accept for UnixListener {
    type Io = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Option<SocketAddr>)> {
        Ok((Self::accept(self).await?.0, None))
    }
}

/// Serves all connections until the token is cancelled, and then lets requests in flight finish, however long that takes.
pub async fn serve<A: Accept>(mut listener: A, service: Service, admission: Admission, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let mut trouble = Trouble::default();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((io, peer)) => {
                let connection = Connection::new(&service, (peer, A::IS_OVER_TLS), admission.admit(peer));
                trouble.note_turned_away(admission.turned_away());
                // A token of its own: all connections would queue for the lock of one.
                connections.spawn(serve_connection(io, connection, shutdown.child_token()));
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                trouble.note_failure(&error);
                admission.turn_one_away();
                // The place that was just lost comes back after its task has run.
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next one has nothing to do with it.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Why connections cannot be accepted; logged for the operator now and then.
#[derive(Default)]
struct Trouble {
    failures: u64,
    logged_failures_at: Option<Instant>,
    turned_away: u64,
    logged_turned_away_at: Option<Instant>,
}

impl Trouble {
    fn note_failure(&mut self, error: &io::Error) {
        self.failures += 1;
        if is_time(&mut self.logged_failures_at) {
            let attempts = std::mem::take(&mut self.failures);
            tracing::error!(%error, attempts, "cannot accept connections; where descriptors are used up, raise `ulimit -n`");
        }
    }

    /// `so_far`: connections that were ever turned away.
    fn note_turned_away(&mut self, so_far: u64) {
        if so_far > self.turned_away && is_time(&mut self.logged_turned_away_at) {
            let connections = so_far - self.turned_away;
            self.turned_away = so_far;
            tracing::warn!(connections, "closed connections that had shown no keys, to make room for new ones");
        }
    }
}

fn is_time(logged_at: &mut Option<Instant>) -> bool {
    let is_time = logged_at.is_none_or(|logged| logged.elapsed() >= LOG_EVERY);
    if is_time {
        *logged_at = Some(Instant::now());
    }
    is_time
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::super::connections::RequestHandler;
    use super::super::forwarding_trust::ForwardingTrust;
    use super::*;

    /// A listener without descriptors for a while.
    struct UsedUp {
        failures: u32,
        socket: Option<DuplexStream>,
    }

    impl Accept for UsedUp {
        type Io = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, Option<SocketAddr>)> {
            const EMFILE: i32 = 24;
            if self.failures > 0 {
                self.failures -= 1;
                return Err(io::Error::from_raw_os_error(EMFILE));
            }
            match self.socket.take() {
                Some(socket) => Ok((socket, None)),
                None => std::future::pending().await,
            }
        }
    }

    /// F-39.
    #[tokio::test(start_paused = true)]
    async fn used_up_descriptors_are_logged_once_and_connections_are_accepted_when_they_come_back() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = log.clone();
        let writer = move || Log(written.clone());
        let _logging = tracing::subscriber::set_default(tracing_subscriber::fmt().with_writer(writer).finish());
        let (mut client, server) = duplex(4_096);
        let handler = RequestHandler::Router(Router::new().route("/", get(async || "here")));
        let service = Service { handler, trust: ForwardingTrust::default() };
        let listener = UsedUp { failures: 100, socket: Some(server) };
        tokio::spawn(serve(listener, service, Admission::by_descriptors(), CancellationToken::new()));
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("cannot accept connections").count(), 1, "{log}");
    }

    #[derive(Clone)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_logged_now_and_then() {
        let mut logged_at = None;
        assert!(is_time(&mut logged_at) && !is_time(&mut logged_at));
        tokio::time::advance(LOG_EVERY).await;
        assert!(is_time(&mut logged_at));
    }
}
