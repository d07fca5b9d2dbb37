use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Server, module, workspace};

/// Time limit of a function on the engines that have one, in ms; `late` takes longer everywhere.
const TIME_LIMIT_MS: &str = "1000";

/// Whose engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hookd,
    /// The npm package `leanengine`.
    Node,
    /// The Python package `leancloud`.
    Python,
}

/// The app that the functions belong to.
#[derive(Clone, Debug)]
pub struct Keys {
    pub app_id: String,
    pub app_key: String,
    pub master_key: String,
    pub hook_key: String,
    /// Of LeanCloud's Android SDK; hookd's apps have no such key.
    pub android_key: &'static str,
}

const ANDROID_KEY: &str = "demo-android-key";

/// An engine that serves the known functions; it ends with the test.
pub struct Target {
    pub kind: Kind,
    /// `http://host:port`.
    pub url: String,
    pub keys: Keys,
    _running: Running,
}

#[expect(dead_code, reason = "held for their drop")]
enum Running {
    Server(Server),
    Peer(Peer),
}

impl Target {
    pub fn start(kind: Kind) -> Self {
        match kind {
            Kind::Hookd => Self::hookd(),
            Kind::Node => {
                let folder = workspace().join("tests/leanengine");
                let mut command = Command::new("node");
                command.args(["server.js", "known_functions", TIME_LIMIT_MS]);
                Self::peer(kind, &folder, &folder.join("node_modules"), command)
            }
            Kind::Python => {
                let folder = workspace().join("tests/leancloud-python");
                let python = folder.join(".venv/bin/python");
                let mut command = Command::new(&python);
                command.args(["-B", "server.py"]);
                Self::peer(kind, &folder, &python, command)
            }
        }
    }

    /// Production and staging have the same module, which tells them apart by its context.
    fn hookd() -> Self {
        let server = Server::with_module("known-functions");
        let path = module("known-functions");
        server.hookd_ok(&["deploy", path.to_str().expect("UTF-8")]);
        let time_limit = format!("deadline_ms={TIME_LIMIT_MS}");
        server.hookd_ok(&["settings", "--limit", &time_limit, "--limit", "reply_bytes=30MiB"]);
        let word = |name: &str| server.connection()[name].as_str().expect("a word").to_owned();
        let keys = Keys {
            app_id: word("app_id"),
            app_key: word("app_key"),
            master_key: word("master_key"),
            hook_key: word("hook_key"),
            android_key: ANDROID_KEY,
        };
        Self { kind: Kind::Hookd, url: word("url"), keys, _running: Running::Server(server) }
    }

    fn peer(kind: Kind, folder: &Path, installed: &Path, mut command: Command) -> Self {
        assert!(installed.exists(), "`{}` is missing; install the peers with `make test`", installed.display());
        let keys = Keys {
            app_id: "demo".to_owned(),
            app_key: "demo-app-key".to_owned(),
            master_key: "demo-master-key".to_owned(),
            hook_key: "demo-hook-key".to_owned(),
            android_key: ANDROID_KEY,
        };
        command
            .current_dir(folder)
            .env("LEANCLOUD_APP_ID", &keys.app_id)
            .env("LEANCLOUD_APP_KEY", &keys.app_key)
            .env("LEANCLOUD_APP_MASTER_KEY", &keys.master_key)
            .env("LEANCLOUD_APP_HOOK_KEY", &keys.hook_key)
            .env("LEANCLOUD_APP_ANDX_KEY", keys.android_key)
            .env("LEANCLOUD_APP_ENV", "production");
        let peer = Peer::start(command);
        Self { kind, url: peer.url.clone(), keys, _running: Running::Peer(peer) }
    }
}

struct Peer {
    process: Child,
    url: String,
}

impl Peer {
    fn start(mut command: Command) -> Self {
        // What it logs about failed functions is no part of the contract.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the peer's language is installed");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a readable pipe");
        let ready: Value = serde_json::from_str(&line).expect("a peer that starts prints its address as JSON");
        Self { process, url: ready["url"].as_str().expect("an address").to_owned() }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
