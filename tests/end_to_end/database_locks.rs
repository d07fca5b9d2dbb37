//! Other programs open the databases of a running server: a backup, a shell, a script. SQLite's locks keep them from
//! undoing what the server wrote (F-1).

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Control, Server, good, numbered_probe};

fn databases(server: &Server) -> [PathBuf; 2] {
    ["engine/engine.db", "im.db"].map(|name| server.data().join(name))
}

/// What any script does that looks into a database.
fn look_into(database: &PathBuf) {
    let connection = Connection::open(database).unwrap();
    let tables: i64 = connection.query_row("select count(*) from sqlite_master", [], |row| row.get(0)).unwrap();
    assert_ne!(tables, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_after_a_look_into_the_databases_outlive_a_kill() {
    let mut server = Server::start();
    databases(&server).iter().for_each(look_into);
    for database in databases(&server) {
        let log = database.with_extension("db-wal");
        assert!(log.exists(), "`{}` was taken away from the server", log.display());
    }
    server.hookd_ok(&["apps", "create", "later"]);
    let old_key = server.key("master_key").to_owned();
    server.hookd_ok(&["apps", "rotate-key", "demo", "--key", "master"]);
    let saved = std::fs::read_to_string(server.data().join("connection.json")).unwrap();
    assert!(!saved.contains(&old_key));
    server.kill();
    server.start_with_new_keys();

    assert!(server.hookd_ok(&["apps", "list"]).contains("later"));
    assert_ne!(server.key("master_key"), old_key, "the old key is valid again");
    let control = Control::of(&server);
    good(control.deploy("production", numbered_probe(1))).await;
    databases(&server).iter().for_each(look_into);
    good(control.deploy("production", numbered_probe(2))).await;
    server.kill();
    server.start_again();
    assert_eq!(good(control.get("")).await["production"]["version"], json!(2));
    assert_eq!(control.probe(0).await.status(), 200, "the module's bytes are gone");
}

#[test]
fn no_process_takes_the_locks_of_a_running_server() {
    let server = Server::start();
    for database in databases(&server) {
        let connection = Connection::open(&database).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        // Needs the file for itself alone; it would take the log away.
        let taken = connection.query_row("pragma journal_mode = delete", [], |row| row.get::<_, String>(0));
        assert!(!matches!(taken.as_deref(), Ok("delete")), "`{}` is not locked", database.display());
    }
    for lock in ["engine.lock", "im.lock"] {
        let taken = File::open(server.data().join(lock)).unwrap().try_lock();
        assert!(matches!(taken, Err(TryLockError::WouldBlock)), "`{lock}`: {taken:?}");
    }
}
