//! An app whose hooks spin in all its places, beside the other apps of the same server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{MESSAGE, Server, module};

/// The default concurrency of an app.
const PLACES: usize = 64;

fn connect(server: &Server) -> TcpStream {
    let address = server.connection()["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let socket = TcpStream::connect(address).expect("a listening server");
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// Takes all places of an app with endless loops.
fn spin(server: &Server) -> Vec<TcpStream> {
    let app: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "spinner", "--json"])).unwrap();
    let module = module("infinite-loop");
    let of_app = ["--app", "spinner", "--master-key", app["master_key"].as_str().unwrap()];
    server.hookd_ok(&[&["deploy", module.to_str().unwrap(), "--prod"], &of_app[..]].concat());
    send_messages(server, &app, PLACES)
}

/// Calls an app's `_messageReceived` on as many connections at once.
fn send_messages(server: &Server, app: &Value, count: usize) -> Vec<TcpStream> {
    let key = |name: &str| app[name].as_str().unwrap();
    let request = format!(
        "POST /1.1/functions/_messageReceived HTTP/1.1\r\nhost: x\r\nx-lc-id: {}\r\nx-lc-key: {}\r\n\
         x-lc-hook-key: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{MESSAGE}",
        key("app_id"),
        key("app_key"),
        key("hook_key"),
        MESSAGE.len()
    );
    let mut sockets: Vec<_> = std::iter::repeat_with(|| connect(server)).take(count).collect();
    sockets.iter_mut().for_each(|socket| socket.write_all(request.as_bytes()).unwrap());
    sockets
}

/// The head and the body of an answer.
fn exchange(socket: &mut TcpStream, request: &str) -> String {
    let mut answer = [0; 65_536];
    socket.write_all(request.as_bytes()).unwrap();
    let length = socket.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Calls that have a place of their app, of all apps.
fn running_calls(server: &Server) -> u64 {
    let key = server.key("admin_key");
    let request = format!("GET /hookd/v1/stats HTTP/1.1\r\nhost: x\r\nx-hookd-admin-key: {key}\r\n\r\n");
    let answer = exchange(&mut connect(server), &request);
    let counts = answer.split("\"running_calls\":").skip(1);
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    counts.map(|rest| digits(rest).parse::<u64>().unwrap()).sum()
}

/// F-12.
#[test]
fn messages_are_filtered_in_time_while_an_app_spins_with_its_concurrency_raised() {
    const CALLS: usize = 300;
    let server = Server::with_module("word-filter");
    let app: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "spinner", "--json"])).unwrap();
    let of_app = ["--app", "spinner", "--master-key", app["master_key"].as_str().unwrap()];
    server.hookd_ok(&[&["deploy", module("infinite-loop").to_str().unwrap(), "--prod"], &of_app[..]].concat());
    let raised = ["settings", "--max-limit", "concurrency=100000", "--limit", "concurrency=100000"];
    server.hookd_ok(&[&raised[..], &["--admin-key", server.key("admin_key")], &of_app].concat());
    let _spinning = send_messages(&server, &app, CALLS);
    let started = Instant::now();
    while running_calls(&server) < CALLS as u64 {
        assert!(started.elapsed() < Duration::from_secs(8), "not all of them want a place");
    }
    let demo = server.connection().clone();
    for _ in 0..20 {
        let asked = Instant::now();
        let mut call = send_messages(&server, &demo, 1).remove(0);
        let mut answer = [0; 4096];
        let length = call.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.contains("Holy **!"), "{answer}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
}

#[test]
fn sockets_are_served_while_an_app_spins_in_all_its_places() {
    let server = Server::with_module("word-filter");
    let spinning = spin(&server);
    let mut socket = connect(&server);
    let mut answer = [0; 4096];
    let mut latencies: Vec<Duration> = (0..100)
        .map(|_| {
            // Without a pause the server's thread would not leave the socket.
            std::thread::sleep(Duration::from_millis(5));
            let asked = Instant::now();
            socket.write_all(b"GET /__engine/1/ping HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let length = socket.read(&mut answer).unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
            asked.elapsed()
        })
        .collect();
    latencies.sort_unstable();
    // A tick of each of the loops between two looks at a socket would be more than a hundred milliseconds on one core.
    assert!(latencies[50] < Duration::from_millis(20), "{latencies:?}");
    for call in &spinning {
        call.set_nonblocking(true).unwrap();
        let waits = call.peek(&mut answer).unwrap_err();
        assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock, "it spun all the time");
    }
}

#[test]
fn people_chat_while_an_app_spins_in_all_its_places() {
    let mut server = Server::with_module("word-filter");
    let _spinning = spin(&server);
    server.play("messages");
}
