//! `hookd dev`: a change in the source is live a moment later.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::command_line::{MESSAGE, assert_refused};
use crate::harness::{Server, hookd, hookd_in};

/// Longer than a cold build of a hook on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A `hookd dev` that runs.
struct Dev {
    process: Child,
    /// Builds, releases and errors.
    said: Receiver<String>,
    /// What hooks wrote.
    logged: Receiver<String>,
}

impl Dev {
    fn start(data: &Path, project: &Path, flags: &[&str]) -> Self {
        let mut process = hookd(data)
            .args(["dev", project.to_str().unwrap()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = lines(process.stderr.take().unwrap());
        let logged = lines(process.stdout.take().unwrap());
        Self { process, said, logged }
    }

    fn stop(mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)).ok();
    });
    told
}

/// Waits for a line with these words.
#[track_caller]
fn wait_for(lines: &Receiver<String>, words: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(words) => return line,
            Ok(line) => seen.push(line),
            Err(_) => panic!("`{words}` did not come; there was:\n{}", seen.join("\n")),
        }
    }
}

#[test]
fn a_change_is_live_and_a_broken_one_leaves_the_last_version() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join("watched-hooks"));
    assert_eq!(hookd_in(&data, &["new", project.to_str().unwrap()]).status.code(), Some(0));
    let params = folder.path().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let invoke = || {
        let output = hookd_in(&data, &["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let source = project.join("src/lib.rs");
    let rewrite = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&source).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&source, text.replace(from, to)).unwrap();
    };

    let dev = Dev::start(&data, &project, &["--listen", "127.0.0.1:0"]);
    wait_for(&dev.said, "Version 1 is live in production: _messageReceived");
    wait_for(&dev.said, "watching");
    invoke();
    wait_for(&dev.logged, "a message from Tom");

    rewrite("a message from", "something new from");
    wait_for(&dev.said, "Version 2 is live");
    wait_for(&dev.said, "watching");
    invoke();
    wait_for(&dev.logged, "something new from Tom");

    rewrite("something new", "\" broken ");
    wait_for(&dev.said, "does not compile");
    wait_for(&dev.said, "src/lib.rs");
    wait_for(&dev.said, "the version that was live still is");
    wait_for(&dev.said, "watching");
    invoke();
    wait_for(&dev.logged, "something new from Tom");
    assert_eq!(dev.stop(), Some(0));
    let output = hookd_in(&data, &["info"]);
    assert_refused_although_known(&output);
}

/// The server went with `hookd dev`.
#[track_caller]
fn assert_refused_although_known(output: &std::process::Output) {
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no server answers"));
}

#[test]
fn a_server_that_runs_is_used_and_left_running() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("watched-hooks");
    server.hookd_ok(&["new", project.to_str().unwrap()]);
    let dev = Dev::start(&server.data(), &project, &["--staging"]);
    wait_for(&dev.said, "using the server at");
    wait_for(&dev.said, "Version 1 is live in staging");
    assert_eq!(dev.stop(), Some(0));
    assert!(server.hookd_ok(&["info"]).contains("staging     1"));
}

#[test]
fn what_cannot_be_worked_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(folder.path(), &["dev", folder.path().to_str().unwrap()]), &["Cargo.toml", "hookd new"]);
    let project = folder.path().join("some-hooks");
    hookd_in(folder.path(), &["new", project.to_str().unwrap()]);
    let nobody = ["dev", project.to_str().unwrap(), "--url", "http://127.0.0.1:1", "--app", "a", "--master-key", "k"];
    assert_refused(&hookd_in(folder.path(), &nobody), &["no server answers", "127.0.0.1:1"]);
}
