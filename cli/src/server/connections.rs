//! HTTP connections, from their first byte to their last. hyper serves all of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use futures::stream::{self, BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use hookd_runtime::{RpcConnection, RpcService};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;


/// How long a connection may stay without a new request. Longer than proxies keep connections for their next request
/// (a minute), so that the proxy is the one that closes, and no request meets a closing connection.
pub const IDLE_TIME: Duration = Duration::from_secs(75);

/// What answers the requests.
#[derive(Clone)]
pub enum Answers {
    /// The RPC of an engine in this process, and a router behind it.
    Rpc(RpcService),
    /// A router alone.
    Router(Router),
}

/// What answers the requests of one connection.
pub enum Connection {
    Rpc(RpcConnection),
    Router(Router, Option<SocketAddr>),
}

impl Answers {
    pub fn connection(&self, peer: Option<SocketAddr>) -> Connection {
        match self {
            Self::Rpc(rpc) => Connection::Rpc(rpc.connection(peer)),
            Self::Router(router) => Connection::Router(router.clone(), peer),
        }
    }
}

impl Connection {
    async fn answer(&self, mut request: Request<Incoming>) -> Response<Body> {
        match self {
            Self::Rpc(rpc) => rpc.answer(request).await,
            Self::Router(router, peer) => {
                if let Some(address) = peer {
                    request.extensions_mut().insert(ConnectInfo(*address));
                }
                let Ok(response) = router.clone().oneshot(request.map(Body::new)).await;
                response
            }
        }
    }
}

/// Serves all connections until the token is cancelled, and then lets requests in flight finish, however long that takes.
/// `peer`: the address of a connection's other end, where it has one.
pub async fn serve<L: Listener>(
    mut listener: L,
    answers: Answers,
    peer: fn(&L::Addr) -> Option<SocketAddr>,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    while let Some((io, address)) = shutdown.run_until_cancelled(listener.accept()).await {
        let connection = answers.connection(peer(&address));
        // A token of its own: all connections would queue for the lock of one.
        connections.spawn(serve_connection(io, connection, IDLE_TIME, shutdown.child_token()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Serves one connection until either side closes it, or it is idle for too long.
pub async fn serve_connection<I>(io: I, connection: Connection, idle_time: Duration, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut events = events(idle_time, shutdown);
    let (connection, requests) = (Arc::new(connection), AtomicU64::new(0));
    let service = service_fn(|request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let connection = connection.clone();
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let mut http = Builder::new(TokioExecutor::new());
    // Answers are small: one piece of memory costs less than two that the system puts together.
    http.http1().writev(false);
    let mut serving = pin!(http.serve_connection_with_upgrades(TokioIo::new(io), service));
    let mut requests_before = 0;
    loop {
        tokio::select! {
            biased;
            served = serving.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            Some(event) = events.next() => match (event, requests.load(Ordering::Relaxed)) {
                (Event::Shutdown, _) => serving.as_mut().graceful_shutdown(),
                // Not even one head in all this time.
                (Event::TimePassed, 0) => return,
                // What is being answered, which may be a log that is followed, goes on; nothing comes after it.
                (Event::TimePassed, same) if same == requests_before => serving.as_mut().graceful_shutdown(),
                (Event::TimePassed, more) => requests_before = more,
            },
        }
    }
}

/// What a connection hears of besides its requests.
enum Event {
    /// The server stops.
    Shutdown,
    /// Another idle time is over.
    TimePassed,
}

/// All that it hears of.
type Events = SelectAll<BoxStream<'static, Event>>;

/// A selection asks only those that were woken, where `select!` would ask both at every request.
fn events(idle_time: Duration, shutdown: CancellationToken) -> Events {
    let stops = shutdown.cancelled_owned().map(|()| Event::Shutdown).into_stream().boxed();
    let rests = stream::unfold(interval_at(Instant::now() + idle_time, idle_time), async |mut rest| {
        rest.tick().await;
        Some((Event::TimePassed, rest))
    });
    stream::select_all([stops, rests.boxed()])
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http::Version;
    use http_body_util::BodyExt as _;
    use hyper::client::conn::http2;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    /// A client's end of a connection on which `/` answers at once, and `/slow` after three times the idle time.
    fn connect(shutdown: &CancellationToken) -> DuplexStream {
        let slow = async || {
            tokio::time::sleep(3 * IDLE).await;
            "slow"
        };
        let router = Router::new().route("/", get(async || "quick")).route("/slow", get(slow));
        let (client, server) = duplex(4_096);
        tokio::spawn(serve_connection(server, Connection::Router(router, None), IDLE, shutdown.clone()));
        client
    }

    /// What comes until the server closes the connection, and when that is.
    async fn until_closed(mut client: DuplexStream) -> (String, Duration) {
        let start = Instant::now();
        let mut text = String::new();
        timeout(10 * IDLE, client.read_to_string(&mut text)).await.unwrap().unwrap();
        (text, start.elapsed())
    }

    async fn read_answer(client: &mut DuplexStream) -> String {
        let mut bytes = [0; 1_024];
        let count = client.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn http_2_is_spoken_with_those_who_begin_with_it() {
        let client = TokioIo::new(connect(&CancellationToken::new()));
        let (mut requests, connection) = http2::handshake(TokioExecutor::new(), client).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("http://a/").body(Body::empty()).unwrap();
        let response = requests.send_request(request).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.collect().await.unwrap().to_bytes(), "quick");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_costs_the_connection() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert_eq!((text.as_str(), after.as_secs()), ("", IDLE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_that_never_ends_costs_the_connection() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(read_answer(&mut client).await.ends_with("quick"));
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert_eq!((text.as_str(), after <= 2 * IDLE), ("", true), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_closed() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert!(text.ends_with("quick"), "{text}");
        assert!((IDLE..=2 * IDLE).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_outlives_the_idle_time() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert!(text.ends_with("slow"), "{text}");
        assert_eq!(after.as_secs(), 3 * IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_answered_when_the_server_stops() {
        let shutdown = CancellationToken::new();
        let mut client = connect(&shutdown);
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        shutdown.cancel();
        let (text, _) = until_closed(client).await;
        assert!(text.ends_with("slow"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_when_the_server_stops() {
        let shutdown = CancellationToken::new();
        let mut client = connect(&shutdown);
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(read_answer(&mut client).await.ends_with("quick"));
        shutdown.cancel();
        let (text, after) = until_closed(client).await;
        assert_eq!((text.as_str(), after), ("", Duration::ZERO));
    }
}
