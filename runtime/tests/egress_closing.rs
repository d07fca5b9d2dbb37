//! Requests of functions on connections that the other side closes.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken fixture ends the test")]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hookd_runtime::{AppSettings, EgressConfig, Outcome};
use serde_json::{Value, json};
use support::{TestEngine, module, response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers the first request of each connection, and closes the connection when a second one begins to come, with or
/// without last words.
struct ClosingServer {
    address: SocketAddr,
    /// The requests that were answered: the first line, and how long the body was.
    answered: Arc<Mutex<Vec<(String, usize)>>>,
    serving: JoinHandle<()>,
}

impl ClosingServer {
    async fn start() -> Self {
        Self::with_last_words("").await
    }

    async fn with_last_words(last_words: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, answered) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let seen = answered.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer_once(socket, seen.clone(), last_words));
            }
        });
        Self { address, answered, serving }
    }

    /// What was answered since the last look.
    fn answered(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.answered.lock().unwrap())
    }
}

impl Drop for ClosingServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer_once(mut socket: TcpStream, answered: Arc<Mutex<Vec<(String, usize)>>>, last_words: &str) {
    let Some(head) = read_head(&mut socket).await else { return };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    socket.read_exact(&mut body).await.unwrap();
    answered.lock().unwrap().push((head.lines().next().unwrap().to_owned(), body.len()));
    socket.write_all(&response(200, "", "ok")).await.unwrap();
    if last_words.is_empty() {
        let _ = socket.read_u8().await;
    } else if read_head(&mut socket).await.is_some() {
        socket.write_all(last_words.as_bytes()).await.unwrap();
    }
}

/// The head of a request; `None` when the connection ends before.
async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn engine(server: &ClosingServer) -> TestEngine {
    let private_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let egress = EgressConfig { private_networks, ..EgressConfig::default() };
    let test = TestEngine::with(|config| config.egress = egress).await;
    test.deploy(module("outbound")).await.unwrap();
    let allowed_hosts = [server.address.to_string().parse().unwrap()].into();
    test.engine.set_settings("demo", AppSettings { allowed_hosts, ..AppSettings::default() }).await.unwrap();
    test
}

async fn fetch(test: &TestEngine, server: &ClosingServer, method: &str, body_bytes: usize) -> Outcome {
    let url = format!("http://{}/", server.address);
    test.call("fetch", &json!({"url": url, "method": method, "body_bytes": body_bytes}).to_string()).await
}

#[track_caller]
fn text(outcome: &Outcome) -> Value {
    let Outcome::Replied(reply) = outcome else { panic!("no reply: {outcome:?}") };
    serde_json::from_slice::<Value>(reply).unwrap()["text"].clone()
}

/// F-21.
#[tokio::test]
async fn requests_without_a_body_and_idempotent_ones_are_sent_once_more() {
    for last_words in ["", IDLE_FOR_TOO_LONG] {
        let server = ClosingServer::with_last_words(last_words).await;
        let test = engine(&server).await;
        assert_eq!(text(&fetch(&test, &server, "GET", 0).await), "ok");
        server.answered();
        // Bytes of a body that the server does not read would take its last words away.
        let bodies = if last_words.is_empty() { [0, 0, 20_000, 5, 0] } else { [0; 5] };
        for (method, bytes) in ["GET", "POST", "PUT", "DELETE", "HEAD"].into_iter().zip(bodies) {
            let reply = fetch(&test, &server, method, bytes).await;
            assert!(matches!(reply, Outcome::Replied(_)), "{method} with {bytes} bytes: {reply:?}");
            assert_eq!(server.answered(), [(format!("{method} / HTTP/1.1"), bytes)]);
            // A connection that was used once stands ready for the next.
            assert_eq!(text(&fetch(&test, &server, "GET", 0).await), "ok");
            server.answered();
        }
    }
}

const IDLE_FOR_TOO_LONG: &str = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_post_with_a_body_is_never_sent_twice() {
    let server = ClosingServer::start().await;
    let test = engine(&server).await;
    assert_eq!(text(&fetch(&test, &server, "GET", 0).await), "ok");
    server.answered();
    let outcome = fetch(&test, &server, "POST", 5).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    let lines = test.engine.recent_logs("demo");
    assert!(lines.iter().any(|line| line.text.contains("closed the connection")), "{lines:?}");
    assert_eq!(server.answered(), []);
    assert_eq!(text(&fetch(&test, &server, "POST", 5).await), "ok", "on a connection of its own");
}
