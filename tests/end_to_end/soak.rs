//! All trouble at once and for long: `make soak`.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

use crate::harness::{Redis, Server, Shape, Streams, http_client, module};

/// Trouble of a normal run; `SOAK_SECONDS=600` for `make soak`.
const SECONDS: u64 = 60;
/// What a process may hold more at the end than it did before the trouble: caches are filled, and connections between the two
/// processes are kept for a while.
const MORE_MEMORY: u64 = 96 << 20;
const MORE_FILES: u64 = 24;
const MORE_TASKS: u64 = 16;
/// Idle connections are closed within this.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(100);
const POLL: Duration = Duration::from_millis(500);
/// No file may be larger while the disk is "full": no database can grow then, and none is small enough to begin.
const FULL_DISK: u64 = 32 << 10;

/// The reader of the log of all processes: `cat`, which can be stopped.
struct LogReader {
    process: Child,
    entry: &'static File,
}

impl LogReader {
    fn start() -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        let process = Command::new("cat").stdin(OwnedFd::from(reader)).stdout(Stdio::null()).spawn().unwrap();
        // The processes of a server come and go, and all of them write to it.
        Self { process, entry: Box::leak(Box::new(File::from(OwnedFd::from(writer)))) }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    memory: u64,
    files: u64,
    tasks: u64,
}

/// Of the IM core, and of the engine.
fn held(server: &Server) -> [Held; 2] {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    ["url", "engine"].map(|process| {
        let url = format!("{}/metrics", server.key(process));
        let request = http_client().build().unwrap().get(url).bearer_auth(server.key("admin_key"));
        let text = runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
        let metric = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            value.unwrap_or_else(|| panic!("{name} is not in:\n{text}"))
        };
        let (memory, files) = (metric("process_resident_memory_bytes"), metric("process_open_fds"));
        Held { memory, files, tasks: metric("hookd_tasks") }
    })
}

fn limit_files(server: &mut Server, bytes: Option<u64>) {
    for id in server.processes().ids() {
        let pid = Pid::from_raw(id.cast_signed()).unwrap();
        let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
    }
}

fn oblige(server: &mut Server, (redis, log): (&mut Redis, &LogReader), what: &str, argument: &str) -> Value {
    match what {
        "freeze-engine" => server.processes().freeze_engine(true),
        "thaw-engine" => server.processes().freeze_engine(false),
        "freeze-redis" => redis.freeze(),
        "thaw-redis" => redis.thaw(),
        "kill-redis" => redis.kill(),
        "start-redis" => redis.start_again(),
        "stall-log" => log.signal("-STOP"),
        "read-log" => log.signal("-CONT"),
        "fill-disk" => limit_files(server, Some(FULL_DISK)),
        "free-disk" => limit_files(server, None),
        "try to deploy" => {
            let path = module(argument);
            let deploying = server.hookd(&["deploy", path.to_str().unwrap(), "--prod", "--json"]);
            return json!(deploying.status.success());
        }
        _ => panic!("the scene asks for `{what}`, which no test knows"),
    }
    Value::Null
}

#[test]
fn nothing_is_lost_and_everything_comes_back() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let mut redis = Redis::start();
    let log = LogReader::start();
    let mut server = Server::start_as_with_redis(Shape::OverTcp, &redis.url(), Streams::Reader(log.entry));
    server.hookd_ok(&["settings", "--blocking-hook-timeout", "1s"]);
    // What is held by a server that has served clients and hooks.
    server.play_with("failing_hook", &["trap", "1000"]);
    server.deploy("every-cause");
    let before = held(&server);

    let mut trouble =
        |server: &mut Server, what: &str, argument: &str| oblige(server, (&mut redis, &log), what, argument);
    let facts = server.play_obliging("soak", &[&seconds.to_string()], &mut trouble);
    eprintln!("{facts:#?}");
    assert!(facts["acknowledged"].as_u64() > Some(seconds * 5), "hardly anything was sent");
    assert!(facts["troubles"].as_u64() > Some(seconds / 15), "hardly anything went wrong");

    let over = Instant::now();
    loop {
        let after = held(&server);
        let is_back = before.iter().zip(&after).all(|(before, after)| {
            after.memory <= before.memory + MORE_MEMORY
                && after.files <= before.files + MORE_FILES
                && after.tasks <= before.tasks + MORE_TASKS
        });
        if is_back {
            eprintln!("before: {before:?}\nafter: {after:?}");
            break;
        }
        assert!(over.elapsed() < COMES_BACK_WITHIN, "before: {before:?}\nafter: {after:?}");
        std::thread::sleep(POLL);
    }
    server.processes().stop();
}
