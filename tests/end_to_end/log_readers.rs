//! The reader of a server's output is slow, stuck or gone (F-15), or the terminal hangs up (F-44): clients, developers
//! and a stop notice nothing.

use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Control, Server, Shape, Streams, good, hookd, http_client, numbered_probe};

/// A stop without requests in flight; a stuck reader has a second or two to take the last lines of each process.
const QUICK_STOP: Duration = Duration::from_secs(10);
/// A start on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// More than a pipe and the queue before it hold, with a log of all levels.
const MANY_MESSAGES: &str = "400";

/// Log in, send under `ignore` and under `abort`, deploy, read the history, all with a hook that traps at each message.
fn works(server: &mut Server) {
    server.play("works");
}

fn metric(server: &Server, name: &str) -> u64 {
    let request = http_client().build().unwrap().get(server.url("/metrics")).bearer_auth(server.key("admin_key"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in:\n{text}"))
}

#[test]
fn a_reader_that_went_away_costs_nothing_but_lines() {
    for streams in [Streams::Pipe, Streams::Socket] {
        let mut server = Server::start_writing_to(streams, "info,hookd::hook_log=info");
        server.processes().lose_readers();
        works(&mut server);
        assert!(metric(&server, "hookd_server_log_lines_lost_total") > 0);
        assert!(server.processes().stop() < QUICK_STOP);
    }
}

#[test]
fn a_stuck_reader_costs_only_lines_and_sees_how_many() {
    for streams in [Streams::Pipe, Streams::Socket] {
        let mut server = Server::start_writing_to(streams, "trace");
        server.deploy("trap");
        let lost = |server: &Server| metric(server, "hookd_server_log_lines_lost_total");
        let started = Instant::now();
        while lost(&server) == 0 {
            assert!(started.elapsed() < START_DEADLINE, "the log is never too much for its reader");
            server.play_with("chatter", &[MANY_MESSAGES]);
        }
        works(&mut server);
        let told = server.processes().front_output().lines().map(Result::unwrap).find_map(|line| {
            let (before, _) = line.split_once(" lines of this log are lost here")?;
            before.rsplit_once(' ')?.1.parse::<u64>().ok()
        });
        assert!(told.unwrap() > 0);
        works(&mut server);
        assert!(server.processes().stop() < QUICK_STOP);
    }
}

#[test]
fn last_lines_are_written_before_the_end() {
    let mut server = Server::start_writing_to(Streams::Pipe, "info");
    server.processes().stop_front();
    let lines: Vec<_> = server.processes().front_output().lines().map(Result::unwrap).collect();
    assert!(lines.iter().any(|line| line.contains("stopping: requests in flight may finish")), "{lines:?}");
}

#[test]
fn a_server_whose_streams_are_closed_at_its_start_serves() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = hookd(&data);
    let mut closed = Command::new("sh");
    closed.args(["-c", "exec \"$0\" up --listen 127.0.0.1:0 <&- >&- 2>&-"]).arg(program.get_program());
    closed.env("HOOKD_DATA", &data);
    let mut process = closed.stdin(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let info = || hookd(&data).args(["info", "--json"]).output().unwrap();
    let told = std::iter::repeat_with(info).find(|told| {
        assert!(started.elapsed() < START_DEADLINE, "it never answers");
        let waits = !told.status.success();
        if waits {
            std::thread::sleep(POLL);
        }
        !waits
    });
    assert!(String::from_utf8(told.unwrap().stdout).unwrap().contains("\"demo\""));
    let stopped = Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(process.wait().unwrap().success());
}

/// Spans are sent from a thread of their own, and what is left at the end has its time too.
#[test]
fn a_collector_that_never_answers_holds_up_no_request() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let mut server = Server::start_with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
    works(&mut server);
    assert!(server.processes().stop() < QUICK_STOP * 2);
}

/// F-44, and its relative: a deployment goes on, although its compiler is another process.
#[tokio::test(flavor = "multi_thread")]
async fn sighup_ends_neither_the_server_nor_a_deployment() {
    let mut server = Server::start_writing_to(Streams::Pipe, "info");
    let control = Control::of(&server);
    for build in 0..3 {
        let deploying = tokio::spawn(good(control.deploy("production", numbered_probe(build))));
        while !deploying.is_finished() {
            server.processes().signal_groups("-HUP");
            tokio::time::sleep(POLL).await;
        }
        let release: Value = deploying.await.unwrap();
        assert_eq!(release["release"]["module"].as_str().map(str::len), Some(64), "{release}");
    }
    tokio::task::block_in_place(|| {
        works(&mut server);
        assert!(server.processes().stop() < QUICK_STOP);
    });
}

#[test]
fn nohup_takes_nothing_away() {
    if Shape::of_this_program() != Shape::OneProcess {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = std::fs::File::create(folder.path().join("nohup.out")).unwrap();
    let program = hookd(&data);
    let mut command = Command::new("nohup");
    command.arg(program.get_program()).args(["up", "--json", "--listen", "127.0.0.1:0"]).env("HOOKD_DATA", &data);
    let mut process = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
    let text = || std::fs::read_to_string(folder.path().join("nohup.out")).unwrap();
    let wait_for = |what: &str| {
        let started = Instant::now();
        while !text().contains(what) {
            assert!(started.elapsed() < START_DEADLINE, "no `{what}` in:\n{}", text());
            std::thread::sleep(POLL);
        }
    };
    let signal = |signal: &str| {
        assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
    };
    wait_for("admin_key");
    signal("-HUP");
    wait_for("SIGHUP: there is nothing to open again");
    signal("-TERM");
    assert!(process.wait().unwrap().success());
    assert!(text().contains("stopping: requests in flight may finish"));
}
