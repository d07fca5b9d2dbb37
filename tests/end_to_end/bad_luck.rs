//! Commands that are given the wrong file, the wrong place, or a disk that lost something: each says what and where, and
//! what to do, and takes no more memory than it needs.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::{Server, assert_refused, code, hookd, hookd_in, stderr};

/// The same in less address space than an endless file would take.
fn in_little_memory(data: &Path, arguments: &[&str]) -> Output {
    let hookd = hookd(data);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\""]).arg(hookd.get_program()).args(arguments);
    for (name, value) in hookd.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn files_without_an_end_are_refused() {
    let server = Server::start();
    let data = server.data();
    let endless: [&[&str]; 4] = [
        &["deploy", "/dev/zero"],
        &["invoke", "hello", "--params", "/dev/zero"],
        &["apps", "create", "shop", "--keys", "/dev/zero"],
        &["cache", "--json", "SET", "a", "b"],
    ];
    for arguments in &endless[..3] {
        assert_refused(&in_little_memory(&data, arguments), &["`/dev/zero`", "larger than"]);
    }
    // It was not the little memory that they were refused for.
    assert_eq!(code(&in_little_memory(&data, endless[3])), 0);
}

#[test]
fn a_file_that_is_no_module_is_refused_before_it_is_sent() {
    let server = Server::start();
    let big = server.data().join("big.wasm");
    std::fs::File::create(&big).unwrap().set_len(300 << 20).unwrap();
    assert_refused(&server.hookd(&["deploy", big.to_str().unwrap()]), &["big.wasm", "larger than", "64 MiB"]);
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&server.hookd(&["deploy", folder.path().to_str().unwrap()]), &["Cargo.toml"]);
    assert_refused(&server.hookd(&["deploy", "/nowhere"]), &["/nowhere", "hookd build"]);
}

#[test]
fn an_address_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["nonsense", "ftp://127.0.0.1", "127.0.0.1:7410"] {
        let call = ["info", "--url", url, "--app", "demo", "--master-key", "key-of-nobody"];
        let refused = hookd_in(folder.path(), &call);
        assert_eq!(code(&refused), 1, "{url}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(&format!("`{url}` is not the address of a server")), "{}", stderr(&refused));
    }
    let server = Server::start();
    let deeper = server.url("/deeper");
    assert_refused(&server.hookd(&["settings", "--url", &deeper]), &["/deeper`", "404", "without a path"]);
    let secure = deeper.replace("http:", "https:");
    assert_refused(&server.hookd(&["settings", "--url", &secure]), &["`http://", "TLS"]);
}

#[test]
fn a_missing_key_is_asked_for() {
    let server = Server::start();
    assert_refused(&server.hookd(&["settings", "--app", "shop"]), &["master key of app `shop`", "--master-key"]);
}

#[test]
fn a_name_that_cannot_be_a_functions_is_refused() {
    let server = Server::with_module("word-filter");
    for name in ["", ".", ".."] {
        assert_refused(&server.hookd(&["invoke", name]), &["names no function"]);
    }
}

#[test]
fn a_database_that_is_damaged_is_named_with_what_to_do() {
    for file in ["engine/engine.db", "im.db"] {
        let mut server = Server::with_module("word-filter");
        server.kill();
        let path = server.data().join(file);
        for journal in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(
                path.with_file_name(format!("{}{journal}", path.file_name().unwrap().to_str().unwrap())),
            );
        }
        let whole = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0x5a; usize::try_from(whole).unwrap()]).unwrap();
        let refused = server.hookd(&["up", "--listen", "127.0.0.1:0"]);
        assert_eq!(code(&refused), 2);
        let text = stderr(&refused);
        assert!(text.contains(&format!("{file}` is damaged")) && text.contains("backup"), "{text}");
    }
}

#[test]
fn a_place_that_cannot_be_a_data_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "mine").unwrap();
    let refused = hookd_in(&file, &["up", "--listen", "127.0.0.1:0"]);
    assert_refused(&refused, &["notes.txt` is not a directory", "--data"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let key = folder.path().join("admin.key");
    std::fs::write(&key, [0xff, 0xfe]).unwrap();
    let refused = hookd_in(folder.path(), &["up", "--listen", "127.0.0.1:0"]);
    assert!(stderr(&refused).contains("admin.key` holds other characters"), "{}", stderr(&refused));
    let elsewhere = hookd_in(folder.path(), &["up", "--listen", "192.0.2.1:7410"]);
    assert!(stderr(&elsewhere).contains("this machine has no such address"), "{}", stderr(&elsewhere));
}

#[test]
fn an_app_without_functions_has_no_negative_calls() {
    let server = Server::start();
    assert!(server.hookd_ok(&["top", "--once"]).contains(" 0.0 calls/s"));
}
