//! HTTP connections, from their first byte to their last. hyper serves all of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::{ClientOverTls, OnLogin};
use axum::Router;
use axum::body::Body;
use futures::stream::{self, BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};

use http::header::UPGRADE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::admission::Place;
use super::exchange::{Exchanges, RequestBody};
use super::forwarding_trust::ForwardingTrust;
use super::transport::Transport;
use crate::rpc::{RpcConnection, RpcService};

/// How long a new connection may take to bring the head of a request.
pub const FIRST_REQUEST_TIME: Duration = Duration::from_secs(10);

/// How long a connection may stay without a new request. Longer than proxies keep connections for their next request
/// (a minute), so that the proxy is the one that closes, and no request meets a closing connection.
pub const IDLE_TIME: Duration = Duration::from_secs(75);

/// The same, as clients with a pool of connections understand it.
const IDLE_TIME_ANNOUNCED: &str = "timeout=75";

/// How long the peer may take to close a connection after the server asked for it, and a body to end once the server
/// stops.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// How often a connection is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2_500);

/// Of a head of HTTP/1, as Node takes; longer ones are answered with 431.
const HEAD_BYTES: usize = 16 << 10;

/// Requests at the same time on one connection of HTTP/2.
const STREAMS: u32 = 64;

/// How much a peer may send before it is read, on HTTP/2: in one request, and on its connection.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;

/// Requests that a peer may begin and cancel before the server handles them; then its HTTP/2 connection ends.
const TAKEN_BACK_STREAMS: usize = 20;

/// Answers requests.
#[derive(Clone)]
pub enum RequestHandler {
    /// The RPC of an engine in this process, and a router behind it.
    Rpc(RpcService),
    /// A router alone.
    Router(Router),
}

/// Answers of the connection, and their clients.
#[derive(Clone)]
pub struct Service {
    pub handler: RequestHandler,
    pub trust: ForwardingTrust,
}

/// Answers the requests of one connection.
enum ConnectionHandler {
    Rpc(RpcConnection),
    Router(Router),
}

/// One connection.
pub struct Connection {
    handler: ConnectionHandler,
    trust: ForwardingTrust,
    peer: Option<SocketAddr>,
    is_over_tls: bool,
    place: Place,
}

impl Connection {
    /// `peer`: its other end, where that has an address.
    pub fn new(service: &Service, (peer, is_over_tls): (Option<SocketAddr>, bool), place: Place) -> Self {
        let known = place.clone();
        let handler = match &service.handler {
            RequestHandler::Rpc(rpc) => ConnectionHandler::Rpc(rpc.connection(move || known.is_known_now())),
            RequestHandler::Router(router) => ConnectionHandler::Router(router.clone()),
        };
        // A proxy does TLS itself: who comes over TLS here is a client, which could name any address.
        let trust = ForwardingTrust { proxy: service.trust.proxy && !is_over_tls, ..service.trust.clone() };
        Self { handler, trust, peer, is_over_tls, place }
    }

    /// A stranger's request is given up when other strangers need its room.
    async fn answer(&self, mut request: Request<RequestBody>) -> Response<Body> {
        let of_a_stranger = self.place.begin_request(head_bytes(request.headers()));
        self.trust.note_client(&mut request, self.peer);
        if self.is_over_tls {
            request.extensions_mut().insert(ClientOverTls);
        }
        if request.headers().contains_key(UPGRADE) {
            let known = self.place.clone();
            request.extensions_mut().insert(OnLogin::new(move || known.is_known_now()));
        }
        if !self.place.is_known() {
            request.extensions_mut().insert(self.place.clone());
        }
        let answering = async {
            match &self.handler {
                ConnectionHandler::Rpc(rpc) => rpc.answer(request).await,
                ConnectionHandler::Router(router) => {
                    let Ok(response) = router.clone().oneshot(request.map(Body::new)).await;
                    response
                }
            }
        };
        match of_a_stranger {
            None => answering.await,
            Some(room) => tokio::select! {
                biased;
                () = room.lost() => overloaded(),
                response = answering => response,
            },
        }
    }
}

