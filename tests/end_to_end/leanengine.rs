//! Projects of LeanEngine: hooks that stay where they are, on one of LeanCloud's own SDKs and called over HTTP, and hooks that move
//! into the sandbox.

use crate::harness::{AppKeys, Peer, Sdk, Server, leanengine_project};

/// The hooks of `examples-hooks/team-chat`, written for this SDK.
fn play_team_chat(sdk: Sdk) {
    let mut server = Server::start();
    let app = Peer::start(sdk, &["team_chat"], &AppKeys::of(&server));
    server.hookd_ok(&["settings", "--engine-url", app.url()]);
    server.play("team_chat");
}

#[test]
fn hooks_of_a_node_app_decide_as_ours_do() {
    play_team_chat(Sdk::Node);
}

#[test]
fn hooks_of_a_python_app_decide_as_ours_do() {
    play_team_chat(Sdk::Python);
}

/// The project of `hooks_of_a_node_app_decide_as_ours_do`, without one changed line.
#[test]
fn hooks_of_a_node_project_decide_in_the_sandbox_as_in_its_own_process() {
    let mut server = Server::start();
    let project = leanengine_project("team_chat");
    server.hookd_ok(&["deploy", project.path().to_str().unwrap(), "--prod"]);
    server.play("team_chat");
}

#[test]
fn address_that_is_no_engine_is_refused() {
    let server = Server::start();
    let output = server.hookd(&["settings", "--engine-url", "ftp://engine"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("engine_url") && stderr.contains("http://host:port"), "{stderr}");
}
