//! What members may do to each other.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn silenced_members_hear_and_do_not_speak() {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--roles", "off"]);
    server.play("silenced_members");
}

#[test]
fn blocked_members_are_out_in_the_newest_client() {
    blocked_members_are_out("5.0.0-rc.8");
}

#[test]
fn blocked_members_are_out_in_the_old_client() {
    blocked_members_are_out("4.3.1");
}

fn blocked_members_are_out(sdk: &str) {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--blacklist", "off"]);
    server.play_obliging("blocked_members", &[sdk], &mut |server, asked, _| {
        assert_eq!(asked, "switch on");
        server.hookd_ok(&["settings", "--blacklist", "on", "--blacklist-signature", "on"]);
        Value::Null
    });
}

/// With the newest client only: the old one asks for roles over HTTPS, whatever it is told.
#[test]
fn roles_decide_what_members_do_to_each_other() {
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--roles", "off"]);
    server.play_obliging("roles", &[], &mut |server, asked, _| {
        assert_eq!(asked, "switch on");
        server.hookd_ok(&["settings", "--roles", "on", "--blacklist", "on"]);
        Value::Null
    });
}
