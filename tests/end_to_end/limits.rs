//! Limits for a developer: set by command, shown with their source, applied, named when a call reaches them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{MESSAGE, Server, assert_refused, code, stderr};

fn invoke(server: &Server, name: &str) -> (Option<i32>, String) {
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let output = server.hookd(&["invoke", name, "--params", params.to_str().unwrap()]);
    (output.status.code(), stderr(&output))
}

#[test]
fn limits_are_shown_with_their_source() {
    let server = Server::start();
    let shown = server.hookd_ok(&["settings"]);
    assert!(
        shown.contains("limits.deadline_ms = 15000 (default; blocking hooks 10000; notification hooks 3000)"),
        "{shown}"
    );
    server.hookd_ok(&["settings", "--limit", "log_lines=5", "--function-limit", "_messageReceived:deadline_ms=500ms"]);
    let shown = server.hookd_ok(&["settings"]);
    for line in [
        "limits.log_lines = 5 (app)",
        "limits.queue = 1024 (default)",
        "function_limits._messageReceived.deadline_ms = 500",
        "allowed_hosts = []",
    ] {
        assert!(shown.lines().any(|present| present == line), "`{line}` is not in:\n{shown}");
    }
    server.hookd_ok(&[
        "settings",
        "--limit",
        "log_lines=default",
        "--function-limit",
        "_messageReceived:deadline_ms=default",
    ]);
    let shown: Value = serde_json::from_str(&server.hookd_ok(&["settings", "--json"])).unwrap();
    assert_eq!((&shown["limits"]["log_lines"], &shown["function_limits"]), (&600.into(), &serde_json::json!({})));
}

#[test]
fn settings_outlive_the_process_and_bad_ones_are_refused() {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--allow-host", "api.example.com", "--allow-host", "*.example.org:8443"]);
    server.hookd_ok(&["settings", "--function-limit", "hello:queue=1", "--deny-host", "api.example.com"]);
    server.kill();
    server.start_again();
    let shown: Value = serde_json::from_str(&server.hookd_ok(&["settings", "--json"])).unwrap();
    assert_eq!(shown["allowed_hosts"], serde_json::json!(["*.example.org:8443"]));
    assert_eq!(shown["function_limits"], serde_json::json!({"hello": {"queue": 1}}));
    for (arguments, words) in [
        (["--allow-host", "https://example.org"], &["URL", "`api.example.com`"][..]),
        (["--deny-host", "example.org"], &["`example.org`", "*.example.org:8443"]),
        (["--function-limit", "hello"], &["FUNCTION:NAME=VALUE"]),
        (["--function-limit", "hello:concurrency=0"], &["`concurrency`", "1 to 100000"]),
        (["--notification-hook-timeout", "9s"], &["3000", "--limit deadline_ms=9000"]),
    ] {
        assert_refused(&server.hookd(&[&["settings"][..], &arguments].concat()), words);
    }
}

#[test]
fn a_hook_that_meets_a_limit_names_it_and_the_next_call_works() {
    let server = Server::start();
    // The module, the limit that it meets, the outcome, and the text for the caller or in the log.
    for (module, limit, outcome, told) in [
        ("infinite-loop", "deadline_ms=100ms", "timeout", "within 100 ms (limit `deadline_ms`)"),
        ("infinite-loop", "cpu_time_ms=50ms", "timeout", "within 50 ms (limit `cpu_time_ms`)"),
        ("memory-bomb", "memory_bytes=4MiB", "out_of_memory", "`memory_bytes` of 4194304"),
        ("table-hoard", "table_elements=500", "trap", "`table_elements` of 500"),
        ("huge-reply", "request_bytes=100", "failed", "`request_bytes` of 100"),
    ] {
        server.deploy(module);
        server.hookd_ok(&["settings", "--function-limit", &format!("_messageReceived:{limit}")]);
        let (status, error) = invoke(&server, "_messageReceived");
        assert_eq!(status, Some(1), "{module}: {error}");
        assert!(error.contains(&format!("outcome {outcome}")), "{module}: {error}");
        let log = server.hookd_ok(&["logs", "--limit", "1"]);
        assert!(error.contains(told) || log.contains(told), "{module}: `{told}` is in neither\n{error}\n{log}");
        assert_eq!(invoke(&server, "hello").0, Some(0), "{module}: another function has no such limit");
        let (name, _) = limit.split_once('=').unwrap();
        server.hookd_ok(&["settings", "--function-limit", &format!("_messageReceived:{name}=default")]);
    }
}

