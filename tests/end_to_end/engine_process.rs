//! The engine dies, comes back, and stops softly, while real clients chat.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{MESSAGE, Server, Shape, assert_refused, hookd_in, http_client, stdout};

#[test]
fn chat_goes_on_without_the_engine_and_finds_it_again_over_tcp() {
    killed_and_back(Shape::OverTcp);
}

#[test]
fn chat_goes_on_without_the_engine_and_finds_it_again_over_a_unix_socket() {
    killed_and_back(Shape::OverASocket);
}

fn killed_and_back(shape: Shape) {
    let mut server = Server::start_as(shape);
    server.deploy("word-filter");
    let facts = server.play("engine_dies");
    let milliseconds = |name: &str| facts[name].as_f64().unwrap();
    assert!(milliseconds("slowest_let_through_ms") < 1_000.0, "{facts:?}");
    assert!(milliseconds("slowest_refusal_ms") < 1_000.0, "{facts:?}");
    assert!(milliseconds("recovered_ms") < 1_000.0, "{facts:?}");
}

#[test]
fn breakers_are_shown_while_the_engine_is_dead() {
    let mut server = Server::start();
    server.deploy("word-filter");
    let told = server.play("dead_engine_is_told");
    let stderr = told["stderr"].as_str().unwrap();
    assert!(stderr.contains("does not answer") && stderr.contains("start it with `hookd engine`"), "{stderr}");
}

#[test]
fn whole_conversation_over_a_unix_socket() {
    let mut server = Server::start_as(Shape::OverASocket);
    server.deploy("team-chat");
    server.play("team_chat");
    Server::start_as(Shape::OverASocket).play("new_version");
}

#[test]
fn engine_asked_to_stop_finishes_the_calls_in_flight() {
    let mut server = Server::start();
    server.deploy("infinite-loop");
    server.play("engine_stops");
}

#[test]
fn im_core_asked_to_stop_answers_what_it_took_and_says_goodbye() {
    let mut server = Server::start();
    server.deploy("slow");
    let facts = server.play("im_stops");
    assert_eq!(facts["close_code"], 1001);
}

#[test]
fn im_core_asked_to_stop_while_many_hooks_are_at_work_stores_what_it_acknowledges() {
    let mut server = Server::start();
    server.deploy("slow");
    server.hookd_ok(&["settings", "--blocking-hook-timeout", "10s"]);
    let facts = server.play("im_stops_at_work");
    assert_eq!(facts["close_code"], 1001);
    assert_eq!(facts["acknowledged"], 20, "all of them had reached their hook");
}

#[test]
fn im_core_starts_while_the_engine_is_dead() {
    let mut server = Server::start();
    server.deploy("word-filter");
    server.processes().kill_engine();
    server.processes().stop_front();
    server.start_front();
    server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
    let refused = server.hookd(&["settings", "--limit", "concurrency=3"]);
    assert_eq!(refused.status.code(), Some(2));
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("does not answer") && text.contains("hookd engine"), "{text}");
    server.start_engine();
    let settings: Value = serde_json::from_str(&server.hookd_ok(&["settings", "--json"])).unwrap();
    assert_eq!((&settings["on_hook_failure"], &settings["limits"]["concurrency"]), (&"abort".into(), &64.into()));
}

#[test]
fn engine_alone_takes_commands_over_tcp_and_over_its_socket() {
    for shape in [Shape::OverTcp, Shape::OverASocket] {
        let mut server = Server::start_as(shape);
        server.processes().stop_front();
        let engine = server.connection()["engine"].as_str().unwrap().to_owned();
        let engine = engine.as_str();
        let module = crate::harness::module("word-filter");
        server.hookd_ok(&["deploy", module.to_str().unwrap(), "--prod", "--url", engine]);
        let params = server.data().join("params.json");
        std::fs::write(&params, MESSAGE).unwrap();
        let invoke = ["invoke", "_messageReceived", "--params", params.to_str().unwrap(), "--url", engine];
        assert!(server.hookd_ok(&invoke).contains("Holy **!"));
        let refused = server.hookd(&["settings", "--on-hook-failure", "abort", "--url", engine]);
        assert_refused(&refused, &["`on_hook_failure`", "hookd im"]);
    }
}

