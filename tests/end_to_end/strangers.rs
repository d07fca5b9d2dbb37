//! What callers without a key, or with an abused one, cost all others: memory, descriptors, threads, the time of a
//! stop.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures::StreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;

use crate::harness::Server;

const MIB: usize = 1 << 20;

/// The memory that all processes together may use at the peak of any attack.
const MOST_MEMORY_BYTES: u64 = 400 << 20;

/// Waits for answers no longer.
const PATIENCE: Duration = Duration::from_secs(60);

const PING: &[u8] = b"GET /__engine/1/ping HTTP/1.1\r\nhost: x\r\n\r\n";

fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.url("").trim_start_matches("http://")).expect("a listening server");
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends so much as the server takes before it closes the connection.
fn send(socket: &mut TcpStream, head: &str, body: &[u8]) {
    let sent = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body));
    if let Err(error) = sent {
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    }
}

/// The next answer; empty when the connection ends without one.
fn answer(socket: &mut TcpStream) -> String {
    let mut answer = [0; 4096];
    let count = socket.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

/// The status of the next answer; `None` when the connection ends without one.
fn status(socket: &mut TcpStream) -> Option<u16> {
    answer(socket).strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Sends the same unfinished request on many connections at once, all but the last byte of its body.
fn begin_everywhere(server: &Server, connections: usize, head: &str, body_bytes: usize) -> Vec<TcpStream> {
    let sending = |_| {
        let (mut socket, head) = (connect(server), head.to_owned());
        thread::spawn(move || {
            let body = vec![b' '; body_bytes - 1];
            send(&mut socket, &head, &body);
            socket
        })
    };
    let threads: Vec<_> = (0..connections).map(sending).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn call_of(server: &Server, function: &str, headers: &str, body_bytes: usize) -> String {
    let (id, key) = (server.key("app_id"), server.key("app_key"));
    let keys = format!("x-lc-id: {id}\r\nx-lc-key: {key}\r\n");
    let headers = headers.replace("KEYS\r\n", &keys);
    format!("POST /1.1/functions/{function} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {body_bytes}\r\n\r\n")
}

/// A small honest call on a connection of its own, and how long it took.
fn honest_call(server: &Server) -> Duration {
    let start = Instant::now();
    let mut socket = connect(server);
    let head = call_of(server, "nobody", "KEYS\r\ncontent-type: application/json\r\n", 2);
    send(&mut socket, &head, b"{}");
    assert_eq!(status(&mut socket), Some(404), "the function is not defined");
    start.elapsed()
}

#[track_caller]
fn memory_is_bounded(server: &mut Server) {
    let peak = server.processes().peak_memory_bytes();
    assert!(peak <= MOST_MEMORY_BYTES, "{} MiB were resident", peak >> 20);
}

/// F-7.
#[test]
fn large_bodies_of_strangers_cost_little_memory() {
    let mut server = Server::start();
    for content_type in ["application/json", "text/plain"] {
        let head = call_of(&server, "hello", &format!("content-type: {content_type}\r\n"), 20 * MIB);
        let mut sockets = begin_everywhere(&server, 60, &head, 20 * MIB);
        honest_call(&server);
        memory_is_bounded(&mut server);
        let mut last = sockets.pop().unwrap();
        send(&mut last, "", b" ");
        let refused = if content_type == "text/plain" { 413 } else { 401 };
        assert_eq!(status(&mut last), Some(refused), "{content_type}");
    }
}

/// F-7: every user of an app's client has the app's key.
#[test]
fn large_bodies_of_callers_with_an_app_key_are_bounded_over_all_connections() {
    let mut server = Server::start();
    let head = call_of(&server, "hello", "KEYS\r\ncontent-type: application/json\r\n", 20 * MIB);
    let sockets = begin_everywhere(&server, 60, &head, 20 * MIB);
    memory_is_bounded(&mut server);
    let refused = |mut socket: TcpStream| answer(&mut socket).contains("too many large bodies");
    let refused = sockets.into_iter().map(refused).filter(|refused| *refused).count();
    assert!((50..60).contains(&refused), "{refused} were refused; what fits into the memory goes on");
}

/// F-7: another app's large body is not given up for them.
#[test]
fn large_bodies_of_one_app_do_not_displace_those_of_another() {
    let server = Server::start();
    let other: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "shop", "--json"])).unwrap();
    let key = |name: &str| other[name].as_str().unwrap();
    let keys =
        format!("x-lc-id: {}\r\nx-lc-key: {}\r\ncontent-type: application/json\r\n", key("app_id"), key("app_key"));
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(15 * MIB));
    let (first, rest) = body.as_bytes().split_at(10 * MIB);
    let mut honest = connect(&server);
    send(&mut honest, &call_of(&server, "nobody", &keys, body.len()), first);
    let head = call_of(&server, "hello", "KEYS\r\ncontent-type: application/json\r\n", 20 * MIB);
    let _attack = begin_everywhere(&server, 8, &head, 20 * MIB);
    send(&mut honest, "", rest);
    assert_eq!(status(&mut honest), Some(404), "the function is not defined");
}