#[test]
fn a_log_flood_is_cut_and_the_cut_is_named() {
    let server = Server::with_module("log-flood");
    server.hookd_ok(&["settings", "--limit", "log_lines=10"]);
    assert_eq!(invoke(&server, "_messageReceived").0, Some(0));
    let log = server.hookd_ok(&["logs"]);
    assert!(log.contains("1990 log lines were dropped: the limit `log_lines` is 10"), "{log}");
}

#[test]
fn a_host_that_is_not_allowed_is_named_with_the_setting() {
    let server = Server::with_module("outbound");
    let params = server.data().join("params.json");
    std::fs::write(&params, r#"{"url": "https://api.example.com/"}"#).unwrap();
    let output = server.hookd(&["invoke", "fetch", "--params", params.to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    let fix = "host `api.example.com` is not allowed; allow it with `hookd settings --allow-host api.example.com`";
    assert!(stderr(&output).contains(fix), "{}", stderr(&output));
    assert!(server.hookd_ok(&["logs"]).contains(fix));
}

/// Sends a call to the engine on a connection of its own.
fn send_call(server: &Server, name: &str, more: &str) -> TcpStream {
    let engine = std::fs::read_to_string(server.data().join("engine.json"));
    let engine: Option<Value> = engine.ok().map(|text| serde_json::from_str(&text).unwrap());
    let url = engine.as_ref().unwrap_or_else(|| server.connection())["url"].as_str().unwrap();
    let mut connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let (id, key) = (server.key("app_id"), server.key("app_key"));
    let head = format!(
        "POST /1.1/functions/{name} HTTP/1.1\r\nhost: a\r\nx-lc-id: {id}\r\nx-lc-key: {key}\r\n\
         content-length: 0\r\n{more}\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection
}

fn is_there_room(server: &Server) -> bool {
    let mut answer = String::new();
    send_call(server, "probe", "connection: close\r\n").read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK") || answer.contains("x-hookd-outcome: overloaded"), "{answer}");
    answer.contains("200 OK")
}

fn is_answered(call: &TcpStream) -> bool {
    call.set_nonblocking(true).unwrap();
    call.peek(&mut [0]).is_ok()
}

#[test]
fn a_call_whose_caller_went_away_leaves_its_place_to_others() {
    let server = Server::with_module("every-cause");
    server.hookd_ok(&["settings", "--max-limit", "cpu_time_ms=60000", "--limit", "cpu_time_ms=60000"]);
    server.hookd_ok(&["settings", "--limit", "concurrency=1", "--limit", "queue=0"]);
    let mut call = send_call(&server, "hold", "");
    while is_there_room(&server) {
        // It is refused itself when it meets a probe: then once more.
        if is_answered(&call) {
            call = send_call(&server, "hold", "");
        }
    }
    drop(call);
    let start = Instant::now();
    while !is_there_room(&server) {}
    assert!(start.elapsed() < Duration::from_secs(12), "it was ended by its deadline of 15 s");
}

/// F-12.
#[test]
fn only_the_operator_raises_what_an_app_gets() {
    let mut server = Server::start();
    let master_key = server.key("master_key").to_owned();
    let owner = |server: &Server, arguments: &[&str]| {
        server.hookd(&[&["settings", "--master-key", &master_key][..], arguments].concat())
    };
    for arguments in [["--limit", "concurrency=100000"], ["--function-limit", "hello:concurrency=65"]] {
        let words = ["at most 64", "hookd settings --max-limit concurrency="];
        assert_refused(&owner(&server, &arguments), &words);
        assert_refused(&server.hookd(&[&["settings"][..], &arguments].concat()), &words);
    }
    assert_refused(&owner(&server, &["--max-limit", "concurrency=100"]), &["`max_limits`", "admin key"]);
    assert_refused(&server.hookd(&["settings", "--max-limit", "concurrency=0"]), &["`concurrency`", "1 to 100000"]);
    server.hookd_ok(&["settings", "--max-limit", "concurrency=100", "--max-limit", "queue=10"]);
    assert!(owner(&server, &["--limit", "concurrency=100"]).status.success());
    assert_refused(&owner(&server, &["--limit", "concurrency=101"]), &["at most 100"]);
    assert_refused(&owner(&server, &["--function-limit", "hello:disk_bytes=5"]), &["`disk_bytes`"]);
    server.kill();
    server.start_again();
    let shown = server.hookd_ok(&["settings"]);
    for line in [
        "limits.concurrency = 100 (app)",
        "limits.queue = 10 (default)",
        "max_limits.concurrency = 100",
        "max_limits.queue = 10",
    ] {
        assert!(shown.lines().any(|present| present == line), "`{line}` is not in:\n{shown}");
    }
    server.hookd_ok(&["settings", "--max-limit", "concurrency=default"]);
    assert!(server.hookd_ok(&["settings"]).contains("limits.concurrency = 64 (app)"));
}