#[test]
fn an_im_core_that_hangs_holds_no_release_up_and_learns_of_it_afterwards() {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
    let engine = server.connection()["engine"].as_str().unwrap().to_owned();
    let module = crate::harness::module("trap");
    server.processes().freeze_front(true);
    let started = Instant::now();
    server.hookd_ok(&["deploy", module.to_str().unwrap(), "--prod", "--url", &engine]);
    assert!(started.elapsed() < Duration::from_secs(20), "the release waited for the IM core");
    server.processes().freeze_front(false);
    assert_eq!(server.play("one_message")["code"], 4200, "the hook was not called");
}

#[test]
fn an_im_core_without_the_admin_key_is_refused() {
    let server = Server::start();
    let engine = server.connection()["engine"].as_str().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let output = hookd_in(elsewhere.path(), &["im", "--listen", "127.0.0.1:0", "--engine", engine]);
    assert_refused(&output, &["admin key", "--admin-key"]);
    assert_refused(&hookd_in(elsewhere.path(), &["im", "--engine", "unix:engine.sock"]), &["unix:/path"]);
}

#[test]
fn a_second_engine_on_the_socket_or_the_folder_is_refused() {
    let server = Server::start_as(Shape::OverASocket);
    let socket = server.connection()["engine"].as_str().unwrap().trim_start_matches("unix:").to_owned();
    let elsewhere = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(elsewhere.path(), &["engine", "--rpc-socket", &socket]), &["another", "--rpc-socket"]);
    assert_refused(&server.hookd(&["engine", "--listen", "127.0.0.1:0"]), &["another", "--data"]);
    assert_refused(&server.hookd(&["im", "--listen", "127.0.0.1:0"]), &["another", "--data"]);
}

#[test]
fn the_same_folder_serves_both_shapes() {
    let mut server = Server::start_as(Shape::OneProcess);
    server.deploy("word-filter");
    server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
    let before = server.connection().clone();
    for shape in [Shape::OverTcp, Shape::OneProcess] {
        server.processes().stop_front();
        server.start_again_as(shape);
        assert_eq!(server.connection()["admin_key"], before["admin_key"]);
        assert_eq!(server.connection()["master_key"], before["master_key"]);
        assert!(server.hookd_ok(&["settings"]).contains("on_hook_failure = \"abort\""));
        assert!(stdout(&server.hookd(&["releases"])).contains("1 *"));
        assert_private(&server.data());
        if shape == Shape::OverTcp {
            server.processes().stop_engine();
            server.processes().wait_for_engine();
        }
    }
}

/// Keys are in these files.
#[track_caller]
fn assert_private(data: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["connection.json", "engine.json", "admin.key", "directory.json"] {
        let Ok(metadata) = std::fs::metadata(data.join(name)) else { continue };
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{name}");
    }
}

#[test]
fn each_process_has_metrics_of_its_own() {
    let mut server = Server::start();
    let facts = server.play_with("failing_hook", &["trap"]);
    assert_eq!(facts["cause"], "trap");
    let engine = server.connection()["engine"].as_str().unwrap().to_owned();
    let metrics = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = http_client().build().unwrap();
        let request = client.get(format!("{engine}/metrics")).bearer_auth(server.key("admin_key"));
        request.send().await.unwrap().text().await.unwrap()
    });
    assert!(
        metrics.contains(r#"hookd_calls_total{app="demo",function="_messageReceived",outcome="trap"} 3"#),
        "{metrics}"
    );
    assert!(!metrics.contains("hookd_hook_let_through_total"), "that is the IM core's");
}

/// F-29: a client's `Connection` names what concerns its own connection only.
#[test]
fn headers_that_connection_names_are_not_passed_on() {
    let server = Server::with_module("known-functions");
    let address = server.url("").replace("http://", "");
    let status = |connection: &str| {
        let mut socket = TcpStream::connect(&address).unwrap();
        let (app_id, app_key) = (server.key("app_id"), server.key("app_key"));
        let request = format!(
            "POST /1.1/functions/number HTTP/1.1\r\nhost: {address}\r\nx-lc-id: {app_id}\r\nx-lc-key: {app_key}\r\n\
             content-length: 0\r\nconnection: {connection}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("close"), "200");
    assert_eq!(status("close, X-LC-Key"), "401", "the engine was shown the key");
}
