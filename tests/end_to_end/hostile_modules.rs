//! Modules that must not come in: refused at deploy with the reason, and nothing stored.

use std::path::Path;

use crate::harness::{MESSAGE, Server, module, stderr};

/// The deployment is refused with these words, and the version that was live before still is.
#[track_caller]
fn assert_not_let_in(server: &Server, module: &Path, words: &[&str]) {
    let files = stored_files(server);
    let output = server.hookd(&["deploy", module.to_str().unwrap(), "--prod"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert_eq!(stored_files(server), files, "something was stored");
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let reply = server.hookd_ok(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    assert!(reply.contains("Holy **!"), "{reply}");
}

/// Blobs and artifacts of the engine; its database is not among them, SQLite writes there as it likes.
fn stored_files(server: &Server) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![server.data().join("engine")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains(".db") {
                files.push(path.display().to_string());
            }
        }
    }
    files.sort();
    files
}

fn file(server: &Server, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = server.data().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn file_that_is_no_webassembly() {
    let server = Server::with_module("word-filter");
    let path = file(&server, "text.wasm", b"#!/bin/sh\necho hello\n");
    assert_not_let_in(&server, &path, &["WebAssembly"]);
}

#[test]
fn empty_file() {
    let server = Server::with_module("word-filter");
    let path = file(&server, "empty.wasm", b"");
    assert_not_let_in(&server, &path, &["WebAssembly"]);
}

#[test]
fn core_module() {
    let server = Server::with_module("word-filter");
    let path = file(&server, "core.wasm", b"\0asm\x01\0\0\0");
    assert_not_let_in(&server, &path, &["core.wasm", "does not say which functions", "component_type.o"]);
}

#[test]
fn component_without_the_export() {
    let server = Server::with_module("word-filter");
    let path = file(&server, "bare.wasm", b"\0asm\x0d\0\x01\0");
    assert_not_let_in(&server, &path, &["hookd:engine/functions"]);
}

#[test]
fn component_that_imports_what_is_not_offered() {
    let server = Server::with_module("word-filter");
    for (import, hint) in [
        ("wasi:filesystem/types@0.2.6", "no filesystem"),
        ("wasi:sockets/tcp@0.2.0", "no sockets"),
        ("wasi:http/incoming-handler@0.2.0", "export wasi:http/incoming-handler"),
        ("made:up/thing@1.0.0", "hookd build"),
    ] {
        let text = format!(r#"(component (import "{import}" (instance)))"#);
        let path = file(&server, "importing.wasm", &wat::parse_str(text).unwrap());
        assert_not_let_in(&server, &path, &[&format!("imports `{import}`"), hint]);
    }
}

#[test]
fn module_cut_off_in_the_middle() {
    let server = Server::with_module("word-filter");
    let whole = std::fs::read(module("word-filter")).unwrap();
    let path = file(&server, "half.wasm", &whole[..whole.len() / 2]);
    assert_not_let_in(&server, &path, &["malformed"]);
}

#[test]
fn module_over_the_size_limit() {
    let server = Server::with_module("word-filter");
    // A custom section of zeros: valid WebAssembly, and nothing but large.
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.resize(65 * 1024 * 1024, 0);
    let path = file(&server, "large.wasm", &bytes);
    assert_not_let_in(&server, &path, &["larger than"]);
}

#[test]
fn definitions_that_never_return() {
    let server = Server::with_module("word-filter");
    assert_not_let_in(&server, &module("endless-definitions"), &["definitions"]);
}
