//! F-35, F-36: standard output that takes nothing, or nothing any more.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{MESSAGE, Server, code, hookd, hookd_in, module, stderr};

const DONE: i32 = 0;
const FAILURE: i32 = 2;

/// A server has started by then.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command through a shell that arranges its output, e.g. `>/dev/full`.
fn redirected(server: &Server, arguments: &str, redirection: &str) -> Output {
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("\"$HOOKD\" {arguments} {redirection}")).stdin(Stdio::null());
    let plain = hookd(&server.data());
    shell.env("HOOKD", plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

#[test]
fn a_lost_output_is_an_error_of_every_command() {
    let server = Server::with_module("word-filter");
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let params = params.to_str().unwrap();
    let commands = [
        "releases",
        "releases --json",
        "releases show 1",
        "env",
        "env list --json",
        "env set MODE=strict",
        "logs --json",
        "settings",
        "settings --json",
        "cache SET a 1",
        "apps list",
        "dead-letters retry --all",
        "service create news",
        "service list --json",
        "info",
        "doctor",
        "top --once --interval 100ms",
        "config show",
        "config template",
        "completions bash",
        "--help",
        "logs --help",
        "--version",
    ];
    let invoke = format!("invoke _messageReceived --params {params}");
    let deploy = format!("deploy {} --prod", module("word-filter").display());
    let backup = |name: &str| format!("backup {}", server.data().with_file_name(name).display());
    let (full, closed) = (backup("full"), backup("closed"));
    for (redirection, backup) in [(">/dev/full", &full), (">&-", &closed)] {
        for command in commands.iter().copied().chain([&*invoke, &*deploy, &**backup]) {
            let output = redirected(&server, command, redirection);
            let text = stderr(&output);
            // `env set`, `logs` and the like may have nothing to say.
            if code(&output) == DONE {
                let loud = redirected(&server, command, "");
                assert!(loud.stdout.is_empty(), "{command} {redirection} ended with 0:\n{text}");
                continue;
            }
            assert_eq!(code(&output), FAILURE, "{command} {redirection}: {text}");
            assert!(text.contains("standard output"), "{command} {redirection}: {text}");
        }
    }
    // The requested change is done nevertheless.
    assert!(server.data().with_file_name("full").join("im.db").is_file());
    assert!(server.hookd_ok(&["env", "list"]).contains("MODE=strict"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Server::with_module("word-filter");
    let output = redirected(&server, "settings", "| head -1; exit ${PIPESTATUS[0]}");
    assert_eq!((code(&output), stderr(&output).as_str()), (DONE, ""));
    let output = redirected(&server, "config template", "| true; exit ${PIPESTATUS[0]}");
    assert_eq!((code(&output), stderr(&output).as_str()), (DONE, ""));
}

#[test]
fn a_server_serves_also_when_its_output_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let mut server = hookd(&data)
        .args(["up", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !hookd_in(&data, &["settings"]).status.success() {
        assert!(begun.elapsed() < PATIENCE, "{}", std::fs::read_to_string(&log).unwrap());
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Nothing is written after the reader went, so only a look at the pipe can tell.
#[test]
fn an_endless_command_ends_with_its_reader() {
    let server = Server::with_module("word-filter");
    for arguments in [
        &["logs", "-f"][..],
        &["logs", "--follow", "--json"],
        &["top", "--json", "--interval", "1h"],
        &["top", "--interval", "1h"],
    ] {
        let mut following = server.hookd_started(arguments);
        drop(following.stdout.take());
        // The runner ends a test that hangs.
        assert_eq!(following.wait().unwrap().code(), Some(DONE), "{arguments:?}");
    }
}

/// As `hookd logs -f | head -1`: the reader goes after a line.
#[test]
fn a_follower_ends_after_the_line_that_was_enough() {
    let server = Server::with_module("log-flood");
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let mut following = server.hookd_started(&["logs", "-f"]);
    let mut reader = BufReader::new(following.stdout.take().unwrap());
    server.hookd_ok(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("_messageReceived"), "{line}");
    drop(reader);
    assert_eq!(following.wait().unwrap().code(), Some(DONE));
}