fn head_bytes(headers: &HeaderMap) -> usize {
    // The cost of a request without any.
    const BARE_BYTES: usize = 2 << 10;
    BARE_BYTES + headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

fn overloaded() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

/// Serves one connection until either side closes it, or one of its times is over.
pub async fn serve_connection<I>(io: I, connection: Connection, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (opened, exchanges) = (Instant::now(), Exchanges::new());
    let io = TokioIo::new(Transport::new(io, connection.place.clone()));
    let connection = Arc::new(connection);
    let service = service_fn(|request: Request<Incoming>| {
        let (connection, version) = (connection.clone(), request.version());
        let answering = exchanges.clone().run(request, |request| async move { connection.answer(request).await });
        answering.map(move |response| Ok::<_, Infallible>(announce_end(version, response)))
    });
    let http = http();
    let mut serving = pin!(http.serve_connection_with_upgrades(io, service));
    let mut events = events(shutdown);
    let (mut is_stopping, mut closing) = (false, None);
    loop {
        let event = tokio::select! {
            biased;
            served = serving.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            Some(event) = events.next() => event,
        };
        match event {
            Event::Stop => {
                serving.as_mut().graceful_shutdown();
                closing.get_or_insert_with(Instant::now);
                is_stopping = true;
                events.push(looks(CLOSING_TIME));
            }
            Event::Look if exchanges.is_busy() => {
                // A request that did not arrive completely was not accepted.
                if is_stopping {
                    exchanges.cut_bodies();
                }
                if exchanges.is_delivery_overdue() {
                    return tracing::debug!("a connection ended: its peer leaves an answer unread");
                }
            }
            Event::Look => {
                let never_used = exchanges.is_unused() && opened.elapsed() >= FIRST_REQUEST_TIME;
                if never_used || closing.is_some_and(|since: Instant| since.elapsed() >= CLOSING_TIME) {
                    return;
                }
                if exchanges.quiet_time() >= IDLE_TIME {
                    serving.as_mut().graceful_shutdown();
                    closing.get_or_insert_with(Instant::now);
                }
            }
        }
    }
}

/// Tells the peer how long the connection stays open, so that it sends no request while the connection closes.
fn announce_end(version: Version, mut response: Response<Body>) -> Response<Body> {
    if version == Version::HTTP_11 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let announced = HeaderValue::from_static(IDLE_TIME_ANNOUNCED);
        response.headers_mut().insert(HeaderName::from_static("keep-alive"), announced);
    }
    response
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    // Answers are small: one piece of memory costs less than two that the system puts together.
    http.http1().writev(false).max_buf_size(HEAD_BYTES);
    http.http2()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_pending_accept_reset_streams(TAKEN_BACK_STREAMS);
    http
}

/// The signals that a connection gets besides its requests.
enum Event {
    /// The server stops.
    Stop,
    /// Time to look at the connection.
    Look,
}

/// A selection asks only those that were woken, where `select!` would ask both at every request.
fn events(shutdown: CancellationToken) -> SelectAll<BoxStream<'static, Event>> {
    let stop = async move {
        shutdown.cancelled_owned().await;
        Event::Stop
    };
    let stops = stop.into_stream().boxed();
    stream::select_all([stops, looks(LOOK_EVERY)])
}