/// F-7.
#[tokio::test]
async fn unfinished_streams_of_one_connection_cost_little_memory() {
    let mut server = Server::start();
    let (id, key) = (server.key("app_id").to_owned(), server.key("app_key").to_owned());
    for keys in [None, Some((id, key))] {
        let address = server.url("").trim_start_matches("http://").to_owned();
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
        let (mut requests, connection) = handshake.await.unwrap();
        let connection = tokio::spawn(connection);
        let mut streams = Vec::new();
        for _ in 0..200 {
            let piece = Bytes::from(vec![b' '; MIB]);
            let pieces = futures::stream::iter(vec![piece; 19]).map(Ok::<_, std::io::Error>);
            let body = Body::from_stream(pieces.chain(futures::stream::pending()));
            let mut request =
                http::Request::post("http://x/1.1/functions/hello").header("content-type", "application/json");
            if let Some((id, key)) = &keys {
                request = request.header("x-lc-id", id).header("x-lc-key", key);
            }
            streams.push(tokio::spawn(requests.send_request(request.body(body).unwrap())));
        }
        // Unfinished bodies are given up after the time of a request.
        let ended = tokio::time::timeout(PATIENCE, futures::future::join_all(streams)).await;
        assert!(ended.is_ok(), "every stream ends");
        memory_is_bounded(&mut server);
        connection.abort();
    }
}

/// F-7.
#[test]
fn uploads_wait_on_disk() {
    let mut server = Server::start();
    let (app, key) = (server.key("app_id"), server.key("master_key"));
    let head = format!(
        "POST /hookd/v1/apps/{app}/deployments?environment=staging HTTP/1.1\r\nhost: x\r\nx-lc-key: {key},master\r\n\
         content-length: {}\r\n\r\n",
        60 * MIB
    );
    let mut sockets = begin_everywhere(&server, 25, &head, 60 * MIB);
    memory_is_bounded(&mut server);
    sockets.iter_mut().for_each(|socket| send(socket, "", b" "));
    let answered = sockets.iter_mut().filter_map(status).collect::<Vec<_>>();
    // One that came long before the others has waited for too long.
    assert!(answered.iter().all(|status| [200, 408, 503].contains(status)), "{answered:?}");
    assert!(answered.contains(&200), "{answered:?}");
    memory_is_bounded(&mut server);
    assert_eq!(std::fs::read_dir(server.data()).unwrap().filter(is_temporary).count(), 0);
}

fn is_temporary(file: &std::io::Result<std::fs::DirEntry>) -> bool {
    file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().starts_with(".tmp"))
}

/// F-7: the connection ends, and nothing of it fills the log.
#[test]
fn requests_that_are_begun_and_taken_back_end_the_connection() {
    let server = Server::start();
    let mut socket = connect(&server);
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1_u32..2_000).step_by(2) {
        // `POST http://x/`, and its cancellation.
        frames.extend([&b"\0\0\x06\x01\x04"[..], &stream.to_be_bytes(), b"\x83\x86\x84\x41\x01x"].concat());
        frames.extend([&b"\0\0\x04\x03\0"[..], &stream.to_be_bytes(), b"\0\0\0\x08"].concat());
    }
    send(&mut socket, "", &frames);
    let mut rest = Vec::new();
    // It may be reset, because it sent more than the server read.
    let _ = socket.read_to_end(&mut rest);
    assert!(!server.log().contains("h2::"), "{}", server.log());
    honest_call(&server);
}

