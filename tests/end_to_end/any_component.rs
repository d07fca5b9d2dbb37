//! Modules that were made without an SDK of ours, on the contract alone.

use std::path::Path;

use crate::harness::{Server, assert_refused, module};

/// Calls a function with params; answers what `hookd invoke` printed.
fn invoke(server: &Server, name: &str, params: &str) -> String {
    server.hookd_ok(&["invoke", name, "--params", &params_file(server, params)])
}

fn params_file(server: &Server, params: &str) -> String {
    let file = server.data().join("params.json");
    std::fs::write(&file, params).unwrap();
    path(&file)
}

fn path(file: &Path) -> String {
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_hook_in_c_refuses_counts_and_answers() {
    let server = Server::start();
    let release = server.deploy("c-word-count");
    assert_eq!(release["functions"], serde_json::json!(["_messageReceived", "_messageSent", "wordCount"]));

    let message = |content: &str| serde_json::json!({"fromPeer": "Tom", "content": content}).to_string();
    let rich = |text: &str| message(&serde_json::json!({"_lctype": -1, "_lctext": text}).to_string());
    assert_eq!(invoke(&server, "_messageReceived", &message("a few words")), "null\n");
    for long in [message(&"word ".repeat(201)), rich(&"w\u{f6}rd\n".repeat(201))] {
        let reply = invoke(&server, "_messageReceived", &long);
        assert!(reply.contains(r#""code":9100"#) && reply.contains(r#""drop":true"#), "{reply}");
    }
    assert!(server.hookd_ok(&["logs"]).contains("refused a long message"));

    invoke(&server, "_messageSent", &message("three plain words"));
    invoke(&server, "_messageSent", &rich("two\\more"));
    invoke(&server, "_messageSent", r#"{"fromPeer": "To\u006d", "content": "a\u0020b \ud83d\ude00"}"#);
    assert_eq!(invoke(&server, "wordCount", r#"{"peer": "Tom"}"#), "7\n");
    assert_eq!(invoke(&server, "wordCount", r#"{"peer": "nobody"}"#), "0\n");
}

#[test]
fn a_hook_in_c_reads_broken_params_and_goes_on() {
    let server = Server::with_module("c-word-count");
    for params in [r#"{"peer": 5}"#, "[]", r#"{"peer": "x", "peer": {}}"#, r#"{"a": [[[{"peer": "x"}]]]}"#] {
        let refused = server.hookd(&["invoke", "wordCount", "--params", &params_file(&server, params)]);
        assert_refused(&refused, &["`peer` must be a client id"]);
    }
    let deep = format!(r#"{{"a": {}{}, "peer": "x"}}"#, "[".repeat(100), "]".repeat(100));
    assert_eq!(invoke(&server, "wordCount", &deep), "0\n");
}

#[test]
fn a_core_module_is_built_and_deployed() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("words.core.wasm");
    let built = crate::harness::workspace().join("target/hooks/c/c-word-count.core.wasm");
    std::fs::copy(built, &core).unwrap();
    let printed = server.hookd_ok(&["build", &path(&core)]);
    assert_eq!(printed.trim_end(), path(&folder.path().join("words.wasm")));
    assert_eq!(std::fs::read(printed.trim_end()).unwrap(), std::fs::read(module("c-word-count")).unwrap());
    // Without the step between.
    server.hookd_ok(&["deploy", &path(&core), "--prod"]);
    assert_eq!(invoke(&server, "wordCount", r#"{"peer": "x"}"#), "0\n");

    assert_refused(&server.hookd(&["build", printed.trim_end()]), &["not a core module", "hookd deploy"]);
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    for command in ["build", "deploy"] {
        assert_refused(&server.hookd(&[command, &path(&core)]), &["words.core.wasm", "component_type.o"]);
    }
}

#[test]
fn a_component_that_answers_http_requests_is_asked_as_a_leanengine_app() {
    let mut server = Server::with_module("http-app");
    for _ in 0..2 {
        assert_eq!(invoke(&server, "_messageReceived", r#"{"content": "hi"}"#), "{\"content\":\"HI\"}\n");
        assert_refused(&server.hookd(&["invoke", "refuse"]), &["not today"]);
        server.kill();
        server.start_again();
    }
}
