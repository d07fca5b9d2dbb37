//! Clients among themselves, no hook deployed.

use crate::harness::Server;

#[test]
fn log_in_ping_and_log_out() {
    Server::start().play("session");
}

#[test]
fn messages_both_ways_with_acks_in_order_and_history() {
    Server::start().play("messages");
}

#[test]
fn conversations_and_what_their_members_are_told() {
    Server::start().play("conversations");
}

#[test]
fn lost_connection_learns_what_it_missed() {
    Server::start().play("reconnect");
}

#[test]
fn main_flow_of_the_old_client_sdk() {
    Server::start().play("old_sdk");
}

#[test]
fn bad_input_is_refused_and_disturbs_nobody() {
    Server::start().play("bad_input");
}

#[test]
fn acknowledged_messages_survive_a_kill_while_sending() {
    let facts = Server::start().play("restart");
    let count = |name: &str| facts[name].as_u64().unwrap();
    assert!(count("acknowledged") >= 150);
    assert!(count("kept") < 500, "the server was killed after the last message; the test saw nothing");
}
