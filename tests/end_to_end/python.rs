//! Hooks in Python, deployed as LeanEngine has them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{
    AppKeys, Peer, Sdk, Server, assert_refused, code, hookd, hookd_in, http_client, module, stderr, stdout, workspace,
};

/// Deploys one of `tests/python-hooks`.
fn server_with(name: &str, arguments: &[&str]) -> Server {
    let server = Server::start_with(arguments);
    server.hookd_ok(&["env", "set", "COLOUR", "green"]);
    server.hookd_ok(&["deploy", built(name).to_str().unwrap(), "--prod", "--isolation", "warm"]);
    server
}

/// One of `tests/python-hooks`, as `make python-modules` built it.
fn built(name: &str) -> PathBuf {
    module(&format!("python-{name}"))
}

#[test]
fn hooks_of_a_python_project_decide_about_messages_of_the_client_sdk() {
    server_with("team-chat", &[]).play("team_chat");
}

/// The same file on LeanCloud's own SDK and in the sandbox.
#[tokio::test]
async fn functions_answer_as_on_the_sdk_of_the_vendor() {
    let server = server_with("known-functions", &[]);
    let keys = AppKeys::of(&server);
    let peer = Peer::start(Sdk::Python, &["known_functions"], &keys);
    let ours = server.url("");
    let cases: [(&str, Value); 17] = [
        ("echo", json!({"a": 1, "_b": 2, "__type": "Text", "c": {"_d": "ü\u{1f600}"}})),
        ("_custom", json!({"x": [1.5, null, true]})),
        ("number", json!({})),
        ("text", json!({})),
        ("boolean", json!({})),
        ("list", json!({})),
        ("null", json!({})),
        ("nothing", json!({"a": 9_007_199_254_740_991_i64})),
        ("garbled", json!({})),
        ("refuses", json!({})),
        ("refusesAs418", json!({})),
        ("breaks", json!({})),
        ("echo", json!([1, 2])),
        ("echo", json!({"": 1})),
        ("echo", json!({"with blank": 1, "class": 2})),
        ("_messageReceived", json!({"content": "x"})),
        ("caller", json!({})),
    ];
    for (name, params) in cases {
        let mut answers = Vec::new();
        for url in [ours.trim_end_matches('/'), peer.url()] {
            let request = http_client().build().unwrap().post(format!("{url}/1.1/functions/{name}"));
            let request = request.header("X-LC-Id", &keys.app_id).header("X-LC-Key", &keys.app_key);
            let request = request.header("X-LC-Hook-Key", &keys.hook_key).header("X-LC-Session", "token");
            let response = request.json(&params).send().await.unwrap();
            let status = response.status().as_u16();
            answers.push((status, response.json::<Value>().await.unwrap()));
        }
        assert_eq!(answers[0], answers[1], "{name} {params}");
    }
}

/// One server for all: an interpreter takes seconds to compile.
#[test]
fn sdk_for_python() {
    let server = server_with("sdk", &["--allow-private-egress", "127.0.0.0/8"]);
    let call = |name: &str, params: Value| invoke(&server, name, &params);
    let value = |name: &str| call(name, json!({})).1;

    let variables = json!({"colour": "green", "environment": "production", "now": "green"});
    assert_eq!(value("variables"), variables, "the top level sees the variables of the version");
    assert_eq!(value("renamed"), "renamed");
    assert_eq!(value("of_another_engine"), "other");
    assert_eq!(value("local_calls"), json!([[1, 2], [3, 2], "renamed"]));
    let words = json!(["alpha", "beta"]);
    assert_eq!(value("reads_files"), json!([words, ["words.txt"], ["words.txt"], words, false]));
    assert_eq!(value("late_imports"), json!([2, ["apple"]]));
    assert_eq!(call("computed_import", json!({"name": "colorsys"})).1, "colorsys");
    let chance = value("chance");
    assert_ne!(value("chance"), chance);
    assert_eq!(call("_messageReceived", json!({"content": "crap"})).1, json!({"content": "**"}));
    assert_eq!(call("strict", json!({"a": 1, "_hidden": 2})), (200, json!([1, 2])));

    let broken = json!({"code": 141, "error": "Cloud Code script had an error."});
    for (name, params) in [
        ("strict", json!({"a": 1, "other": 2})),
        ("strict", json!({})),
        ("breaks", json!({})),
        ("ends", json!({})),
        ("deep", json!({})),
        ("not_json", json!({"kind": "object"})),
        ("not_json", json!({"kind": "nan"})),
        ("not_json", json!({"kind": "circle"})),
    ] {
        assert_eq!(call(name, params.clone()), (500, broken.clone()), "{name} {params}");
        assert_eq!(value("renamed"), "renamed", "the call after `{name}` works");
    }
    for (kind, status, code, text) in [
        ("text", 400, 400, "text"),
        ("code", 400, 123, "with a code"),
        ("status", 403, 403, "a status"),
        ("all", 418, 4321, "all three"),
    ] {
        assert_eq!(call("refuses", json!({"kind": kind})), (status, json!({"code": code, "error": text})));
    }

    let storage = value("uses_storage");
    assert_eq!(storage[0], "x");
    assert!(storage[1].as_str().unwrap().contains("object storage"), "{storage}");
    assert!(storage[2].as_str().unwrap().contains("Query.find"), "{storage}");

    system_is_refused_with_words(&value("refused_by_the_system"));
    leancache_is_a_redis(&value("uses_redis"));
    requests_go_out(&server);
    log_has_streams_and_tracebacks(&server);

    // The same snapshot, another instance.
    assert_ne!(value("count_calls"), value("count_calls"), "a warm instance keeps its variables");
    server.hookd_ok(&["deploy", built("sdk").to_str().unwrap(), "--prod", "--isolation", "per-call"]);
    assert_eq!((value("count_calls"), value("count_calls")), (json!(1), json!(1)));
    let (one, other) = (value("chance"), value("chance"));
    assert!(one[0] != other[0] && one[1] != other[1], "{one} {other}");
}

