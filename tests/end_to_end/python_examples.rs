//! The examples in Python meet the client SDK.

use crate::harness::{Server, module, workspace};
use crate::javascript_examples::play;

/// Deploys an example, as `make python-modules` built it.
fn server_with(name: &str) -> Server {
    let server = Server::start_with(&["--allow-private-egress", "127.0.0.0/8"]);
    server.hookd_ok(&["deploy", module(&format!("python-{name}")).to_str().unwrap(), "--prod", "--isolation", "warm"]);
    server
}

#[test]
fn groups_have_rules() {
    let mut server = server_with("group-rules");
    play(&mut server, "word_list", &[]);
    let rules = ["minimum-members", "closed-conversations", "protected-staff", "read-only-name"];
    play(&mut server, "conversation_rules", &rules);
    // Of two, with the list of the first scene in LeanCache.
    server.hookd_ok(&["env", "set", "MINIMUM_MEMBERS=2"]);
    server.play("disguised_words");
}

#[test]
fn a_chat_has_services() {
    let mut server = server_with("chat-services");
    server.play("online_status");
    for scene in ["conversation_lists", "mass_join", "audit_log", "push_text"] {
        play(&mut server, scene, &[]);
    }
    // Clients cannot ask for a signature over HTTP yet.
    let params = workspace().join("examples-hooks/javascript/sign-in-check/sample.json");
    let signed = server.hookd_ok(&["invoke", "_rtmClientSign", "--params", params.to_str().unwrap()]);
    assert_eq!(signed.trim(), r#"{"result":true}"#);
}
