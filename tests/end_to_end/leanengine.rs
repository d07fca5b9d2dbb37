//! Hooks that stay where they are: in a LeanEngine app on LeanCloud's own SDK, called over HTTP.

use crate::harness::{LeanEngine, Server};

#[test]
fn hooks_of_a_leanengine_app_decide_as_ours_do() {
    let mut server = Server::start();
    let leanengine = LeanEngine::start(&server);
    server.hookd_ok(&["settings", "--engine-url", leanengine.url()]);
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
