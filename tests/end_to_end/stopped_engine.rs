//! An engine that is stopped, not dead: every wait for it has an end, and all other work goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{MESSAGE, Server, stderr, stdout};

/// So many calls wait for the engine at the same time.
const CALLS: usize = 400;

/// F-14.
#[test]
fn requests_that_wait_for_a_stopped_engine_end_and_the_rest_goes_on() {
    let mut server = Server::with_module("known-functions");
    assert!(call(&server).starts_with("HTTP/1.1 200"));
    let before = descriptors(&mut server);
    server.processes().freeze_engine(true);

    let answers = thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS).map(|_| scope.spawn(|| call(&server))).collect();
        let started = Instant::now();
        server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
        let shown = server.hookd_ok(&["settings"]);
        assert!(shown.contains("on_hook_failure = \"abort\"") && !shown.contains("limits."), "{shown}");
        assert_refused_as_away(&server, &["settings", "--limit", "concurrency=3"]);
        assert_refused_as_away(&server, &["settings", "--limit", "concurrency=3", "--on-hook-failure", "ignore"]);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "four commands took {took:?}");
        calls.into_iter().map(|call| call.join().unwrap()).collect::<Vec<_>>()
    });
    // The engine's machine accepts only some connections.
    let timed_out = |answer: &str| answer.contains(r#""code":124"#);
    for answer in &answers {
        let is_told = timed_out(answer) || answer.contains("does not answer: tcp connect error");
        assert!(answer.starts_with("HTTP/1.1 503") && is_told, "{answer}");
    }
    assert!(answers.iter().any(|answer| timed_out(answer)));
    let deadline = Instant::now() + Duration::from_secs(10);
    while descriptors(&mut server) > before + 20 {
        assert!(Instant::now() < deadline, "{} descriptors, {before} before", descriptors(&mut server));
        thread::sleep(Duration::from_millis(20));
    }

    server.processes().freeze_engine(false);
    assert!(call(&server).starts_with("HTTP/1.1 200"));
    let settings = server.hookd_ok(&["settings", "--limit", "concurrency=3"]);
    assert!(
        settings.contains("limits.concurrency = 3") && settings.contains("on_hook_failure = \"abort\""),
        "{settings}"
    );
}

/// F-14: of two processes, the one that hangs is named.
#[test]
fn commands_that_look_at_a_server_name_the_engine_that_hangs() {
    let mut server = Server::with_module("known-functions");
    server.processes().freeze_engine(true);
    let engine = format!("the engine at `{}` did not answer within", server.key("engine"));
    let info = server.hookd(&["info"]);
    assert_eq!(info.status.code(), Some(2));
    assert!(stderr(&info).contains(&engine), "{}", stderr(&info));
    assert!(stdout(&info).contains("breakers "), "the IM core answers: {}", stdout(&info));
    let doctor = stdout(&server.hookd(&["doctor", "--data", server.data().to_str().unwrap()]));
    assert!(doctor.contains(&engine), "{doctor}");
}

/// F-5: of a patch for both parts, the answer names the half that is not known.
#[test]
fn a_patch_whose_engine_stops_in_the_middle_says_which_half_may_still_be_changed() {
    let server = Server::start();
    let line = Line::to(&server, OnChange::Hold);
    let front = server.another_im_core_at(&line.url);
    let refused = front.hookd(&["settings", "--limit", "concurrency=3", "--on-hook-failure", "abort"]);
    assert_eq!(refused.status.code(), Some(2));
    let text = stderr(&refused);
    assert!(text.contains("`limits` may still be changed, and `on_hook_failure` was not changed"), "{text}");
    let settings = || front.hookd_ok(&["settings"]);
    assert!(settings().contains("on_hook_failure = \"ignore\""), "{}", settings());

    line.release();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !settings().contains("limits.concurrency = 3") {
        assert!(Instant::now() < deadline, "{}", settings());
        thread::sleep(Duration::from_millis(20));
    }
    assert!(settings().contains("on_hook_failure = \"ignore\""), "{}", settings());
}

