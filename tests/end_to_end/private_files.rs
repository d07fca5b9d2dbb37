//! F-14a: only the owner can read the files of a data folder, or of a backup.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Server, assert_refused, hookd_in};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Files and folders that others may look into.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut open = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if mode(&path) & 0o077 != 0 {
            open.push(format!("{} {:o}", path.display(), mode(&path)));
        }
        if path.is_dir() {
            open.extend(open_to_others(&path));
        }
    }
    open
}

/// As an older hookd left it, in a folder that was there before.
fn open_up(folder: &Path) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_up(&path);
        } else {
            set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
    }
    set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn everything_in_a_data_folder_and_a_backup_is_the_owners_alone() {
    let mut server = Server::with_module("word-filter");
    server.play("one_message");
    assert_eq!(open_to_others(&server.data()), [] as [String; 0]);

    server.kill();
    open_up(&server.data());
    // Not hookd's: it stays as it is.
    let foreign = server.data().join("notes.txt");
    std::fs::write(&foreign, "mine").unwrap();
    set_permissions(&foreign, Permissions::from_mode(0o644)).unwrap();
    server.start_again();
    server.play("one_message");
    assert_eq!(mode(&server.data()), 0o700);
    assert_eq!(open_to_others(&server.data()), [format!("{} 644", foreign.display())]);
    let log = server.log();
    assert!(log.contains("others could enter the data folder") && log.contains("mode 755"), "{log}");

    let options = server.data().join("hookd.toml");
    std::fs::write(&options, "").unwrap();
    set_permissions(&options, Permissions::from_mode(0o644)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    server.hookd_ok(&["backup", copy.to_str().unwrap()]);
    assert_eq!(mode(&copy), 0o700);
    assert_eq!(open_to_others(&copy), [] as [String; 0]);
}

#[test]
fn a_folder_for_all_users_is_no_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    let refused = hookd_in(folder.path(), &["up", "--listen", "127.0.0.1:0"]);
    assert_refused(&refused, &["for all users", "--data"]);
    assert_eq!(mode(folder.path()), 0o1777);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
