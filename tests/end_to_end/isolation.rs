//! A module of the Rust SDK under both isolations: what one call leaves for the next.

use serde_json::Value;

use crate::harness::{Server, assert_refused, module};

fn deploy(server: &Server, isolation: &str) -> Value {
    let module = module("keeps-state");
    let arguments = ["deploy", module.to_str().unwrap(), "--prod", "--isolation", isolation, "--json"];
    serde_json::from_str(&server.hookd_ok(&arguments)).unwrap()
}

fn count(server: &Server) -> u64 {
    server.hookd_ok(&["invoke", "count"]).trim().parse().expect("a number")
}

#[test]
fn a_version_is_isolated_as_it_was_deployed_also_after_a_restart_and_a_rollback() {
    let mut server = Server::start();
    assert_eq!(deploy(&server, "per-call")["isolation"], "per-call");
    assert_eq!([count(&server), count(&server), count(&server)], [1, 1, 1]);

    assert_eq!(deploy(&server, "warm")["isolation"], "warm");
    assert_eq!([count(&server), count(&server), count(&server)], [1, 2, 3]);
    assert!(server.hookd_ok(&["releases"]).contains("  warm  "));
    server.kill();
    server.start_again();
    assert_eq!([count(&server), count(&server)], [1, 2]);

    server.hookd_ok(&["rollback"]);
    assert_eq!([count(&server), count(&server)], [1, 1]);
    assert_refused(&server.hookd(&["deploy", "x.wasm", "--isolation", "cold"]), &["cold", "per-call", "warm"]);
}

#[test]
fn a_function_that_fails_takes_its_warm_instance_with_it() {
    let server = Server::start();
    deploy(&server, "warm");
    assert_eq!([count(&server), count(&server)], [1, 2]);
    assert_refused(&server.hookd(&["invoke", "fail"]), &["refused"]);
    assert_eq!([count(&server), count(&server)], [1, 2]);
}

#[test]
fn a_line_without_an_end_belongs_to_the_call_that_printed_it() {
    let server = Server::start();
    deploy(&server, "warm");
    for _ in 0..3 {
        count(&server);
    }
    let log = server.hookd_ok(&["logs", "--json"]);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let texts: Vec<&str> = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["call 1 of nobody", "call 2 of nobody", "call 3 of nobody"]);
    assert_ne!(lines[0]["request_id"], lines[1]["request_id"]);
}

/// The allocator of the SDK gives freed memory out again: a leak would end the instance at its bound on growth.
#[test]
fn memory_of_a_warm_instance_does_not_grow_with_its_calls() {
    let server = Server::start();
    server.hookd_ok(&["settings", "--max-limit", "warm_calls=1000000"]);
    server.hookd_ok(&["settings", "--limit", "warm_calls=1000000", "--limit", "warm_growth_bytes=1MiB"]);
    deploy(&server, "warm");
    for expected in 1..=40 {
        assert_eq!(count(&server), expected);
    }
}
