//! Chat rooms and temporary conversations.

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
