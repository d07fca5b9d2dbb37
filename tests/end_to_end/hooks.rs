//! Hooks that decide about messages and conversations.

use crate::harness::{MESSAGE, Server};

#[test]
fn rewritten_dropped_and_refused() {
    Server::with_module("team-chat").play("team_chat");
}

#[test]
fn new_version_counts_for_the_next_message() {
    Server::start().play("new_version");
}

#[test]
fn slow_hook_keeps_the_order_and_holds_up_no_other_conversation() {
    Server::with_module("slow").play("slow_hook");
}

#[test]
fn live_version_outlives_a_kill() {
    let mut server = Server::with_module("word-filter");
    server.kill();
    server.start_again();
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    let reply = server.hookd_ok(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    assert!(reply.contains("Holy **!"), "{reply}");
}
