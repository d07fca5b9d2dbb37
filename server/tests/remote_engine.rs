//! The HTTP engine against a server that speaks LeanEngine's contract.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{FailureCause, HookCall, HookEngine};
use hookd_im_core::ids::AppId;
use hookd_server::remote_engine::{AddressCheck, EveryAddress, HttpEngine};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

fn app(id: &str) -> App {
    App {
        id: AppId::new(id),
        app_key: "the-app-key".to_owned(),
        master_key: "the-master-key".to_owned(),
        hook_key: "the-hook-key".to_owned(),
    }
}

/// What the server was asked, and what it answers to everything.
#[derive(Default)]
struct Script {
    requests: Mutex<Vec<(http::request::Parts, Bytes)>>,
    status: Mutex<u16>,
    outcome: Mutex<Option<&'static str>>,
    location: Mutex<Option<String>>,
    body: Mutex<Vec<u8>>,
}

struct Server {
    script: Arc<Script>,
    engine: HttpEngine,
    port: u16,
    _running: DropGuard,
}

impl Server {
    async fn start(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let script = Arc::new(Script::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let engine = HttpEngine::new(&format!("http://{address}")).unwrap();
        let router = Router::new().fallback(answer).with_state(script.clone());
        let running = CancellationToken::new();
        let serve = axum::serve(listener, router);
        tokio::spawn(running.clone().run_until_cancelled_owned(serve.into_future()));
        let server = Self { script, engine, port: address.port(), _running: running.drop_guard() };
        server.answer(status, body);
        server
    }

    fn answer(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.script.status.lock().unwrap() = status;
        *self.script.body.lock().unwrap() = body.into();
    }

    async fn call(&self) -> Result<Bytes, FailureCause> {
        self.engine.call(hook_call()).await.map_err(|failure| failure.cause)
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    script.requests.lock().unwrap().push((head, body));
    let mut response = Response::builder().status(*script.status.lock().unwrap());
    if let Some(outcome) = *script.outcome.lock().unwrap() {
        response = response.header("X-Hookd-Outcome", outcome);
    }
    if let Some(location) = &*script.location.lock().unwrap() {
        response = response.header("location", location);
    }
    response.body(Body::from(script.body.lock().unwrap().clone())).unwrap()
}

fn hook_call() -> HookCall {
    HookCall {
        app: Arc::new(app("demo")),
        hook: "_messageReceived",
        params: Bytes::from_static(br#"{"content":"hi"}"#),
        remote_address: Some("2001:db8::1".parse().unwrap()),
        sequence: Some(7),
        deadline: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_call_carries_credentials_address_and_params() {
    let server = Server::start(200, r#"{"result":{"content":"hello"}}"#).await;
    assert_eq!(server.call().await.unwrap(), r#"{"content":"hello"}"#);
    let requests = server.script.requests.lock().unwrap();
    let (head, body) = &requests[0];
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/1.1/functions/_messageReceived"));
    assert_eq!(body, r#"{"content":"hi"}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-hookd-sequence", "7"),
        ("x-lc-id", "demo"),
        ("x-lc-key", "the-app-key"),
        ("x-lc-hook-key", "the-hook-key"),
        ("x-lc-prod", "1"),
        ("forwarded", "for=\"[2001:db8::1]\""),
    ] {
        assert_eq!(head.headers.get(name).unwrap(), value, "{name}");
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let server = Server::start(503, r#"{"code":124,"error":"The request timed out on the server."}"#).await;
    assert_eq!(server.call().await, Err(FailureCause::TimedOut));
    server.answer(400, r#"{"code":1,"error":"no"}"#);
    assert_eq!(server.call().await, Err(FailureCause::Failed));
    *server.script.outcome.lock().unwrap() = Some("out_of_memory");
    assert_eq!(server.call().await, Err(FailureCause::OutOfMemory));
    server.answer(200, "not json");
    assert_eq!(server.call().await, Err(FailureCause::BadReply));
    let huge = json!({ "result": { "content": "x".repeat(1024 * 1024) } });
    server.answer(200, huge.to_string());
    assert_eq!(server.call().await, Err(FailureCause::BadReply));
}

#[tokio::test]
async fn an_engine_that_does_not_run_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let engine = HttpEngine::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let failure = engine.call(hook_call()).await.unwrap_err();
    assert_eq!(failure.cause, FailureCause::Unavailable);
    assert_eq!(failure.message, "the engine cannot be reached");
}

#[tokio::test]
async fn an_engine_that_does_not_answer_has_timed_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let engine = HttpEngine::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let failure = engine.call(HookCall { deadline: Duration::from_millis(30), ..hook_call() }).await.unwrap_err();
    assert_eq!(failure.cause, FailureCause::TimedOut);
}

#[tokio::test]
async fn hooks_that_the_engine_does_not_list_are_not_defined() {
    let server = Server::start(200, r#"{"result":["_messageReceived","hello"]}"#).await;
    let demo = app("demo");
    assert!(server.engine.defines(&demo, "_messageSent"), "as long as nothing is known");
    server.engine.refresh(&demo).await.unwrap();
    assert!(server.engine.defines(&demo, "_messageReceived"));
    assert!(!server.engine.defines(&demo, "_messageSent"));
    {
        let requests = server.script.requests.lock().unwrap();
        let (head, _) = &requests[0];
        assert_eq!((head.method.as_str(), head.uri.path()), ("GET", "/1.1/functions/_ops/metadatas"));
        assert_eq!(head.headers.get("x-lc-key").unwrap(), "the-master-key,master");
    }

    server.answer(401, r#"{"code":401,"error":"Unauthorized."}"#);
    assert_eq!(server.engine.refresh(&demo).await.unwrap_err().cause, FailureCause::Unavailable);
    assert!(server.engine.defines(&demo, "_messageReceived"), "what was known stays known");
    server.answer(404, "");
    server.engine.refresh(&demo).await.unwrap();
    assert!(!server.engine.defines(&demo, "_messageReceived"));
}

#[tokio::test]
async fn the_list_of_an_app_is_fetched_as_soon_as_it_is_asked_about() {
    let server = Server::start(200, r#"{"result":[]}"#).await;
    let (engine, demo) = (&server.engine, app("demo"));
    let shutdown = CancellationToken::new();
    let apps = Rotated(Mutex::new(Arc::new(app("demo"))));
    tokio::join!(engine.keep_refreshing(&apps, shutdown.clone()), async {
        tokio::task::yield_now().await;
        while engine.defines(&demo, "_messageReceived") {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    });
}

/// Takes every address for one of a private network.
struct NoAddress;

impl AddressCheck for NoAddress {
    fn is_allowed(&self, _: IpAddr) -> bool {
        false
    }
}

/// F-9: the addresses of a name are checked for each connection, not only when the name is set.
#[tokio::test]
async fn an_address_that_is_not_allowed_is_never_connected_to() {
    let server = Server::start(400, r#"{"code":1,"error":"a secret"}"#).await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let engine = HttpEngine::checked(&format!("http://{host}:{}", server.port), Arc::new(NoAddress)).unwrap();
        let failure = engine.call(hook_call()).await.unwrap_err();
        assert_eq!(failure.cause, FailureCause::Unavailable, "{host}");
        assert!(failure.message.contains("not public") && !failure.message.contains("127.0.0.1"), "{failure}");
        assert!(engine.refresh(&app("demo")).await.is_err());
    }
    assert!(server.script.requests.lock().unwrap().is_empty());
    let engine = HttpEngine::checked(&format!("http://localhost:{}", server.port), Arc::new(EveryAddress)).unwrap();
    assert_eq!(engine.call(hook_call()).await.unwrap_err().message, "a secret");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let secret = Server::start(200, r#"{"result":"a secret"}"#).await;
    let server = Server::start(302, "").await;
    *server.script.location.lock().unwrap() = Some(format!("http://127.0.0.1:{}/1.1/functions/x", secret.port));
    assert_eq!(server.call().await, Err(FailureCause::Unavailable));
    assert!(secret.script.requests.lock().unwrap().is_empty());
}

/// An app whose keys change.
struct Rotated(Mutex<Arc<App>>);

impl AppDirectory for Rotated {
    fn app(&self, _: &AppId) -> Option<Arc<App>> {
        Some(self.0.lock().unwrap().clone())
    }
}

/// F-24.
#[tokio::test]
async fn the_list_is_asked_for_with_the_keys_that_the_app_has_then() {
    let server = Server::start(200, r#"{"result":[]}"#).await;
    let (engine, demo) = (&server.engine, app("demo"));
    let apps = Rotated(Mutex::new(Arc::new(demo.clone())));
    let shutdown = CancellationToken::new();
    let asked_with = |key: &str| {
        let requests = server.script.requests.lock().unwrap();
        requests.iter().any(|(head, _)| head.headers["x-lc-key"] == format!("{key},master"))
    };
    tokio::join!(engine.keep_refreshing(&apps, shutdown.clone()), async {
        engine.defines(&demo, "_messageReceived");
        while !asked_with("the-master-key") {
            tokio::task::yield_now().await;
        }
        *apps.0.lock().unwrap() = Arc::new(App { master_key: "a-newer-key".to_owned(), ..demo.clone() });
        while !asked_with("a-newer-key") {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    });
}

/// F-21: a server that closes kept-alive connections right after its answers; it may say 408 before.
#[tokio::test]
async fn a_call_on_a_connection_that_is_just_being_closed_is_made_on_another() {
    for last_words in ["", IDLE_FOR_TOO_LONG] {
        let (engine, served, _running) =
            serving(move |socket, served| answer_and_close(socket, served, last_words)).await;
        for call in 0..CALLS {
            let reply = engine.call(hook_call()).await;
            assert_eq!(
                reply.map_err(|failure| failure.message),
                Ok(Bytes::from_static(b"{}")),
                "call {call} {last_words}"
            );
            // So that calls come at every moment of the server's close.
            tokio::time::sleep(Duration::from_micros(call % 60 * 100)).await;
        }
        assert!(served.load(Ordering::Relaxed) >= CALLS);
    }
}

/// F-21: the server says 408 for the connection, and that crosses the call.
#[tokio::test]
async fn a_408_that_crosses_a_call_on_a_used_connection_is_not_the_answer_to_the_call() {
    let (engine, served, _running) = serving(|socket, served| answer_once(socket, served, IDLE_FOR_TOO_LONG)).await;
    for call in 1..=4 {
        assert!(engine.call(hook_call()).await.is_ok(), "call {call}");
        assert_eq!(served.load(Ordering::Relaxed), call);
    }
}

/// F-21: other answers with this status are answers.
#[tokio::test]
async fn a_408_of_the_engine_itself_is_an_answer() {
    let kept_open = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
    let (engine, served, _running) = serving(|socket, served| answer_once(socket, served, kept_open)).await;
    assert!(engine.call(hook_call()).await.is_ok());
    assert_eq!(engine.call(hook_call()).await.unwrap_err().cause, FailureCause::Unavailable);
    assert_eq!(served.load(Ordering::Relaxed), 1);

    let (engine, served, _running) = serving(|mut socket: TcpStream, served: Arc<AtomicU64>| async move {
        read_call(&mut socket).await;
        served.fetch_add(1, Ordering::Relaxed);
        socket.write_all(IDLE_FOR_TOO_LONG.as_bytes()).await.unwrap();
    })
    .await;
    assert_eq!(engine.call(hook_call()).await.unwrap_err().cause, FailureCause::Unavailable);
    assert_eq!(served.load(Ordering::Relaxed), 1, "on the first use of a connection");
}

const CALLS: u64 = 400;

/// As HAProxy and Node's HTTP server say it.
const IDLE_FOR_TOO_LONG: &str = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n";

/// An engine whose connections are served by `serve`, and what counts its calls.
async fn serving<F>(
    serve: impl Fn(TcpStream, Arc<AtomicU64>) -> F + Send + 'static,
) -> (HttpEngine, Arc<AtomicU64>, DropGuard)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let engine = HttpEngine::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (running, served) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let counted = served.clone();
    tokio::spawn(running.clone().run_until_cancelled_owned(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, counted.clone()));
        }
    }));
    (engine, served, running.drop_guard())
}

/// Reads a whole call; false when the connection ends before.
async fn read_call(socket: &mut TcpStream) -> bool {
    let mut read_so_far = Vec::new();
    while !read_so_far.ends_with(br#"{"content":"hi"}"#) {
        let mut bytes = [0; 1024];
        match socket.read(&mut bytes).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => read_so_far.extend_from_slice(bytes.get(..read).unwrap()),
        }
    }
    true
}

/// Answers a call, and keeps the connection; returns how many calls were answered before.
async fn answer_call(socket: &mut TcpStream, served: &AtomicU64) -> Option<u64> {
    if !read_call(socket).await {
        return None;
    }
    let served = served.fetch_add(1, Ordering::Relaxed);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"result\":{}}";
    socket.write_all(answer).await.unwrap();
    Some(served)
}

/// Answers one call, and closes the connection 1 to 5 ms later.
async fn answer_and_close(mut socket: TcpStream, served: Arc<AtomicU64>, last_words: &'static str) {
    let Some(served) = answer_call(&mut socket, &served).await else { return };
    tokio::time::sleep(Duration::from_millis(1 + served % 5)).await;
    // The client may be gone.
    let _ = socket.write_all(last_words.as_bytes()).await;
}

/// Answers one call; to the next one it says only the last words.
async fn answer_once(mut socket: TcpStream, served: Arc<AtomicU64>, last_words: &'static str) {
    if answer_call(&mut socket, &served).await.is_some() && read_call(&mut socket).await {
        socket.write_all(last_words.as_bytes()).await.unwrap();
    }
}
