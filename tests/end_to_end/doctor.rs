//! `hookd doctor`: what is right, what is broken, and the way out.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{Server, code, hookd_in, stdout};

fn findings(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn broken(findings: &[Value]) -> Vec<&str> {
    let broken = findings.iter().filter(|finding| finding["status"] == "broken");
    broken.map(|finding| finding["check"].as_str().unwrap()).collect()
}

#[test]
fn a_server_that_runs_is_found_well() {
    let server = Server::start();
    let found = findings(&server.hookd_ok(&["doctor", "--json"]));
    assert_eq!(broken(&found), [""; 0], "{found:?}");
    let text = |check: &str| found.iter().find(|finding| finding["check"] == check).unwrap()["text"].as_str().unwrap();
    assert!(text("server").contains(env!("CARGO_PKG_VERSION")), "{found:?}");
    assert!(text("lock").contains("an engine runs"), "{found:?}");
    assert!(text("master key").contains("knows"), "{found:?}");
    assert!(text("databases").contains("schema"), "{found:?}");
}

#[test]
fn a_folder_that_is_not_there_yet_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let output = hookd_in(&folder.path().join("data"), &["doctor", "--json", "--listen", "127.0.0.1:0"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn each_broken_thing_is_named_with_its_fix() {
    let mut server = Server::start();
    let listening = server.connection()["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let wrong_key = server.hookd(&["doctor", "--json", "--master-key", "wrong-key"]);
    assert_eq!(broken(&findings(&stdout(&wrong_key))), ["master key"]);
    let other = tempfile::tempdir().unwrap();
    let taken = hookd_in(&other.path().join("data"), &["doctor", "--json", "--listen", &listening]);
    assert_eq!(broken(&findings(&stdout(&taken))), ["port"]);
    let file = server.data().join("hookd.toml");
    std::fs::write(&file, "lisen = 'x'").unwrap();
    assert_eq!(broken(&findings(&stdout(&server.hookd(&["doctor", "--json"])))), ["options"]);
    std::fs::write(&file, "redis_url = 'redis://127.0.0.1:1'").unwrap();
    assert_eq!(broken(&findings(&stdout(&server.hookd(&["doctor", "--json"])))), ["redis"]);
    std::fs::remove_file(&file).unwrap();

    server.kill();
    std::fs::set_permissions(server.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(server.data().join("im.db"), "damaged").unwrap();
    // After a kill the log beside the database may hold all of it, and SQLite would restore it from there.
    std::fs::remove_file(server.data().join("im.db-wal")).unwrap();
    let arguments = [
        "doctor",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--redis-url",
        "redis://:secret@127.0.0.1:1",
        "--url",
        "http://127.0.0.1:1",
    ];
    let output = server.hookd(&arguments);
    assert_eq!(code(&output), 1);
    let found = findings(&stdout(&output));
    assert_eq!(broken(&found), ["data folder", "databases", "server", "redis"]);
    assert!(found.iter().all(|finding| finding["status"] == "ok" || finding["fix"].is_string()), "{found:?}");
    assert!(!stdout(&output).contains("secret"));
}
