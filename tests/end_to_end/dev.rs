//! `hookd dev`: a change in the source is live a moment later.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;

use crate::harness::{MESSAGE, Server, assert_refused, hookd, hookd_in};

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

    /// One that works with a server, and waits for changes.
    fn with_first_version(server: &Server, project: &Path) -> Self {
        let dev = Self::start(&server.data(), project, &[]);
        wait_for(&dev.said, "Version 1 is live");
        wait_for(&dev.said, "watching");
        dev
    }

    fn stop(mut self) -> Option<i32> {
        self.interrupt();
        self.process.wait().unwrap().code()
    }

    fn interrupt(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
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
fn wait_for(lines: &Receiver<String>, words: &str) {
    lines_until(lines, words);
}

/// The lines before one with these words.
#[track_caller]
fn lines_until(lines: &Receiver<String>, words: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(words) => return seen,
            Ok(line) => seen.push(line),
            Err(_) => panic!("`{words}` did not come; there was:\n{}", seen.join("\n")),
        }
    }
}

#[test]
fn a_change_is_live_and_a_broken_one_leaves_the_last_version() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join(own("changed")));
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

#[test]
fn javascript_is_bundled_and_released_at_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join("hooks"));
    assert_eq!(hookd_in(&data, &["new", project.to_str().unwrap(), "--lang", "js"]).status.code(), Some(0));
    let params = folder.path().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let invoke = || {
        let output = hookd_in(&data, &["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let source = project.join("cloud.js");
    let first = std::fs::read_to_string(&source).unwrap();
    let rewrite = |from: &str, to: &str| {
        assert!(first.contains(from), "{first}");
        std::fs::write(&source, first.replace(from, to)).unwrap();
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

    rewrite("require('leanengine')", "require('leanengine'");
    wait_for(&dev.said, "cannot be built");
    wait_for(&dev.said, "cloud.js:6:1: ");
    wait_for(&dev.said, "the version that was live still is");
    wait_for(&dev.said, "watching");
    // What is required besides comes from a new file.
    std::fs::write(project.join("words.json"), r#"["found in a file"]"#).unwrap();
    rewrite("console.log(", "console.log(require('./words')[0], ");
    wait_for(&dev.said, "Version 3 is live");
    wait_for(&dev.said, "watching");
    invoke();
    wait_for(&dev.logged, "found in a file a message from Tom");

    rewrite("const AV", "undefined.method()\nconst AV");
    wait_for(&dev.said, "cloud.js:3");
    wait_for(&dev.said, "the version that was live still is");
    assert_eq!(dev.stop(), Some(0));
}

/// F-44: a tool ends with its terminal, a server does not.
#[test]
fn it_stops_with_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join("broken"));
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("Cargo.toml"), "[package").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut dev = hookd(&data);
    dev.args(["dev", project.to_str().unwrap(), "--listen", "127.0.0.1:0"]).stdin(Stdio::null());
    let mut process = dev.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(dev);
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("watching")));
    assert!(Command::new("kill").args(["-HUP", &process.id().to_string()]).status().unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

/// The server in it is the same as that of `hookd up`.
#[test]
fn a_limit_on_the_size_of_files_fails_a_change_and_not_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join("broken"));
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("Cargo.toml"), "[package").unwrap();
    let mut dev = Dev::start(&data, &project, &["--listen", "127.0.0.1:0"]);
    wait_for(&dev.said, "watching");
    let limit_files = |bytes: Option<u64>| {
        let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
        let pid = Pid::from_raw(dev.process.id().cast_signed());
        prlimit(pid, Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
    };
    let set = || hookd_in(&data, &["env", "set", "COLOUR=red"]);
    limit_files(Some(1));
    assert_ne!(set().status.code(), Some(0), "the database grew in spite of the limit");
    limit_files(None);
    let set = set();
    assert_eq!(set.status.code(), Some(0), "{}", String::from_utf8_lossy(&set.stderr));
    assert_eq!(dev.process.try_wait().unwrap(), None);
    assert_eq!(dev.stop(), Some(0));
}

/// A project as `hookd new` makes it, and the folder that it lies in.
fn new_project(server: &Server, name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join(own(name));
    server.hookd_ok(&["new", project.to_str().unwrap()]);
    (folder, project)
}

/// A name that no other test gives its project: all are built in one target folder, where those of one name take each
/// other's place.
fn own(name: &str) -> String {
    format!("{name}-hooks-{}", env!("CARGO_CRATE_NAME"))
}

/// A project whose hook prints a word of a crate that lies beside it, in a workspace that holds both.
fn project_with_a_neighbour(folder: &Path) -> PathBuf {
    let project = folder.join(own("neighbour"));
    assert_eq!(hookd_in(folder, &["new", project.to_str().unwrap()]).status.code(), Some(0));
    std::fs::create_dir_all(folder.join("words/src")).unwrap();
    std::fs::write(folder.join("words/Cargo.toml"), "[package]\nname = \"words\"\nedition = \"2024\"\n").unwrap();
    std::fs::write(folder.join("words/src/lib.rs"), "pub const WORD: &str = \"first\";\n").unwrap();
    let members = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{}\", \"words\"]\n", own("neighbour"));
    std::fs::write(folder.join("Cargo.toml"), members).unwrap();
    rewrite(&project.join("Cargo.toml"), "[workspace]", "");
    rewrite(&project.join("Cargo.toml"), "[dependencies]", "[dependencies]\nwords = { path = \"../words\" }");
    rewrite(&project.join("src/lib.rs"), "a message from {}", "a message from {} is {}");
    rewrite(&project.join("src/lib.rs"), "params.conv_id", "params.conv_id, words::WORD");
    project
}

