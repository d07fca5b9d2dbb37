//! Our own engine in another process, called over HTTP instead of in memory.

use crate::harness::Server;

#[test]
fn hooks_in_another_process_decide_as_in_the_same() {
    let mut engine = Server::start();
    let mut chat = engine.twin();
    engine.deploy("team-chat");
    let url = engine.connection()["url"].as_str().unwrap();
    chat.hookd_ok(&["settings", "--engine-url", url]);
    chat.play("team_chat");
}
