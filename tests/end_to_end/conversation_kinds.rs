//! Chat rooms, temporary and service conversations.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn chat_rooms_in_the_newest_client() {
    Server::start().play_with("chat_rooms", &["5.0.0-rc.8"]);
}

#[test]
fn chat_rooms_in_the_old_client() {
    Server::start().play_with("chat_rooms", &["4.3.1"]);
}

#[test]
fn temporary_conversations_in_the_newest_client() {
    Server::start().play_with("temporary_conversations", &["5.0.0-rc.8"]);
}

#[test]
fn temporary_conversations_in_the_old_client() {
    Server::start().play_with("temporary_conversations", &["4.3.1"]);
}

#[test]
fn service_conversations_in_the_newest_client() {
    play_service_conversations("5.0.0-rc.8");
}

#[test]
fn service_conversations_in_the_old_client() {
    play_service_conversations("4.3.1");
}

/// The scene asks for what only the command line does: `service …`.
fn play_service_conversations(sdk: &str) {
    Server::start().play_obliging("service_conversations", &[sdk], &mut |server, asked, arguments| {
        assert_eq!(asked, "service");
        let arguments: Vec<String> = serde_json::from_str(arguments).unwrap();
        let arguments: Vec<&str> = ["service"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        Value::String(server.hookd_ok(&arguments).trim().to_owned())
    });
}
