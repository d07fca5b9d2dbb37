//! Concurrent changes of settings, changes whose caller goes away, and changes while the database is busy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Server, hookd, stderr};

const HOOKS: [&str; 10] = [
    "_messageReceived",
    "_messageSent",
    "_conversationStart",
    "_conversationStarted",
    "_conversationAdd",
    "_conversationAdded",
    "_conversationRemove",
    "_conversationRemoved",
    "_clientOnline",
    "_clientOffline",
];

/// Asked for without a process: databases are held busy meanwhile, and not for long.
fn settings(server: &Server) -> Value {
    let mut socket = connected(server);
    socket.write_all(request(server, "GET", "").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// F-5.
#[test]
fn changes_at_the_same_time_are_all_kept() {
    let server = Server::start();
    let hosts = (0..30).map(|number| ["--allow-host".to_owned(), format!("h{number}.example.org")]);
    let timeouts = HOOKS.map(|hook| ["--hook-timeout".to_owned(), format!("{hook}=700ms")]);
    let commands: Vec<_> = hosts
        .chain(timeouts)
        .map(|change| {
            hookd(&server.data()).arg("settings").args(change).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut command in commands {
        assert!(command.wait().unwrap().success());
    }
    let settings = settings(&server);
    assert_eq!(settings["allowed_hosts"].as_array().unwrap().len(), 30, "{settings}");
    assert_eq!(settings["hook_timeouts_ms"].as_object().unwrap().len(), HOOKS.len(), "{settings}");
}

/// F-5: what a caller began is done, or not, in memory and in the database alike.
#[test]
fn a_caller_that_goes_away_leaves_memory_and_database_equal() {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--allow-host", "a.example.org"]);
    for (database, change) in [
        ("engine/engine.db", json!({"allowed_hosts": {"a.example.org": null}})),
        ("im.db", json!({"on_hook_failure": "abort"})),
    ] {
        let (key, _) = change.as_object().unwrap().iter().next().unwrap();
        let before = settings(&server)[key].clone();
        let busy = Connection::open(server.data().join(database)).unwrap();
        busy.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut caller = connected(&server);
        caller.write_all(request(&server, "PATCH", &change.to_string()).as_bytes()).unwrap();
        // Others are answered meanwhile, so the change has begun; and once more, so its caller is known to be gone.
        let others = || (0..20).for_each(|_| drop(settings(&server)));
        others();
        drop(caller);
        others();
        assert_eq!(settings(&server)[key], before);
        busy.execute_batch("ROLLBACK").unwrap();

        let deadline = Instant::now() + Duration::from_secs(10);
        while settings(&server)[key] == before {
            assert!(Instant::now() < deadline, "`{key}` is not applied, whatever the database says");
        }
        let in_memory = settings(&server);
        server.kill();
        server.start_again();
        assert_eq!(settings(&server), in_memory);
    }
}

/// F-5: a patch of both halves of which one cannot be stored.
#[test]
fn half_a_change_is_taken_back() {
    let server = Server::start();
    server.hookd_ok(&["settings", "--limit", "queue=7", "--allow-host", "a.example.org"]);
    let before = settings(&server);
    let busy = Connection::open(server.data().join("im.db")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let change = ["settings", "--limit", "queue=8", "--limit", "concurrency=3", "--function-limit", "f:queue=1"];
    let both = [&change[..], &["--deny-host", "a.example.org", "--on-hook-failure", "abort"]].concat();
    let refused = server.hookd(&both);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert_eq!(settings(&server), before);
    busy.execute_batch("ROLLBACK").unwrap();
    server.hookd_ok(&both);
    let after = settings(&server);
    assert_eq!((&after["on_hook_failure"], &after["limits"]["queue"]), (&json!("abort"), &json!(8)));
}

fn connected(server: &Server) -> TcpStream {
    TcpStream::connect(server.url("").replace("http://", "")).unwrap()
}

fn request(server: &Server, method: &str, body: &str) -> String {
    let (app, key, length) = (server.key("app_id"), server.key("master_key"), body.len());
    format!(
        "{method} /hookd/v1/apps/{app}/settings HTTP/1.1\r\nhost: hookd\r\nconnection: close\r\nx-lc-key: {key},master\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
