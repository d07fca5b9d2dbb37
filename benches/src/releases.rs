//! How long a developer waits for a release, from the command to its end.

use std::path::Path;
use std::time::Instant;

use hookd_runtime::Isolation;

use crate::peers::Peer;
use hookd_benches::statistics::quantile;

/// An odd number: the one in the middle is reported.
const ROUNDS: usize = 9;

/// Both measurements, in milliseconds, each the whole command with its process and its way over HTTP. When it ends, the very
/// next call meets the new version.
pub struct Releases {
    /// `hookd deploy FILE --prod` of a module that was compiled before.
    pub deploy_to_live_ms: f64,
    /// `hookd rollback`.
    pub rollback_ms: f64,
}

/// Deploys two modules in turn, and goes back.
pub fn measure(modules: &Path) -> anyhow::Result<Releases> {
    let files = ["word-filter.wasm", "audit-log.wasm"].map(|name| modules.join(name));
    let [filter, other] = &files;
    let peer = Peer::hookd_with("releases", filter, Isolation::PerCall)?;
    peer.run(&deploy(other)?)?;
    let mut deployments = Vec::new();
    for round in 0..ROUNDS {
        let file = if round % 2 == 0 { filter } else { other };
        deployments.push(timed_ms(&peer, &deploy(file)?)?);
    }
    let mut rollbacks = Vec::new();
    for _ in 0..ROUNDS {
        rollbacks.push(timed_ms(&peer, &["rollback"])?);
    }
    Ok(Releases { deploy_to_live_ms: median(deployments), rollback_ms: median(rollbacks) })
}

fn deploy(file: &Path) -> anyhow::Result<[&str; 3]> {
    Ok(["deploy", hookd_benches::files::text(file)?, "--prod"])
}

fn timed_ms(peer: &Peer, arguments: &[&str]) -> anyhow::Result<f64> {
    let start = Instant::now();
    peer.run(arguments)?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    quantile(&samples, 0.5)
}
