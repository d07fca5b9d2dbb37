//! A data folder that an older hookd filled, with a module that this one cannot call.

use sha2::{Digest as _, Sha256};

use crate::harness::{Guest, Server, stderr, stdout};

const ADVICE: &str = "build it again with the present hook-sdk";

#[test]
fn a_start_on_a_module_of_an_older_contract_succeeds_and_commands_say_what_to_do() {
    let mut server = Server::with_module("word-filter");
    server.kill();
    // What the older hookd stored: the module's bytes under their name, and the name in the version's row.
    let older = Guest::new().echo("hello").older_contract().build();
    let hash = hex::encode(Sha256::digest(&older));
    std::fs::write(server.data().join(format!("engine/modules/{hash}.wasm")), &older).unwrap();
    let database = rusqlite::Connection::open(server.data().join("engine/engine.db")).unwrap();
    let definitions = r#"[{"name":"hello"}]"#;
    let changed = database.execute("UPDATE versions SET module = ?1, definitions = ?2", (&hash, definitions)).unwrap();
    assert_eq!(changed, 1);
    drop(database);
    server.start_again();

    let called = server.hookd(&["invoke", "hello"]);
    let told = stdout(&called) + &stderr(&called);
    assert!(!called.status.success() && told.contains(ADVICE), "{told}");
    let releases = server.hookd(&["releases"]);
    assert!(releases.status.success() && stdout(&releases).contains("1 *"), "{}", stdout(&releases));
    let noted = stderr(&releases);
    assert!(noted.contains("cannot be called: production: version 1: ") && noted.contains(ADVICE), "{noted}");
    let doctor = stdout(&server.hookd(&["doctor"]));
    let broken: Vec<&str> = doctor.lines().filter(|line| line.starts_with("BROKEN")).collect();
    assert!(broken.len() == 1 && broken[0].contains("live versions") && broken[0].contains(ADVICE), "{doctor}");

    server.deploy("word-filter");
    assert!(stderr(&server.hookd(&["releases"])).is_empty());
    let doctor = stdout(&server.hookd(&["doctor"]));
    assert!(doctor.contains("what is live can be called"), "{doctor}");
    let back = server.hookd(&["rollback"]);
    assert!(!back.status.success() && stderr(&back).contains(ADVICE), "{}", stderr(&back));
}
