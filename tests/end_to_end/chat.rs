//! Clients without any deployed hook.

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
fn conversations_and_the_events_of_their_members() {
    Server::start().play("conversations");
}

#[test]
fn unread_counts_read_marks_and_receipts() {
    let mut server = Server::start();
    for sdk in ["5.0.0-rc.8", "4.3.1"] {
        server.play_with("receipts", &[sdk]);
    }
}

/// F-10.
#[test]
fn messages_are_for_members_only() {
    Server::start().play("not_a_member");
}

/// F-28.
#[test]
fn the_token_of_a_client_that_logged_out_stays_dead() {
    Server::start().play("logged_out_token");
}

/// F-32.
#[test]
fn requests_without_effect_and_requests_that_are_refused() {
    Server::start().play("no_effect");
}

#[test]
fn lost_connection_learns_what_it_missed() {
    Server::start().play("reconnect");
}

/// S-51.
#[test]
fn a_will_comes_when_its_sender_is_lost() {
    Server::start().play("will");
}

#[test]
fn main_flow_of_the_old_client_sdk() {
    Server::start().play("old_sdk");
}

#[test]
fn bad_input_is_refused_and_disturbs_no_other_client() {
    Server::start().play("bad_input");
}

#[test]
fn acknowledged_messages_survive_a_kill_while_sending() {
    let mut server = Server::start();
    for _ in 0..kills() {
        let facts = server.play("restart");
        let count = |name: &str| facts[name].as_u64().unwrap();
        assert!(count("acknowledged") >= 150);
        assert!(count("kept") < 500, "the server was killed after the last message; the test saw nothing");
    }
}

/// How often the server is killed; `HOOKD_KILLS=20` for the full run.
fn kills() -> u32 {
    std::env::var("HOOKD_KILLS").map_or(1, |kills| kills.parse().unwrap())
}
