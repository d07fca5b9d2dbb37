//! The server: does it answer, is it of this version, are the keys right.

use std::path::Path;

use api_types::Connection;

use super::Finding;
use crate::client::{Api, ServerArguments};
use crate::exit::InputError;

const SERVER: &str = "server";

/// Of a server that commands would use.
pub(super) enum State {
    /// None is named, or the last one of the data folder does not run.
    Absent,
    /// It is there, or should be.
    Checked(Vec<Finding>),
}

pub(super) async fn check(server: &ServerArguments, data: &Path) -> State {
    let Ok(target) = server.target() else { return State::Absent };
    let url = target.url.clone();
    let api = match Api::new(target) {
        Ok(api) => api,
        Err(error) => return State::Checked(vec![Finding::broken(SERVER, format!("{error:#}"), "check --url")]),
    };
    let version = match api.server_version().await {
        Ok(version) => version,
        // The file outlives the server. A stopped server is not a fault.
        Err(error) if is_saved(data, &url) && is_not_there(&error) => return State::Absent,
        Err(error) => {
            let fix =
                "start it with `hookd up`, or check --url; where the engine is a process of its own, look at that";
            return State::Checked(vec![Finding::broken(SERVER, format!("{error:#}"), fix)]);
        }
    };
    let ours = env!("CARGO_PKG_VERSION");
    let mut findings = vec![if version == ours {
        Finding::ok(SERVER, format!("`{url}` answers, version {version}"))
    } else {
        let text = format!("`{url}` has version {version}, this command line has {ours}");
        Finding::note(SERVER, text, "install the same version in both places")
    }];
    match api.app().await {
        Ok(_) => {
            findings.push(Finding::ok("master key", "the server knows app and master key"));
            findings.push(live_versions(api.live_problems().await));
        }
        Err(error) => {
            let fix = "check --app and --master-key, or `hookd switch` again";
            findings.push(Finding::broken("master key", format!("{error:#}"), fix));
        }
    }
    State::Checked(findings)
}

fn live_versions(problems: anyhow::Result<Vec<String>>) -> Finding {
    const CHECK: &str = "live versions";
    match problems {
        Ok(problems) if problems.is_empty() => Finding::ok(CHECK, "what is live can be called"),
        Ok(problems) => {
            Finding::broken(CHECK, problems.join("; "), "deploy it again, built by the present hookd, or roll back")
        }
        Err(error) => Finding::note(CHECK, format!("{error:#}"), "install the same version of hookd in both places"),
    }
}

/// True when no connection can be made; a server that takes one and does not answer is a fault.
fn is_not_there(error: &anyhow::Error) -> bool {
    error.is::<InputError>()
}

fn is_saved(data: &Path, url: &str) -> bool {
    matches!(Connection::load(data), Ok(Some(saved)) if saved.url == url)
}