/// Status and value, or status and error.
fn invoke(server: &Server, name: &str, params: &Value) -> (u64, Value) {
    let file = server.data().join("params.json");
    std::fs::write(&file, params.to_string()).unwrap();
    let output = server.hookd(&["invoke", name, "--json", "--params", file.to_str().unwrap()]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let body = &answer["body"];
    (answer["status"].as_u64().unwrap(), body.get("result").unwrap_or(body).clone())
}

fn system_is_refused_with_words(refused: &Value) {
    for (name, words) in [
        ("socket", "hooks have no sockets"),
        ("name", "hooks have no sockets"),
        ("read", "FileNotFoundError"),
        ("write", "hooks have no disk"),
        ("raw", "No such file"),
        ("remove", "Error"),
        ("process", "Error"),
        ("thread", "can't start new thread"),
    ] {
        let text = refused[name].as_str().unwrap();
        assert!(text.contains(words) && text != "worked", "{name}: {text}");
    }
}

fn leancache_is_a_redis(found: &Value) {
    let mut found = found.clone();
    let refused = found["refused"].take();
    assert!(refused.as_str().unwrap().contains("FLUSHALL"), "{refused}");
    let publish = found["publish"].take();
    assert!(publish.as_str().unwrap().contains("PUBLISH"), "{publish}");
    let wrong = found["wrong"].take();
    assert!(wrong.as_str().unwrap().starts_with("ResponseError: WRONGTYPE"), "{wrong}");
    let nothing = found["nothing"].take();
    assert!(nothing.as_str().unwrap().starts_with("DataError"), "{nothing}");
    let expected = json!({
        "set": [true, null, 60, "b:v", null],
        "text": ["v", ["v", null]],
        "pipeline": [1, 2, 3],
        "list": [["b:b", "b:a", "b:3"], 3],
        "hash": [2, {"b:a": "b:1", "b:b": "b:x"}, {"a": "1", "b": "x"}],
        "members": [2, ["x", "y"], 1],
        "scores": [2, [["m", 1.5], ["n", 2.0]], 1.5, ["n"]],
        "truth": [true, 1, 1, "b:zset"],
        "wrong": null, "refused": null, "publish": null, "nothing": null,
    });
    assert_eq!(found, expected);
}

fn requests_go_out(server: &Server) {
    let url = echo_server();
    let (status, refused) = invoke(server, "uses_urllib", &json!({ "url": url }));
    assert_eq!(status, 500, "{refused}");
    assert!(server.hookd_ok(&["logs"]).contains("allow it with `hookd settings --allow-host 127.0.0.1:"));
    let host = url.trim_start_matches("http://");
    server.hookd_ok(&["settings", "--allow-host", host]);
    let (status, answer) = invoke(server, "uses_requests", &json!({ "url": url }));
    assert_eq!(status, 200, "{answer}");
    let posted = json!({"method": "POST", "path": "/echo?q=a+b", "from": "python", "body": "{\"a\": \"\\u00fc\"}"});
    assert_eq!(answer["posted"], json!([200, posted, "application/json", true]));
    assert_eq!(answer["form"], "x=1+2");
    assert_eq!(answer["redirected"], json!(["/echo", 1]));
    assert_eq!(answer["missing"], json!([404, "HTTPError: 404 Client Error: Not Found f"]));
    assert!(answer["closed"].as_str().unwrap().starts_with("ConnectionError: "), "{answer}");
    assert!(answer["no scheme"].as_str().unwrap().starts_with("MissingSchema: "), "{answer}");
    let (status, answer) = invoke(server, "uses_urllib", &json!({ "url": url }));
    assert_eq!(status, 200, "{answer}");
    let posted = json!({"method": "POST", "path": "/echo", "from": "urllib", "body": "body"});
    assert_eq!(answer, json!({"posted": [200, posted, "application/json"], "missing": [404, "nothing here"]}));
}

fn log_has_streams_and_tracebacks(server: &Server) {
    invoke(server, "writes", &json!({}));
    let log = server.hookd_ok(&["logs", "--limit", "2000"]);
    let level_of = |text: &str| {
        let line = log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text} is not in {log}"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(level_of("stdout: to stdout"), "INFO");
    assert_eq!(level_of("stdout: no line end"), "INFO");
    assert_eq!(level_of("stderr: to stderr"), "WARN");
    assert_eq!(level_of("a warning"), "WARN");
    assert_eq!(level_of("an error"), "ERROR");
    assert_eq!(level_of("ZeroDivisionError: division by zero"), "ERROR");
    assert!(log.contains(r#"File "helpers/words.py", line 5, in divide"#), "{log}");
    assert!(log.contains("return one / other"), "{log}");
    assert_eq!(level_of("registered, but never fired"), "WARN");
    assert!(log.contains("__before_save_for_Todo"), "{log}");
}

/// Answers what it was asked, as JSON.
fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming() {
            thread::spawn(move || echo(socket.unwrap()));
        }
    });
    url
}

