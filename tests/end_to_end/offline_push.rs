//! Pushes for offline clients, through a gateway and a hook over HTTP.

use std::fs;

use serde_json::Value;

use crate::harness::Server;

const CONTENT: &str = r#"{"alert": "${fromClientId} wrote in ${convId}", "badge": "Increment"}"#;

#[test]
fn pushes_come_signed_to_the_gateway_as_hook_message_and_app_say() {
    let folder = tempfile::tempdir().unwrap();
    let content = folder.path().join("push.json");
    fs::write(&content, CONTENT).unwrap();
    let content = content.to_str().unwrap();
    Server::start().play_obliging("offline_push", &[], &mut |server, asked, url| {
        match asked {
            "push to" => {
                let retry = ["--notification-retry", "10ms"];
                let gateway = ["settings", "--push-gateway", url, "--push-content", content];
                server.hookd_ok(&[&gateway[..], &retry].concat());
            }
            "hooks at" => drop(server.hookd_ok(&["settings", "--engine-url", url])),
            unknown => panic!("the scene asks for `{unknown}`"),
        }
        Value::Null
    });
}

#[test]
fn settings_of_pushes_are_checked_where_they_are_made() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.json");
    fs::write(&list, "[1]").unwrap();
    for (arguments, word) in [
        (["--push-gateway", "push.example.org"], "https://"),
        (["--push-gateway", "https://user:secret@push.example.org"], "password"),
        (["--push-content", list.to_str().unwrap()], "JSON object"),
        (["--push-content", "/no/such/file"], "/no/such/file"),
    ] {
        let refused = server.hookd(&[&["settings"][..], &arguments].concat());
        assert!(!refused.status.success(), "{arguments:?}");
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(text.contains(word), "{arguments:?}: {text}");
    }
    let settings = server.hookd_ok(&["settings", "--push-gateway", "log", "--push-environment", "dev"]);
    assert!(settings.contains("push_gateway = \"log\"") && settings.contains("push_dev = true"), "{settings}");
    assert!(!settings.contains("by_operator"), "{settings}");
    let settings = server.hookd_ok(&["settings", "--push-gateway", "none"]);
    assert!(settings.contains("push_gateway = null"), "{settings}");
}
