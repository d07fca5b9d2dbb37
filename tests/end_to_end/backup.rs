//! A backup taken while servers run is an installation of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::harness::{MESSAGE, Server, assert_refused, hookd, hookd_in};

/// `hookd up` on a data folder, until dropped.
struct Restored(Child);

impl Restored {
    fn start(data: &Path) -> Self {
        let mut process =
            hookd(data).args(["up", "--json", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.take().unwrap()), &mut line).unwrap();
        assert!(line.contains("\"url\""), "{line}");
        Self(process)
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_starts_from_a_backup_with_everything_in_it() {
    let mut server = Server::with_module("word-filter");
    server.play("one_message");
    server.hookd_ok(&["env", "set", "--secret", "TOKEN", "secret"]);
    server.hookd_ok(&["settings", "--on-hook-failure", "abort", "--limit", "queue=7"]);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    server.hookd_ok(&["backup", copy.to_str().unwrap()]);
    // After it, and not in it.
    server.hookd_ok(&["env", "set", "LATER=1"]);
    let commands: [&[&str]; 3] = [&["apps", "list"], &["settings", "--json"], &["releases", "show", "2"]];
    let before: Vec<String> = commands.iter().map(|command| server.hookd_ok(command)).collect();
    let key = server.key("admin_key").to_owned();
    server.kill();

    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_to_string(copy.join("admin.key")).unwrap(), key);
    let _restored = Restored::start(&copy);
    let run = |arguments: &[&str]| {
        let output = hookd_in(&copy, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let after: Vec<String> = commands.iter().map(|command| run(command)).collect();
    assert_eq!(after[0].replace("production 2", "production 3"), before[0]);
    assert_eq!(after[1], before[1]);
    assert!(after[2].contains("TOKEN=<secret>"), "{}", after[2]);
    assert_eq!(run(&["env", "list"]), "TOKEN=<secret>\n");
    let params = folder.path().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    assert!(run(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]).contains("Holy **!"));
    let messages = rusqlite::Connection::open(copy.join("im.db")).unwrap();
    let count: i64 = messages.query_row("select count(*) from messages", [], |row| row.get(0)).unwrap();
    assert_ne!(count, 0, "the messages are not in the backup");
}

#[test]
fn what_cannot_be_copied_is_refused_and_nothing_is_left() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().to_str().unwrap();
    assert_refused(&server.hookd(&["backup", there]), &["is there already"]);
    let new = folder.path().join("new");
    assert_refused(&hookd_in(folder.path(), &["backup", new.to_str().unwrap()]), &["is no data folder", "--data"]);
    assert!(!server.hookd(&["backup", "/nowhere/at/all"]).status.success());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
