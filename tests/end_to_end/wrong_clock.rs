//! A clock that is far off: before 1970, or past the year 9999. `libfaketime` stands between the processes and the machine's.

use std::process::{Output, Stdio};

use axum::body::Body;
use http::header::DATE;
use http::{Request, Version};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::{FAKETIME, Guest, Redis, Server, code, hookd, http_client, stderr, stdout};

const BEFORE_1970: &str = "-100y";
const PAST_9999: &str = "+8100y";

/// Variables of a process whose clock is off by so much. Waits last as long as ever, and files have their own times.
fn clock(offset: &str) -> [(&'static str, &str); 4] {
    [FAKETIME, ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("NO_FAKE_STAT", "1")]
}

/// A client command on a machine whose clock is off as well.
fn command(server: &Server, offset: &str, arguments: &[&str]) -> Output {
    let mut command = hookd(&server.data());
    // `doctor` asks rustc, which hangs beside `libfaketime`.
    command.env("PATH", "").envs(clock(offset)).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn did_not_panic(server: &Server) {
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}

fn call(server: &Server, name: &str, params: &Value) -> Output {
    let path = server.data().join("params.json");
    std::fs::write(&path, params.to_string()).unwrap();
    server.hookd(&["invoke", name, "--params", path.to_str().unwrap()])
}

/// Of answers over HTTP/1.1, and over HTTP/2.
async fn dates(server: &Server) -> [String; 2] {
    let url = server.url("/1.1/functions/_ops/metadatas");
    let first = http_client().build().unwrap().get(&url).send().await.unwrap();
    let socket = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let second = requests.send_request(Request::get(&url).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(second.version(), Version::HTTP_2);
    [first.headers(), second.headers()].map(|headers| headers[DATE].to_str().unwrap().to_owned())
}

/// A function that answers its params when its clock is less than a day after 1970.
fn guest_with_a_clock() -> Vec<u8> {
    let guest = Guest::new().import(
        r#"(import "wasi:clocks/wall-clock@0.2.0" "now" (func $now (param i32)))"#,
        "package wasi:clocks@0.2.0 { interface wall-clock {
             record datetime { seconds: u64, nanoseconds: u32 }
             now: func() -> datetime;
         } }
         world: import wasi:clocks/wall-clock@0.2.0;",
    );
    let body = "(call $now (i32.const 128))
        (if (i64.gt_u (i64.load (i32.const 128)) (i64.const 86400)) (then (unreachable)))
        (return (call $params (local.get $args)))";
    guest.function("time", body).build()
}

/// F-34.
#[tokio::test]
async fn before_1970_clients_log_in_hooks_run_and_requests_are_answered() {
    let mut server = Server::start_with_variables(&clock(BEFORE_1970), &[]);
    assert_eq!(dates(&server).await, ["Thu, 01 Jan 1970 00:00:00 GMT"; 2]);
    server.play("works");
    let path = server.data().join("time.wasm");
    std::fs::write(&path, guest_with_a_clock()).unwrap();
    server.hookd_ok(&["deploy", path.to_str().unwrap(), "--prod"]);
    let told = call(&server, "time", &json!({"a": 1}));
    assert!(told.status.success(), "{}", stderr(&told));
    for shown in [&["info"][..], &["releases"], &["logs", "--since", "10m"], &["apps", "list"]] {
        let output = command(&server, BEFORE_1970, shown);
        assert_eq!(code(&output), 0, "{shown:?}: {}", stderr(&output));
    }
    did_not_panic(&server);
}

/// F-34.
#[test]
fn before_1970_no_certificate_can_be_checked_and_every_request_over_tls_says_so() {
    const TOLD: &str = "before 1970";
    let (_redis, url, authority) = Redis::with_tls();
    let arguments = ["--redis-url", &url, "--redis-ca-file", &authority, "--allow-private-egress", "127.0.0.0/8"];
    let mut server = Server::start_with_variables(&clock(BEFORE_1970), &arguments);
    let host = url.trim_start_matches("rediss://");

    server.deploy("outbound");
    server.hookd_ok(&["settings", "--allow-host", host]);
    let fetched = call(&server, "fetch", &json!({"url": format!("https://{host}/")}));
    let told = stdout(&fetched) + &stderr(&fetched) + &server.hookd_ok(&["logs"]);
    assert!(told.contains(TOLD), "{told}");

    let cached = server.hookd(&["cache", "GET", "a"]);
    assert!(stderr(&cached).contains(TOLD), "{}", stderr(&cached));
    server.deploy("online-status");
    server.play("session");

    let found = stdout(&command(&server, BEFORE_1970, &["doctor", "--redis-url", &url, "--redis-ca-file", &authority]));
    assert_eq!(found.lines().filter(|line| line.starts_with("BROKEN") && line.contains(TOLD)).count(), 2, "{found}");
    let asked = command(
        &server,
        BEFORE_1970,
        &["info", "--url", &format!("https://{host}"), "--app", "demo", "--master-key", "key-of-nobody"],
    );
    assert!(code(&asked) == 2 && stderr(&asked).contains(TOLD), "{}", stderr(&asked));
    did_not_panic(&server);
}

/// F-34.
#[tokio::test]
async fn past_the_year_9999_requests_are_answered_and_logs_are_shown() {
    let mut server = Server::start_with_variables(&clock(PAST_9999), &[]);
    assert_eq!(dates(&server).await, ["Fri, 31 Dec 9999 23:59:59 GMT"; 2]);
    server.play("works");
    for shown in [&["info"][..], &["releases"], &["logs", "--since", "10m"]] {
        let output = command(&server, PAST_9999, shown);
        assert_eq!(code(&output), 0, "{shown:?}: {}", stderr(&output));
    }
    did_not_panic(&server);
}