fn looks(every: Duration) -> BoxStream<'static, Event> {
    let looks = stream::unfold(interval_at(Instant::now() + every, every), async |mut every| {
        every.tick().await;
        Some((Event::Look, every))
    });
    looks.boxed()
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::routing::{get, post};
    use http_body_util::BodyExt as _;
    use hyper::client::conn::http2;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::super::admission::Admission;
    use super::super::transport::UNREAD_TIME;
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    /// A client's end of a connection on which `/` answers at once, `/slow` after three times the idle time, `/long` with
    /// much, and a POST to `/` when its body has come.
    fn connect(shutdown: &CancellationToken) -> DuplexStream {
        let slow = async || {
            tokio::time::sleep(3 * IDLE_TIME).await;
            "slow"
        };
        let long = async || Bytes::from(vec![b'x'; 1 << 20]);
        let router = Router::new()
            .route("/", get(async || "quick").merge(post(async |body: Bytes| body)))
            .route("/slow", get(slow))
            .route("/long", get(long));
        let place = Admission::by_descriptors().admit(None);
        let (client, server) = duplex(4_096);
        let service = Service { handler: RequestHandler::Router(router), trust: ForwardingTrust::default() };
        let connection = Connection::new(&service, (None, false), place);
        tokio::spawn(serve_connection(server, connection, shutdown.clone()));
        client
    }

    #[tokio::test]
    async fn headers_of_a_proxy_are_not_believed_over_tls() {
        use axum::extract::ConnectInfo;
        let router =
            Router::new().route("/", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()));
        let trust = ForwardingTrust { proxy: true, front_key: None };
        let service = Service { handler: RequestHandler::Router(router), trust };
        for (is_over_tls, client) in [(false, "203.0.113.9:0"), (true, "10.1.2.3:5000")] {
            let (mut socket, server) = duplex(4_096);
            let peer = Some("10.1.2.3:5000".parse().unwrap());
            let connection = Connection::new(&service, (peer, is_over_tls), Admission::by_descriptors().admit(None));
            tokio::spawn(serve_connection(server, connection, CancellationToken::new()));
            socket.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 203.0.113.9\r\n\r\n").await.unwrap();
            let answer = read_answer(&mut socket).await;
            assert!(answer.ends_with(client), "{answer}");
        }
    }

    /// The bytes until the server closes the connection, and the time until then.
    async fn until_closed(mut client: DuplexStream) -> (String, Duration) {
        let start = Instant::now();
        let mut text = Vec::new();
        let read = timeout(10 * IDLE_TIME, client.read_to_end(&mut text)).await.unwrap();
        assert!(read.is_ok());
        (String::from_utf8_lossy(&text).into_owned(), start.elapsed())
    }

    async fn read_answer(client: &mut DuplexStream) -> String {
        let mut bytes = [0; 1_024];
        let count = client.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    /// No earlier than the time, and no later than the next look.
    fn is_about(time: Duration, after: Duration) -> bool {
        (time..=time + CLOSING_TIME + 2 * LOOK_EVERY).contains(&after)
    }

    async fn speak_http_2(client: DuplexStream) -> http2::SendRequest<Body> {
        // So that the client takes little of an answer that the test does not read.
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.initial_stream_window_size(1_024);
        let (requests, connection) = http.handshake(TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection);
        requests
    }

    #[tokio::test]
    async fn http_2_is_spoken_with_clients_that_begin_with_it() {
        let mut requests = speak_http_2(connect(&CancellationToken::new())).await;
        let request = Request::get("http://a/").body(Body::empty()).unwrap();
        let response = requests.send_request(request).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.collect().await.unwrap().to_bytes(), "quick");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_brings_no_request_is_closed() {
        for beginning in [b"".as_slice(), b"GET / HTTP/1.1\r\nhost: a\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut client = connect(&CancellationToken::new());
            client.write_all(beginning).await.unwrap();
            let (_, after) = until_closed(client).await;
            assert!(is_about(FIRST_REQUEST_TIME, after), "{after:?}");
        }
    }

    /// F-23.
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_begins_with_http_2_and_is_silent_loses_the_connection() {
        let mut client = connect(&CancellationToken::new());
        // The preface, empty settings, and the acknowledgement of the server's.
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0").await.unwrap();
        let (_, after) = until_closed(client).await;
        assert!(is_about(FIRST_REQUEST_TIME, after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_that_never_ends_costs_the_connection() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(GET).await.unwrap();
        assert!(read_answer(&mut client).await.ends_with("quick"));
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert_eq!(text, "");
        assert!(is_about(IDLE_TIME, after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_further_requests_is_closed() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(GET).await.unwrap();
        let (text, after) = until_closed(client).await;
        assert!(text.ends_with("quick"), "{text}");
        assert!(text.contains(&format!("keep-alive: timeout={}\r\n", IDLE_TIME.as_secs())), "{text}");
        assert!(is_about(IDLE_TIME, after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_outlives_the_idle_time() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let (text, after) = until_closed(client).await;
        assert!(text.ends_with("slow"), "{text}");
        assert_eq!(after.as_secs(), (3 * IDLE_TIME).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_no_answer_loses_the_connection() {
        let mut client = connect(&CancellationToken::new());
        client.write_all(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::time::sleep(2 * UNREAD_TIME).await;
        let (text, _) = until_closed(client).await;
        assert!(text.len() <= 4_096, "what the connection held");
    }

    /// Over HTTP/2 the connection goes on while one answer is left unread.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_left_unread_costs_the_connection_of_http_2() {
        let mut requests = speak_http_2(connect(&CancellationToken::new())).await;
        let request = Request::get("http://a/long").body(Body::empty()).unwrap();
        let unread = requests.send_request(request).await.unwrap();
        let start = Instant::now();
        while requests.ready().await.is_ok() {
            let request = Request::get("http://a/").body(Body::empty()).unwrap();
            if let Ok(response) = requests.send_request(request).await {
                response.collect().await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(start.elapsed() < 4 * IDLE_TIME, "it goes on for ever");
        }
        drop(unread);
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
        client.write_all(GET).await.unwrap();
        assert!(read_answer(&mut client).await.ends_with("quick"));
        shutdown.cancel();
        let (text, after) = until_closed(client).await;
        assert_eq!((text.as_str(), after), ("", Duration::ZERO));
    }

    /// F-23: neither a silent peer of HTTP/2 nor a body that never ends keeps the server.
    #[tokio::test(start_paused = true)]
    async fn a_stalled_peer_does_not_hold_up_the_stop() {
        const STALLED: [&[u8]; 3] = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            b"GET / HTTP/1.1\r\n",
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab",
        ];
        for stalled in STALLED {
            let shutdown = CancellationToken::new();
            let mut client = connect(&shutdown);
            client.write_all(stalled).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.cancel();
            let (_, after) = until_closed(client).await;
            assert!(after <= 3 * CLOSING_TIME, "{after:?}");
        }
    }
}