/// F-5: so it is when the engine is lost in the middle.
#[test]
fn a_change_whose_engine_is_lost_in_the_middle_may_be_done() {
    let server = Server::start();
    let line = Line::to(&server, OnChange::Cut);
    let front = server.another_im_core_at(&line.url);
    for arguments in [["settings", "--limit", "concurrency=3"], ["env", "set", "NAME=value"]] {
        let refused = front.hookd(&arguments);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains("may still do what it was asked for"), "{}", stderr(&refused));
    }
}

/// What happens to a request that changes something.
#[derive(Clone, Copy)]
enum OnChange {
    /// It waits until it is released.
    Hold,
    /// Its connection is cut.
    Cut,
}

/// A way to an engine.
struct Line {
    url: String,
    released: Arc<(Mutex<bool>, Condvar)>,
}

impl Line {
    fn to(server: &Server, on_change: OnChange) -> Self {
        let engine = server.key("engine").trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let released = Arc::<(Mutex<bool>, Condvar)>::default();
        let line = Self { url, released: released.clone() };
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, engine) = (client.unwrap(), TcpStream::connect(&engine).unwrap());
                let (mut answers, mut to_client) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut answers, &mut to_client));
                let released = released.clone();
                thread::spawn(move || pass_on(client, engine, on_change, &released));
            }
        });
        line
    }

    fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }
}

fn pass_on(
    mut client: TcpStream,
    mut engine: TcpStream,
    on_change: OnChange,
    (is_released, released): &(Mutex<bool>, Condvar),
) {
    let mut piece = [0; 65_536];
    while let Ok(read @ 1..) = client.read(&mut piece) {
        match on_change {
            OnChange::Hold if piece.starts_with(b"PATCH") => {
                drop(released.wait_while(is_released.lock().unwrap(), |is_released| !*is_released).unwrap());
            }
            OnChange::Cut if piece.starts_with(b"PATCH") => return drop(client.shutdown(Shutdown::Both)),
            OnChange::Hold | OnChange::Cut => {}
        }
        if engine.write_all(&piece[..read]).is_err() {
            return;
        }
    }
}

/// Not refused for good, and not after a time in which nothing could come.
#[track_caller]
fn assert_refused_as_away(server: &Server, command: &[&str]) {
    let refused = server.hookd(command);
    assert_eq!(refused.status.code(), Some(2), "{command:?}");
    assert!(stderr(&refused).contains("the engine does not answer"), "{}", stderr(&refused));
}

/// One call of a function, on a connection of its own; its whole answer.
fn call(server: &Server) -> String {
    let address = server.url("").replace("http://", "");
    let mut socket = TcpStream::connect(&address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (app_id, app_key) = (server.key("app_id"), server.key("app_key"));
    let request = format!(
        "POST /1.1/functions/number HTTP/1.1\r\nhost: {address}\r\nx-lc-id: {app_id}\r\nx-lc-key: {app_key}\r\n\
         content-length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // A good answer leaves the connection open.
    while !String::from_utf8_lossy(&answer).contains("}") {
        match socket.read(&mut piece).expect("an answer in its time") {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    String::from_utf8(answer).unwrap()
}

/// Those of the process that serves clients.
fn descriptors(server: &mut Server) -> usize {
    let [_, front] = server.processes().ids();
    std::fs::read_dir(format!("/proc/{front}/fd")).unwrap().count()
}

/// F-14: a log has silences, but a server that is there says so.
#[test]
fn a_log_that_is_followed_ends_when_the_engine_hangs() {
    let mut server = Server::with_module("trap");
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let _ = server.hookd(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    let mut following = server.hookd_started(&["logs", "-f"]);
    let mut line = String::new();
    // Read from until the end: a follower ends with its reader.
    let mut lines = BufReader::new(following.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("_messageReceived"), "{line}");
    server.processes().freeze_engine(true);
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = following.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it is followed without end");
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(2));
}
