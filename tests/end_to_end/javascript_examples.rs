//! The examples in JavaScript and TypeScript: each is built and deployed as it lies there, and meets the client SDK.

use serde_json::Value;

use crate::harness::{Server, example_project};
use crate::moderation;

const LOCAL_SERVICES: [&str; 2] = ["--allow-private-egress", "127.0.0.0/8"];

/// Makes an example live in production.
fn deploy(server: &Server, name: &str) {
    let project = example_project("javascript", name);
    server.hookd_ok(&["deploy", project.path().join(name).to_str().unwrap(), "--prod"]);
}

/// Plays a scene of an example, with what only such scenes ask for.
pub fn play(server: &mut Server, scene: &str, arguments: &[&str]) {
    server.play_obliging(scene, arguments, &mut |server, asked, argument| match asked {
        "variable" => server.hookd_ok(&["env", "set", argument]).into(),
        "cache" => {
            let command: Vec<_> = ["cache"].into_iter().chain(argument.split(' ')).collect();
            server.hookd_ok(&command).into()
        }
        "logs" => Value::from(server.hookd_ok(&["logs"])),
        unknown => panic!("the scene asks for `{unknown}`"),
    });
}

#[test]
fn word_list_of_a_service_is_taken_out_of_messages_and_edits() {
    let mut server = Server::start_with(&LOCAL_SERVICES);
    deploy(&server, "word-list");
    play(&mut server, "word_list", &[]);
    // LeanCache has the list of that scene, and its service is gone.
    server.play("disguised_words");
}

#[test]
fn moderation_service_decides_as_it_does_for_the_example_in_rust() {
    moderation::play(|server| deploy(server, "moderation-service"));
}

#[test]
fn presence_is_kept_by_hooks_that_do_not_wait() {
    let mut server = Server::start();
    deploy(&server, "presence");
    server.play("online_status");
}

/// One app, whose hooks change: the engine for JavaScript is compiled once for all of them.
#[test]
fn conversations_have_rules() {
    let mut server = Server::start();
    for rule in ["minimum-members", "closed-conversations", "protected-staff", "read-only-name"] {
        deploy(&server, rule);
        play(&mut server, "conversation_rules", &[rule]);
    }
}

#[test]
fn what_happened_is_noted_and_told() {
    let mut server = Server::start_with(&LOCAL_SERVICES);
    for (example, scene) in [
        ("recent-conversations", "conversation_lists"),
        ("mass-join-notice", "mass_join"),
        ("audit-log", "audit_log"),
        ("offline-push-text", "push_text"),
    ] {
        deploy(&server, example);
        play(&mut server, scene, &[]);
    }
}
