//! `hookd switch` and `hookd info`: which app and server a folder talks to.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Server, assert_refused, code, hookd, stderr, stdout};

/// A user with a server in the data folder, in another working directory.
struct User<'a> {
    server: &'a Server,
    home: tempfile::TempDir,
}

impl User<'_> {
    fn hookd(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.command(folder).args(arguments).output().unwrap()
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = hookd(&self.server.data());
        command.env_remove("HOOKD_DATA").env("HOME", self.home.path()).current_dir(folder);
        command
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("data"));
        command
    }
}

#[test]
fn a_linked_folder_means_its_app_and_keeps_no_key() {
    let server = Server::start();
    let shop: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "shop", "--json"])).unwrap();
    let url = server.connection()["url"].as_str().unwrap();
    let key = shop["master_key"].as_str().unwrap();
    let user = User { server: &server, home: tempfile::tempdir().unwrap() };
    let project = user.home.path().join("project");
    let below = project.join("src/deep");
    std::fs::create_dir_all(&below).unwrap();

    assert_refused(&user.hookd(&project, &["info"]), &["--url", "hookd up"]);
    let wrong = user.hookd(&project, &["switch", "shop", "--url", url, "--master-key", "wrong-key"]);
    assert_refused(&wrong, &["shop", "--master-key"]);
    assert!(!project.join(".hookd").exists(), "nothing is linked to what was refused");

    let linked = user.hookd(&project, &["switch", "shop", "--url", url, "--master-key", key]);
    assert_eq!(code(&linked), 0, "{}", stderr(&linked));
    assert!(!std::fs::read_to_string(project.join(".hookd/link.toml")).unwrap().contains(key));
    let keys = user.home.path().join("config/hookd/keys.toml");
    let mode = std::os::unix::fs::PermissionsExt::mode(&keys.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let info: Value = serde_json::from_str(&stdout(&user.hookd(&below, &["info", "--json"]))).unwrap();
    assert_eq!((&info["url"], &info["app_id"]), (&url.into(), &"shop".into()));
    assert!(info["app_from"].as_str().unwrap().ends_with(".hookd/link.toml"), "{info}");
    assert_eq!(code(&user.hookd(&below, &["releases"])), 0);

    // Another server must not be shown the key of this one.
    let elsewhere = user.hookd(&below, &["releases", "--url", "http://127.0.0.1:1", "--app", "shop"]);
    assert_refused(&elsewhere, &["--master-key"]);
    // With `--data`, the server of that data folder is used.
    let data = server.data();
    let info = user.hookd(&below, &["info", "--json", "--data", data.to_str().unwrap()]);
    let info: Value = serde_json::from_str(&stdout(&info)).unwrap();
    assert_eq!(info["app_id"], "demo");

    std::fs::write(project.join(".hookd/link.toml"), "url =").unwrap();
    let damaged = user.hookd(&below, &["info"]);
    assert!(stderr(&damaged).contains("hookd switch"), "{}", stderr(&damaged));
}

#[test]
fn an_unknown_word_is_a_program_of_the_path() {
    let server = Server::start();
    let user = User { server: &server, home: tempfile::tempdir().unwrap() };
    let programs = user.home.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let plugin = programs.join("hookd-hello");
    std::fs::write(&plugin, "#!/bin/sh\necho \"$1 $2 $HOOKD_APP $HOOKD_URL\"\nexit 7\n").unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let run = |arguments: &[&str]| {
        user.command(&programs).env("HOOKD_DATA", server.data()).env("PATH", &path).args(arguments).output().unwrap()
    };
    assert_refused(&run(&["hello"]), &["unrecognized"]);
    std::fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = run(&["hello", "--one", "two"]);
    assert_eq!(code(&ran), 7, "{}", stderr(&ran));
    let url = server.connection()["url"].as_str().unwrap();
    assert_eq!(stdout(&ran).trim(), format!("--one two demo {url}"));
    assert_refused(&run(&["../bin/hookd-hello"]), &["unrecognized"]);
}
