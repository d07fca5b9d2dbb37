//! `make bench`: hookd side by side with its peers, in one run, with one load generator.
//!
//! Each peer is a process of its own; rounds go in turn, so that a slow minute of the machine hits all of them. The table is
//! printed and written to `docs/performance.md`, the numbers to `target/bench/summary.json`.

mod echo;
mod in_process;
mod load;
mod machine;
mod peers;
mod report;
mod workload;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::load::{Measured, measure};
use crate::peers::Peer;
use crate::report::{Report, progress};

// As hookd itself, so that the echo is not slower for its allocator, and a call in process costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds per peer; the median is reported.
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => bench(),
        Some("serve-echo") => echo::serve(),
        Some(other) => bail!("unknown argument `{other}`; run `make bench`"),
    }
}

fn bench() -> anyhow::Result<()> {
    let workspace = workspace()?;
    let module = workspace.join("target/hookd-modules/word-filter.wasm");
    if !module.is_file() {
        bail!("`{}` is missing; build it with `make modules`", module.display());
    }
    progress("starting the peers");
    let peers = [Peer::echo()?, Peer::hookd(&module)?, Peer::leanengine(workspace)?, Peer::leanengine_bare(workspace)?];
    let [echo, hookd, leanengine, leanengine_bare] = rounds(&peers)?;
    drop(peers);

    progress("in process");
    let in_process = in_process::measure(&module)?;
    let report = Report { echo, hookd, leanengine, leanengine_bare, in_process, machine: machine::facts(workspace) };
    report.print();
    report.write_summary(&workspace.join("target/bench/summary.json"))?;
    report.write_page(&workspace.join("docs/performance.md"))
}

/// Measures every peer once per round; answers each peer's median round.
fn rounds<const PEERS: usize>(peers: &[Peer; PEERS]) -> anyhow::Result<[Measured; PEERS]> {
    // One thread: the generator has one core, the server under test has the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut measured: [Vec<Measured>; PEERS] = std::array::from_fn(|_| Vec::new());
    for round in 1..=ROUNDS {
        for (peer, results) in peers.iter().zip(&mut measured) {
            let target = peer.target();
            runtime.block_on(measure(target, WARM_UP)).with_context(|| format!("warming `{}` up", peer.name()))?;
            let result = runtime.block_on(measure(target, MEASURED)).with_context(|| peer.name().to_owned())?;
            progress(&format!(
                "round {round} of {ROUNDS}: {} {:.0} requests/s",
                peer.name(),
                result.requests_per_second
            ));
            results.push(result);
        }
    }
    Ok(measured.map(load::median))
}

fn workspace() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")
}
