//! Clients change what is stored: attributes, mutes and messages.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn attributes_and_mutes_in_the_newest_client() {
    Server::start().play_with("attributes", &["5.0.0-rc.8"]);
}

#[test]
fn attributes_and_mutes_in_the_old_client() {
    Server::start().play_with("attributes", &["4.3.1"]);
}

#[test]
fn edits_and_recalls_in_the_newest_client() {
    edits_and_recalls("5.0.0-rc.8");
}

#[test]
fn edits_and_recalls_in_the_old_client() {
    edits_and_recalls("4.3.1");
}

fn edits_and_recalls(sdk: &str) {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--message-edit", "off", "--message-recall", "off"]);
    server.play_obliging("message_changes", &[sdk], &mut |server, asked, _| {
        assert_eq!(asked, "switch on");
        server.hookd_ok(&["settings", "--message-edit", "on", "--message-recall", "on"]);
        Value::Null
    });
}
