//! A backup taken while servers run is an installation of its own.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{MESSAGE, Server, assert_refused, hookd, hookd_in, numbered_probe, stderr};

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
    assert!(copy.join("directory.json").is_file(), "which apps the ones in `im.db` are");
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
fn a_folder_that_cannot_be_copied_is_refused_and_nothing_is_left() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().to_str().unwrap();
    assert_refused(&server.hookd(&["backup", there]), &["is there already"]);
    let new = folder.path().join("new");
    assert_refused(&hookd_in(folder.path(), &["backup", new.to_str().unwrap()]), &["is not a data folder", "--data"]);
    assert!(!server.hookd(&["backup", "/nowhere/at/all"]).status.success());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// F-27.
#[test]
fn a_backup_into_the_data_folder_is_refused_also_through_a_link() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (data, link) = (server.data(), folder.path().join("link"));
    std::os::unix::fs::symlink(&data, &link).unwrap();
    // The server itself writes files there, each beside its place first.
    let lasting = || {
        let is_unfinished =
            |entry: &PathBuf| entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"));
        entries(&data).into_iter().filter(|entry| !is_unfinished(entry)).collect::<Vec<_>>()
    };
    let before = lasting();
    for target in [data.join("inside"), data.join("engine/modules/inside"), link.join("inside"), link.join("engine/in")]
    {
        let refused = server.hookd(&["backup", target.to_str().unwrap()]);
        assert_refused(&refused, &["is inside the data folder", "outside"]);
    }
    let refused = hookd_in(&link, &["backup", data.join("inside").to_str().unwrap()]);
    assert_refused(&refused, &["is inside the data folder"]);
    assert_eq!(lasting(), before);
}

/// Modules whose file is not in a backup, though its metadata name them.
fn left_out(backup: &Path) -> Vec<String> {
    let metadata = rusqlite::Connection::open(backup.join("engine/engine.db")).unwrap();
    let mut named = metadata.prepare("SELECT DISTINCT module FROM versions").unwrap();
    let named: Vec<String> = named.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(!named.is_empty());
    named.into_iter().filter(|module| !backup.join(format!("engine/modules/{module}.wasm")).is_file()).collect()
}

/// Deploys a module of its own in a new app; deleting the app collects the module.
fn app_with_module(server: &Server, number: u32) -> String {
    let id = format!("short-lived-{number}");
    let app: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", &id, "--json"])).unwrap();
    let module = server.data().with_file_name(format!("{id}.wasm"));
    std::fs::write(&module, numbered_probe(number)).unwrap();
    let of_app = ["--app", &id, "--master-key", app["master_key"].as_str().unwrap()];
    server.hookd_ok(&[&["deploy", module.to_str().unwrap(), "--prod"], &of_app[..]].concat());
    id
}

/// The entries of a folder, also while it comes and goes.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    folder.read_dir().map(|all| all.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// A backup that stops as soon as it has copied the metadata, and goes on when `meanwhile` is done.
fn interrupted_backup(server: &Server, folder: &Path, name: &str, meanwhile: impl FnOnce()) -> PathBuf {
    let target = folder.join(name);
    let mut backup = server.hookd_started(&["backup", target.to_str().unwrap()]);
    let signal = |signal: &str| {
        let sent = Command::new("kill").args([signal, &backup.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    let has_metadata = || {
        // A file that is copied after the metadata.
        let unfinished = entries(folder).into_iter().find(|entry| entry.to_string_lossy().contains(".hookd-backup-"));
        unfinished.is_some_and(|unfinished| {
            unfinished.join("im.db").exists() || !entries(&unfinished.join("engine/modules")).is_empty()
        })
    };
    while !has_metadata() && !target.exists() {
        std::thread::sleep(Duration::from_micros(200));
    }
    signal("-STOP");
    meanwhile();
    signal("-CONT");
    assert!(backup.wait().unwrap().success());
    target
}

/// F-27.
#[test]
fn a_backup_has_every_module_that_it_names_also_when_modules_are_deleted_meanwhile() {
    const BACKUPS: u32 = 6;
    let server = Server::with_module("word-filter");
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=BACKUPS {
        let [first, second] = [2 * number, 2 * number + 1].map(|number| app_with_module(&server, number));
        let backup = interrupted_backup(&server, folder.path(), &number.to_string(), || {
            server.hookd_ok(&["apps", "delete", &first]);
            server.hookd_ok(&["apps", "delete", &second]);
        });
        assert_eq!(left_out(&backup), Vec::<String>::new(), "backup {number}");
        assert!(entries(&backup.join("engine/modules")).len() <= 3, "what nothing names is not copied");
    }
    assert_eq!(entries(folder.path()).len(), BACKUPS as usize);
}

/// F-27.
#[test]
fn a_backup_of_a_folder_that_lost_a_module_fails_by_name() {
    let server = Server::with_module("word-filter");
    let modules = entries(&server.data().join("engine/modules"));
    let [module] = &modules.into_iter().collect::<Vec<_>>()[..] else { panic!("one module") };
    std::fs::remove_file(module).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let failed = server.hookd(&["backup", folder.path().join("copy").to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(2));
    let hash = module.file_stem().unwrap().to_str().unwrap();
    for word in [hash, "version 1", "app `demo`", "deploy the same module"] {
        assert!(stderr(&failed).contains(word), "{}", stderr(&failed));
    }
    assert!(entries(folder.path()).is_empty());
}
