//! What is special about PostgreSQL: it fails on its own, and several IM cores use it.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{LeanEngine, Server, Shape, hookd_in, stderr, stdout};
use crate::notifications::{announced, ids};

/// A node is taken for dead half a minute after its last sign, and looked for every fifteen seconds.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(75);

fn doctor(server: &Server, url: &str) -> Output {
    server.hookd(&["doctor", "--database-url", url])
}

#[test]
fn messages_are_in_the_database_and_not_in_the_data_folder() {
    let mut server = Server::start();
    let sent = ids(&server.play_with("chatter", &["5"]));
    assert!(!server.data().join("im.db").exists());
    let stored = server.database().sql("SELECT id FROM messages");
    assert!(sent.iter().all(|id| stored.lines().any(|stored| stored == id)), "{stored}");
}

#[test]
fn acknowledged_messages_and_their_hooks_survive_a_killed_database() {
    let mut server = Server::start();
    let engine = LeanEngine::recorder(&server, &json!({}));
    server.hookd_ok(&["settings", "--engine-url", engine.url(), "--notification-retry", "50ms"]);
    let mut acknowledged = ids(&server.play_with("chatter", &["50"]));
    server.database().kill();
    server.database().start_again();
    acknowledged.extend(ids(&server.play_with("chatter", &["50"])));
    server.kill();
    server.start_again();
    engine.records_until(|records| acknowledged.is_subset(&announced(records)));
    let stored = server.database().sql("SELECT id FROM messages");
    assert!(acknowledged.iter().all(|id| stored.lines().any(|stored| stored == id)), "{stored}");
}

#[test]
fn a_frozen_database_is_an_error_in_time_and_the_chat_goes_on_after_it() {
    let mut server = Server::start();
    server.play_with("chatter", &["3"]);
    server.database().freeze();
    let began = Instant::now();
    let refused = server.hookd(&["settings", "--on-hook-failure", "abort"]);
    assert_ne!(refused.status.code(), Some(0), "{}", stdout(&refused));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.database().thaw();
    server.hookd_ok(&["settings", "--on-hook-failure", "abort"]);
    server.play_with("chatter", &["3"]);
}

#[test]
fn a_server_without_its_database_does_not_start_and_names_it() {
    let mut server = Server::start();
    server.kill();
    server.database().kill();
    let url = server.database().url();
    let (data, started) = (server.data(), Instant::now());
    let refused = hookd_in(&data, &["up", "--listen", "127.0.0.1:0", "--database-url", &url]);
    assert_ne!(refused.status.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let text = stderr(&refused);
    assert!(text.contains("database") && text.contains("127.0.0.1"), "{text}");
    server.database().start_again();
    server.start_again();
    server.play_with("chatter", &["3"]);
}

#[test]
fn doctor_says_whether_the_database_can_be_used() {
    let mut server = Server::start();
    let url = server.database().url();
    let text = |output: &Output| stdout(output).lines().find(|line| line.contains("database ")).unwrap().to_owned();
    let found = text(&doctor(&server, &url));
    assert!(found.starts_with("ok") && found.contains("PostgreSQL"), "{found}");

    server.database().sql("CREATE ROLE guest LOGIN PASSWORD 'secret'");
    let found = text(&doctor(&server, &url.replace("hookd@", "guest:secret@")));
    assert!(found.starts_with("BROKEN") && found.contains("may not create tables"), "{found}");
    assert!(!found.contains("secret"), "{found}");

    server.database().sql("UPDATE schema_version SET version = 999");
    let found = text(&doctor(&server, &url));
    assert!(found.starts_with("BROKEN") && found.contains("newer hookd"), "{found}");

    server.database().kill();
    let found = text(&doctor(&server, &url));
    assert!(found.starts_with("BROKEN") && found.contains("cannot be reached"), "{found}");
    let found = text(&doctor(&server, "mysql://me:secret@localhost/im"));
    assert!(found.starts_with("BROKEN") && !found.contains("secret"), "{found}");
}

#[test]
fn a_backup_says_that_the_database_is_not_in_it() {
    let mut server = Server::start();
    let url = server.database().url();
    std::fs::write(server.data().join("hookd.toml"), format!("database_url = \"{url}\"\n")).unwrap();
    let copy = server.data().with_file_name("copy");
    let told = server.hookd_ok(&["backup", copy.to_str().unwrap()]);
    assert!(told.contains("Not copied: the database `127.0.0.1:") && told.contains("pg_dump"), "{told}");
}

#[test]
fn another_im_core_makes_the_calls_that_a_dead_one_had_begun() {
    let mut dead = Server::start_as(Shape::OverTcp);
    let mut recorder = LeanEngine::recorder(&dead, &json!({}));
    let heir = dead.another_im_core();
    heir.hookd_ok(&["settings", "--engine-url", recorder.url(), "--notification-hook-timeout", "10s"]);
    dead.hookd_ok(&["settings", "--engine-url", recorder.url(), "--notification-hook-timeout", "10s"]);
    // Which hooks there are is known after this.
    let before = ids(&dead.play_with("chatter", &["3"]));
    recorder.records_until(|records| before.is_subset(&announced(records)));
    recorder.freeze(true);
    let sent = ids(&dead.play_with("chatter", &["20"]));
    dead.processes().kill_front();
    let killed = Instant::now();
    // The calls that were on their way died with their sender: what the recorder would have answered is lost.
    recorder.kill();
    recorder.start_again(&dead, &json!({}));
    recorder.records_until(|records| sent.is_subset(&announced(records)));
    let took = killed.elapsed();
    assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
    drop(heir);
}
