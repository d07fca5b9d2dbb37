use std::path::Path;

use crate::harness::{AppKeys, Peer, Sdk, Server, leanengine_project, module};

/// Time limit of a function on the engines that have one, in ms; `late` takes longer everywhere.
const TIME_LIMIT_MS: &str = "1000";

/// The file with the functions that the tests know, on the SDKs.
const FUNCTIONS: &str = "known_functions";

/// Whose engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With functions in Rust.
    Hookd,
    /// hookd, with the functions of the npm package's project in its sandbox.
    #[allow(dead_code, reason = "it is started in one of the programs only")]
    JavaScript,
    /// The npm package `leanengine`.
    Node,
    /// The Python package `leancloud`.
    Python,
}

/// An engine that serves the known functions; it ends with the test.
pub struct Target {
    pub kind: Kind,
    /// `http://host:port`.
    pub url: String,
    pub keys: AppKeys,
    _running: Running,
}

#[expect(dead_code, reason = "held for their drop")]
enum Running {
    Server(Box<Server>),
    Peer(Peer),
}

impl Target {
    pub fn start(kind: Kind) -> Self {
        match kind {
            Kind::Hookd => Self::hookd(kind, &module("known-functions")),
            Kind::JavaScript => {
                let project = leanengine_project(FUNCTIONS);
                Self::hookd(kind, project.path())
            }
            Kind::Node => Self::peer(kind, Sdk::Node, &[FUNCTIONS, TIME_LIMIT_MS]),
            Kind::Python => Self::peer(kind, Sdk::Python, &[FUNCTIONS]),
        }
    }

    /// Production and staging have the same module, which distinguishes them by its context.
    ///
    /// LeanEngine believes the forwarding headers of every caller; hookd only with its flag.
    fn hookd(kind: Kind, functions: &Path) -> Self {
        let server = Server::start_with_variable("HOOKD_TRUST_FORWARDED_HEADERS", "true");
        let functions = functions.to_str().expect("UTF-8");
        server.hookd_ok(&["deploy", functions, "--prod"]);
        server.hookd_ok(&["deploy", functions]);
        let time_limit = format!("deadline_ms={TIME_LIMIT_MS}");
        let raised = ["--max-limit", "reply_bytes=30MiB", "--limit", "reply_bytes=30MiB"];
        server.hookd_ok(&[&["settings", "--limit", &time_limit][..], &raised].concat());
        let url = server.connection()["url"].as_str().expect("an address").to_owned();
        Self { kind, url, keys: AppKeys::of(&server), _running: Running::Server(Box::new(server)) }
    }

    fn peer(kind: Kind, sdk: Sdk, arguments: &[&str]) -> Self {
        let keys = AppKeys {
            app_id: "demo".to_owned(),
            app_key: "demo-app-key".to_owned(),
            master_key: "demo-master-key".to_owned(),
            hook_key: "demo-hook-key".to_owned(),
            android_key: "demo-android-key",
        };
        let peer = Peer::start(sdk, arguments, &keys);
        Self { kind, url: peer.url().to_owned(), keys, _running: Running::Peer(peer) }
    }
}
