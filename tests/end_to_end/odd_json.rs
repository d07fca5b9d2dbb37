//! F-18, F-19: JSON as JavaScript writes and reads it, from real clients and to real hooks.

use crate::harness::{AppKeys, Peer, Sdk, Server};

#[test]
fn json_is_read_as_javascript_reads_it() {
    let mut server = Server::start();
    let app = Peer::start(Sdk::Node, &["odd_json"], &AppKeys::of(&server));
    server.hookd_ok(&["settings", "--engine-url", app.url()]);
    server.play("odd_json");
}

#[test]
fn words_in_disguise_are_filtered() {
    let mut server = Server::with_module("word-filter");
    server.play("disguised_words");
}