fn echo(socket: TcpStream) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let mut socket = socket;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.split_whitespace().next().unwrap().to_owned();
        let (method, mut length, mut from) = (method.to_owned(), 0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            match header.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("x-from") => value.clone_into(&mut from),
                None => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (head, answer) = match path.as_str() {
            "/missing" => ("404 Not Found\r\ncontent-type: text/plain", "nothing here".to_owned()),
            "/moved" => ("302 Found\r\nlocation: /echo", String::new()),
            _ => {
                let body = String::from_utf8(body).unwrap();
                let answer = json!({"method": method, "path": path, "from": from, "body": body});
                ("200 OK\r\ncontent-type: application/json", answer.to_string())
            }
        };
        write!(socket, "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
    }
}

/// Builds a project of these files.
fn build(files: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("hooks");
    for (name, text) in files {
        let path = project.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    build_with_the_tool_of_the_tests(folder.path(), &project)
}

fn build_with_the_tool_of_the_tests(data: &Path, project: &Path) -> Output {
    let tool = workspace().join("tests/python-hooks/.venv/bin/componentize-py");
    assert!(tool.is_file(), "`{}` is missing; install it with `make test`", tool.display());
    hookd(data).env("HOOKD_COMPONENTIZE_PY", tool).arg("build").arg(project).output().unwrap()
}

#[test]
fn new_project_in_python_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my hooks");
    let made = hookd_in(folder.path(), &["new", project.to_str().unwrap(), "--lang", "python"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let output = build_with_the_tool_of_the_tests(folder.path(), &project);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let module = project.join("target/hookd/my hooks.wasm");
    assert_eq!(stdout(&output).trim(), module.to_str().unwrap());
    assert!(std::fs::read(module).unwrap().starts_with(b"\0asm"));
}

#[test]
fn what_fails_when_the_project_is_imported_is_shown_at_deploy_with_its_traceback() {
    let server = Server::start();
    let output = server.hookd(&["deploy", built("fails-at-import").to_str().unwrap(), "--prod"]);
    assert_refused(&output, &["fails when it is loaded", r#"File "cloud.py", line 7"#, "KeyError: 'NOWHERE'"]);
}

#[test]
fn syntax_errors_are_found_at_build_with_file_and_line() {
    let files = [
        ("cloud.py", "from leancloud import Engine\nengine = Engine()\n"),
        ("words/list.py", "x = 1\ndef broken(:\n    pass\n"),
    ];
    assert_refused(&build(&files), &["words/list.py:2: invalid syntax"]);
}

#[test]
fn project_without_an_engine_is_refused_at_build() {
    let files = [("requirements.txt", ""), ("wsgi.py", "print('pages')\n")];
    assert_refused(&build(&files), &["no file makes an `Engine`"]);
}
