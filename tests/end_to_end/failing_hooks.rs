//! What the switch `on_hook_failure` does for every way in which a hook can fail.

use serde_json::Value;

use crate::harness::{Facts, Server};

/// Every way ends the same for the clients; the counter distinguishes them.
fn play(module: &str) -> Facts {
    Server::start().play_with("failing_hook", &[module])
}

#[test]
fn every_hook_every_cause_every_policy() {
    let facts = Server::with_module("every-cause").play("failure_policies");
    let (hooks, causes, policies) = (4, 7, 4);
    assert_eq!(facts["rows"], hooks * causes * policies);
}

/// S-86 … S-98.
#[test]
fn every_hook_gets_its_params_and_each_of_its_replies_is_obeyed() {
    Server::start().play_obliging("every_hook", &[], &mut |server, asked, arguments| {
        assert_eq!(asked, "settings");
        let arguments: Vec<&str> = ["settings"].into_iter().chain(arguments.split(' ')).collect();
        server.hookd_ok(&arguments);
        Value::Null
    });
}

#[test]
fn breaker_opens_for_a_dead_engine_and_closes_when_it_is_back() {
    Server::with_module("every-cause").play("circuit_breaker");
}

#[test]
fn endless_loop_ends_at_the_deadline() {
    let facts = play("infinite-loop");
    assert_eq!(facts["cause"], "timeout");
    let milliseconds = facts["let_through_ms"].as_f64().unwrap();
    assert!(milliseconds >= 500.0, "the message did not wait for the hook: {milliseconds} ms");
}

#[test]
fn trap() {
    assert_eq!(play("trap")["cause"], "trap");
}

#[test]
fn deep_recursion() {
    assert_eq!(play("deep-recursion")["cause"], "trap");
}

#[test]
fn memory_bomb() {
    // To fill 128 MiB takes a busy machine a while; the deadline is not what ends it.
    let facts = Server::start().play_with("failing_hook", &["memory-bomb", "10000"]);
    assert_eq!(facts["cause"], "out_of_memory");
}

#[test]
fn reply_that_is_not_json() {
    assert_eq!(play("not-json")["cause"], "bad_reply");
}

#[test]
fn reply_of_100_mb() {
    // Making 100 MB takes the guest a while; the deadline is not what ends it.
    let facts = Server::start().play_with("failing_hook", &["huge-reply", "10000"]);
    let cause = &facts["cause"];
    assert!(["bad_reply", "out_of_memory", "trap"].iter().any(|expected| cause == expected), "{cause}");
}
