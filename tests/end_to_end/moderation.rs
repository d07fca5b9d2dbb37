//! The example `text-moderation`, with a moderation service of the test's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::harness::Server;

/// What the service was asked, each with the value of its secret header.
type Questions = Arc<Mutex<Vec<(String, Value)>>>;

/// Listens on a free port until the process ends; answers its URL.
fn moderation_service() -> (String, Questions) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/check", listener.local_addr().unwrap());
    let questions = Questions::default();
    let asked = questions.clone();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let asked = asked.clone();
            thread::spawn(move || answer_all(socket.unwrap(), &asked));
        }
    });
    (url, questions)
}

fn answer_all(socket: TcpStream, asked: &Questions) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let mut socket = socket;
    let (mut length, mut secret) = (0, String::new());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        match line.trim().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("x-moderation-secret", value)) => value.clone_into(&mut secret),
            _ => {}
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let question: Value = serde_json::from_slice(&body).unwrap();
            let (status, verdict) = verdict(question["text"].as_str().unwrap());
            asked.lock().unwrap().push((secret.clone(), question));
            write!(socket, "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n\r\n{verdict}", verdict.len()).unwrap();
        }
        line.clear();
    }
}

fn verdict(text: &str) -> (u16, &'static str) {
    match text {
        text if text.contains("crap") => (200, r#"{"result": 1, "filtered_text": "Holy **!"}"#),
        text if text.contains("spam") => (200, r#"{"result": 2}"#),
        text if text.contains("broken") => (500, "out of order"),
        _ => (200, r#"{"result": 0}"#),
    }
}

#[test]
fn the_service_decides_about_messages() {
    play(|server| drop(server.deploy("text-moderation")));
}

/// The scene of hooks that ask the service.
pub fn play(deploy: impl FnOnce(&Server)) {
    let mut server = Server::start_with(&["--allow-private-egress", "127.0.0.0/8"]);
    let (url, questions) = moderation_service();
    server.hookd_ok(&["env", "set", &format!("MODERATION_URL={url}")]);
    server.hookd_ok(&["env", "set", "--secret", "MODERATION_SECRET=abc"]);
    deploy(&server);
    let host = url.trim_start_matches("http://").trim_end_matches("/check");
    server.play_with("moderation", &[host]);
    let questions = questions.lock().unwrap();
    assert!(questions.iter().all(|(secret, _)| secret == "abc"), "{questions:?}");
    assert_eq!(questions[0].1, serde_json::json!({"text": "hello", "user": "tom"}));
}
