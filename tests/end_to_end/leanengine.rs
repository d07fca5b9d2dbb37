//! Hooks that stay where they are: in a LeanEngine app on LeanCloud's own SDK, called over HTTP.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Server, workspace};

/// `tests/leanengine` with the keys of a server's app; killed with the test.
struct LeanEngine {
    process: Child,
    url: String,
}

impl LeanEngine {
    fn start(server: &Server) -> Self {
        let folder = workspace().join("tests/leanengine");
        assert!(folder.join("node_modules").is_dir(), "the peer is not installed; install it with `make test`");
        let key = |name: &str| server.connection()[name].as_str().unwrap().to_owned();
        let mut process = Command::new("node")
            .arg(folder.join("server.js"))
            .env("LEANCLOUD_APP_ID", key("app_id"))
            .env("LEANCLOUD_APP_KEY", key("app_key"))
            .env("LEANCLOUD_APP_MASTER_KEY", key("master_key"))
            .env("LEANCLOUD_APP_HOOK_KEY", key("hook_key"))
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        // What the hooks print must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { process, url: ready["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for LeanEngine {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn hooks_of_a_leanengine_app_decide_as_ours_do() {
    let mut server = Server::start();
    let leanengine = LeanEngine::start(&server);
    server.hookd_ok(&["settings", "--engine-url", &leanengine.url]);
    server.play("team_chat");
}

#[test]
fn address_that_is_no_engine_is_refused() {
    let server = Server::start();
    let output = server.hookd(&["settings", "--engine-url", "ftp://engine"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("engine_url") && stderr.contains("http://host:port"), "{stderr}");
}