fn rewrite(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn sources_of_a_project_outside_its_folder_are_watched_too() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let project = project_with_a_neighbour(folder.path());
    let dev = Dev::with_first_version(&server, &project);

    rewrite(&folder.path().join("words/src/lib.rs"), "first", "second");
    wait_for(&dev.said, "Version 2 is live");
    wait_for(&dev.said, "watching");

    rewrite(&folder.path().join("Cargo.toml"), "members", "nonsense");
    wait_for(&dev.said, "does not compile");
    wait_for(&dev.said, "watching");
    rewrite(&folder.path().join("Cargo.toml"), "nonsense", "members");
    rewrite(&folder.path().join("words/src/lib.rs"), "second", "third");
    wait_for(&dev.said, "Version 3 is live");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_project_that_comes_back_is_watched_again() {
    let server = Server::start();
    let (folder, project) = new_project(&server, "returning");
    let dev = Dev::with_first_version(&server, &project);
    let away = folder.path().join("away");
    std::fs::rename(&project, &away).unwrap();
    wait_for(&dev.said, "does not exist");
    wait_for(&dev.said, "watching");
    rewrite(&away.join("src/lib.rs"), "a message from", "back again with");
    std::fs::rename(&away, &project).unwrap();
    wait_for(&dev.said, "Version 2 is live");
    wait_for(&dev.said, "watching");
    rewrite(&project.join("src/lib.rs"), "back again with", "and here to stay with");
    wait_for(&dev.said, "Version 3 is live");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn files_that_the_server_writes_into_the_project_are_no_change_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join(own("holding-data"));
    let data = project.join("data");
    assert_eq!(hookd_in(&folder.path().join("unused"), &["new", project.to_str().unwrap()]).status.code(), Some(0));
    let dev = Dev::start(&data, &project, &["--listen", "127.0.0.1:0"]);
    wait_for(&dev.said, "Version 1 is live");
    wait_for(&dev.said, "watching");
    // Each changes files of the data folder.
    for number in 0..3 {
        let limit = format!("log_lines={}", 100 + number);
        assert_eq!(hookd_in(&data, &["settings", "--limit", &limit]).status.code(), Some(0));
    }
    rewrite(&project.join("src/lib.rs"), "a message from", "something new from");
    let seen = lines_until(&dev.said, "Version 2 is live");
    assert!(!seen.iter().any(|line| line.contains("watching")), "built without a change: {seen:?}");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_change_while_the_server_is_away_is_released_when_it_is_back() {
    let mut server = Server::start();
    let (_folder, project) = new_project(&server, "retried");
    let dev = Dev::with_first_version(&server, &project);
    server.kill();
    rewrite(&project.join("src/lib.rs"), "a message from", "something new from");
    wait_for(&dev.said, "no server answers");
    server.start_again();
    wait_for(&dev.said, "Version 2 is live");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_stop_does_not_wait_for_the_build() {
    let server = Server::start();
    let (folder, project) = new_project(&server, "slow");
    // Builds as long as the file is there.
    let begun = folder.path().join("begun");
    let script = format!(
        "fn main() {{ std::fs::write({begun:?}, \"\").unwrap(); while std::path::Path::new({begun:?}).exists() {{ \
         std::thread::sleep(std::time::Duration::from_millis(10)) }} }}"
    );
    std::fs::write(project.join("build.rs"), script).unwrap();
    let mut dev = Dev::start(&server.data(), &project, &[]);
    wait_until("the build script runs", || begun.exists());
    dev.interrupt();
    wait_until("`hookd dev` ends", || dev.process.try_wait().unwrap().is_some());
    assert_eq!(dev.process.wait().unwrap().code(), Some(0));
}

/// Polls for a change that no channel announces.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
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
    let (_folder, project) = new_project(&server, "staged");
    let dev = Dev::start(&server.data(), &project, &["--staging"]);
    wait_for(&dev.said, "using the server at");
    wait_for(&dev.said, "Version 1 is live in staging");
    assert_eq!(dev.stop(), Some(0));
    assert!(server.hookd_ok(&["info"]).contains("staging     1"));
}

#[test]
fn projects_and_servers_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(folder.path(), &["dev", folder.path().to_str().unwrap()]), &["Cargo.toml", "hookd new"]);
    let project = folder.path().join("some-hooks");
    hookd_in(folder.path(), &["new", project.to_str().unwrap()]);
    let unreachable = [
        "dev",
        project.to_str().unwrap(),
        "--url",
        "http://127.0.0.1:1",
        "--app",
        "a",
        "--master-key",
        "key-of-nobody",
    ];
    assert_refused(&hookd_in(folder.path(), &unreachable), &["no server answers", "127.0.0.1:1"]);
}