/// F-14b: parsing does not hold up the chat.
#[test]
fn large_bodies_are_taken_apart_beside_the_threads_that_serve() {
    let server = Server::start();
    let (id, key) = (server.key("app_id"), server.key("app_key"));
    let fields: String = (0..1_000_000).map(|number| format!("\"{number}\":0,")).collect();
    let body = format!("{{{fields}\"_ApplicationId\":\"{id}\",\"_ApplicationKey\":\"{key}\"}}");
    let head = call_of(&server, "nobody", "KEYS\r\ncontent-type: text/plain\r\n", body.len());
    let attack: Vec<_> = (0..4)
        .map(|_| {
            let (mut socket, head, body) = (connect(&server), head.clone(), body.clone());
            thread::spawn(move || {
                send(&mut socket, &head, body.as_bytes());
                status(&mut socket)
            })
        })
        .collect();
    let mut socket = connect(&server);
    let mut latencies = Vec::new();
    while !attack.iter().all(thread::JoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(5));
        let asked = Instant::now();
        socket.write_all(PING).unwrap();
        assert_eq!(status(&mut socket), Some(200));
        latencies.push(asked.elapsed());
    }
    for thread in attack {
        assert_eq!(thread.join().unwrap(), Some(404), "the function is not defined");
    }
    latencies.sort_unstable();
    let late = latencies[latencies.len() * 9 / 10];
    assert!(late < Duration::from_millis(100), "{latencies:?}");
}

/// F-14b: silent connections make room for new ones.
#[test]
fn connections_without_a_request_keep_no_client_out() {
    let server = Server::start_with_descriptors(512);
    let mut known = connect(&server);
    let head = call_of(&server, "nobody", "KEYS\r\ncontent-type: application/json\r\n", 2);
    send(&mut known, &head, b"{}");
    assert_eq!(status(&mut known), Some(404));
    let silent: Vec<_> = (0..600).map(|_| connect(&server)).collect();
    assert!(honest_call(&server) < Duration::from_secs(2));
    let (rest, unfinished) = silent.split_at(300);
    for mut socket in unfinished {
        // The server may have closed it already.
        let _ = socket.write_all(b"POST /1.1/functions/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    }
    assert!(honest_call(&server) < Duration::from_secs(2));
    send(&mut known, &head, b"{}");
    assert_eq!(status(&mut known), Some(404), "a connection that sent a key keeps its place");
    let start = Instant::now();
    while !server.log().contains("to make room for new ones") {
        assert!(start.elapsed() < PATIENCE, "the log reports nothing: {}", server.log());
        thread::yield_now();
    }
    assert_eq!(rest.len(), 300);
}

/// F-14: only a key of an app makes a caller count as that app.
#[test]
fn strangers_take_no_place_of_the_app_that_they_name() {
    let server = Server::start();
    let app = server.key("app_id").to_owned();
    let of_control =
        format!("POST /hookd/v1/apps/{app}/rollback HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{");
    let of_calls = call_of(&server, "hello", &format!("x-lc-id: {app}\r\nx-lc-key: wrong\r\n"), 1_000);
    let sockets: Vec<_> = (0..300)
        .flat_map(|_| [of_control.clone(), format!("{of_calls}{{")])
        .map(|text| {
            let mut socket = connect(&server);
            // Some are refused, and closed.
            let _ = socket.write_all(text.as_bytes());
            socket
        })
        .collect();
    server.hookd_ok(&["releases"]);
    server.hookd_ok(&["apps", "list"]);
    honest_call(&server);
    drop(sockets);
}

/// F-23.
#[test]
fn stalled_peers_do_not_hold_up_the_stop() {
    let mut server = Server::start();
    let (app, key) = (server.key("app_id"), server.key("master_key"));
    let of_app = format!("/hookd/v1/apps/{app}");
    let headers =
        format!("host: x\r\nx-lc-key: {key},master\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{");
    let stalled = [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(),
        format!("PATCH {of_app}/settings HTTP/1.1\r\n{headers}"),
        format!("POST {of_app}/cache HTTP/1.1\r\n{headers}"),
        format!("POST {of_app}/deployments?environment=staging HTTP/1.1\r\n{headers}"),
        format!("PATCH /hookd/v1/apps/other/settings HTTP/1.1\r\n{headers}"),
        call_of(&server, "hello", "KEYS\r\n", 100),
    ];
    let sockets = stalled.map(|text| {
        let mut socket = connect(&server);
        socket.write_all(text.as_bytes()).unwrap();
        socket
    });
    honest_call(&server);
    let start = Instant::now();
    server.processes().stop_front();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(sockets);
}
