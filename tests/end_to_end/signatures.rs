//! Apps whose own server must allow what clients ask for.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn log_ins_and_conversations_need_signatures_in_the_newest_client() {
    log_ins_and_conversations_need_signatures("5.0.0-rc.8");
}

#[test]
fn log_ins_and_conversations_need_signatures_in_the_old_client() {
    log_ins_and_conversations_need_signatures("4.3.1");
}

fn log_ins_and_conversations_need_signatures(sdk: &str) {
    Server::start().play_obliging("signatures", &[sdk], &mut |server, asked, _| {
        assert_eq!(asked, "switch on");
        server.hookd_ok(&["settings", "--login-signature", "on", "--conversation-signature", "on"]);
        Value::Null
    });
}
