//! The distance between replies and pushes on one socket. It is kept in the gateway, whatever stands behind it: so this is tested
//! in one shape, on one database.

use crate::harness::Server;

/// F-16.
#[test]
fn replies_keep_their_distance_from_changes_in_the_newest_client() {
    no_removed_member_comes_back("5.0.0-rc.8");
}

/// F-16.
#[test]
fn replies_keep_their_distance_from_changes_in_the_old_client() {
    no_removed_member_comes_back("4.3.1");
}

fn no_removed_member_comes_back(sdk: &str) {
    let mut server = Server::start();
    // Every member adds and removes others here.
    server.hookd_ok(&["settings", "--roles", "off"]);
    let facts = server.play_with("members_after_replies", &[sdk]);
    assert_eq!(facts.len(), 6);
    assert!(facts.values().all(|wrong| wrong == 0), "wrong states in 100 rounds: {facts:?}");
}
