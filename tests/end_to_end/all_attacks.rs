//! All attacks of strangers, clients and an app at once, while two people of another app chat.
//!
//! `make attacks` runs it for a minute on the release build and prints what was measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{MESSAGE, Server, module, workspace};

/// Seconds of talk; `ATTACK_SECONDS=60` in `make attacks`.
const SECONDS: u64 = 10;
const MIB: usize = 1 << 20;
/// What the process may hold at its peak, besides the memory of guests: a release build, and one without optimisation.
const MOST_MEMORY_BYTES: u64 = 400 << 20;
const MOST_MEMORY_BYTES_IN_DEBUG: u64 = 500 << 20;
/// The default of `--guest-memory`.
const GUEST_MEMORY_BYTES: u64 = 256 << 20;
/// Connections that send large bodies at the same time, and calls that spin.
const LARGE_BODIES: usize = 60;
const UPLOADS: usize = 25;
const SPINNING: usize = 300;
const MEMORY_BOMBS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(20);

/// Threads that attack until they are stopped.
struct Attack {
    is_over: Arc<AtomicBool>,
    tried: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Attack {
    /// Sends the request on so many connections, again and again.
    fn start(server: &Server, connections: usize, head: &str, body: Vec<u8>) -> Self {
        let (is_over, tried) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let address = server.url("").trim_start_matches("http://").to_owned();
        let (head, body) = (head.to_owned(), Arc::new(body));
        let attacking = |_| {
            let (is_over, tried) = (is_over.clone(), tried.clone());
            let (address, head, body) = (address.clone(), head.clone(), body.clone());
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    tried.fetch_add(1, Ordering::Relaxed);
                    send(&address, &head, &body);
                }
            })
        };
        let threads = (0..connections).map(attacking).collect();
        Self { is_over, tried, threads }
    }

    /// How often it was tried.
    fn end(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.tried.load(Ordering::Relaxed)
    }
}

/// One request and what comes of it, which may be the end of the connection.
fn send(address: &str, head: &str, body: &[u8]) {
    let Ok(mut socket) = TcpStream::connect(address) else { return };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    let sent = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body));
    if sent.is_ok() {
        let _ = socket.read(&mut [0; 4096]);
    }
}

/// The clients of `attackers.mjs`; their conversations are there when this returns.
struct Attackers(Child);

impl Attackers {
    fn start(server: &Server, app: &Value) -> Self {
        let mut connection = server.connection().clone();
        for (name, value) in app.as_object().unwrap() {
            connection[name] = value.clone();
        }
        let mut process = Command::new("node")
            .arg(workspace().join("tests/clients/scenes/attackers.mjs"))
            .env("HOOKD_CONNECTION", connection.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut byte = [0; 1];
        let stdout = process.stdout.as_mut().unwrap();
        while !said.contains("\"ready\"") {
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "the attackers ended: {said}");
            said.push(char::from(byte[0]));
        }
        Self(process)
    }

    /// How often each attack was tried.
    fn end(mut self) -> Value {
        drop(self.0.stdin.take());
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        let mut reports =
            said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get("report").cloned());
        reports.next_back().expect("a report")
    }
}

/// Another app of the server with a module in production.
fn app_with(server: &Server, name: &str, module_name: &str) -> Value {
    let app: Value =
        serde_json::from_str(&server.hookd_ok(&["apps", "create", name, "--profile", "open", "--json"])).unwrap();
    let path = module(module_name);
    let of_app = ["--app", name, "--master-key", app["master_key"].as_str().unwrap()];
    server.hookd_ok(&[&["deploy", path.to_str().unwrap(), "--prod"], &of_app[..]].concat());
    app
}

/// A call of an app's `_messageReceived`.
fn call_of(app: &Value) -> String {
    let key = |name: &str| app[name].as_str().unwrap();
    format!(
        "POST /1.1/functions/_messageReceived HTTP/1.1\r\nhost: x\r\nx-lc-id: {}\r\nx-lc-key: {}\r\n\
         x-lc-hook-key: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        key("app_id"),
        key("app_key"),
        key("hook_key"),
        MESSAGE.len()
    )
}

/// F-6, F-7, F-8 and F-12 at once.
#[test]
fn people_of_another_app_talk_on_and_are_filtered_while_everything_is_attacked() {
    let seconds = std::env::var("ATTACK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let mut server = Server::with_module("word-filter");
    let spinner = app_with(&server, "spinner", "infinite-loop");
    // By the operator.
    // By the operator: an owner raises nothing above the default.
    let of_spinner = ["--app", "spinner", "--master-key", spinner["master_key"].as_str().unwrap()];
    let admin_key = ["--admin-key", server.key("admin_key")];
    let raise = ["settings", "--max-limit", "concurrency=100000", "--limit", "concurrency=100000"];
    server.hookd_ok(&[&raise[..], &of_spinner[..], &admin_key[..]].concat());
    let bomber = app_with(&server, "bomber", "memory-bomb");
    let attackers = Attackers::start(&server, &spinner);

    let stranger = "POST /1.1/functions/hello HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let uploads = format!(
        "POST /hookd/v1/apps/bomber/deployments?environment=staging HTTP/1.1\r\nhost: x\r\nx-lc-key: {},master\r\n",
        bomber["master_key"].as_str().unwrap()
    );
    let with_length = |head: &str, bytes: usize| format!("{head}content-length: {bytes}\r\n\r\n");
    let attacks = [
        ("large bodies", LARGE_BODIES, with_length(stranger, 20 * MIB), vec![b' '; 20 * MIB]),
        ("uploads", UPLOADS, with_length(&uploads, 60 * MIB), vec![b' '; 60 * MIB]),
        ("spinning calls", SPINNING, call_of(&spinner), MESSAGE.into()),
        ("memory bombs", MEMORY_BOMBS, call_of(&bomber), MESSAGE.into()),
    ];
    let attacks = attacks.map(|(name, count, head, body)| (name, Attack::start(&server, count, &head, body)));
    let talk = server.play_with("measured_talk", &[&seconds.to_string()]);
    for (name, attack) in attacks {
        let tried = attack.end();
        eprintln!("{name}: {tried}");
        assert!(tried > 0, "{name}");
    }
    eprintln!("of clients: {}", attackers.end());
    let peak = server.processes().peak_memory_bytes();
    eprintln!("talk: {talk:#?}\npeak of memory: {} MiB", peak >> 20);

    assert_eq!(talk["refused"], serde_json::json!([]));
    assert_eq!(talk["unfiltered"], 0);
    assert!(talk["sent"].as_u64() > Some(seconds), "hardly anything was sent");
    let most = if std::env::var_os("TEST_HOOKD").is_some() { MOST_MEMORY_BYTES } else { MOST_MEMORY_BYTES_IN_DEBUG };
    assert!(peak <= most + GUEST_MEMORY_BYTES, "{} MiB were resident", peak >> 20);
}
