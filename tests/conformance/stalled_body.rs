//! §1.2, step 3: the time limit covers the reading of the body. No client library leaves a body unfinished.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Kind, Target};

/// hookd reads for 15 s before it knows whose limit counts; Node has one limit for all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends the beginning of a body, and waits for the answer.
pub fn is_timed_out(kind: Kind) {
    let target = Target::start(kind);
    let mut socket = TcpStream::connect(target.url.trim_start_matches("http://")).expect("an engine that listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (id, key) = (&target.keys.app_id, &target.keys.app_key);
    let head = format!(
        "POST /1.1/functions/echo HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\
         X-LC-Id: {id}\r\nX-LC-Key: {key}\r\n\r\n{{\"a\":"
    );
    socket.write_all(head.as_bytes()).expect("an open socket");
    let mut answer = String::new();
    while !answer.contains("}") {
        let mut piece = [0; 1024];
        let bytes = socket.read(&mut piece).expect("an answer in time");
        assert!(bytes > 0, "the engine hung up: {answer}");
        answer.push_str(std::str::from_utf8(&piece[..bytes]).expect("ASCII"));
    }
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains(r#"{"code":124,"error":"The request timed out on the server."}"#), "{answer}");
}

#[test]
fn hookd() {
    is_timed_out(Kind::Hookd);
}
