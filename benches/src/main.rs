//! `make bench`: hookd side by side with its peers, in one run, with one load generator.
//!
//! Each peer is a process of its own; rounds go in turn, so that a slow minute of the machine hits all of them. The table is
//! printed and written to `docs/performance.md`, the numbers to `target/bench/summary.json`.

mod echo;
mod fairness;
mod filters;
mod hello_world;
mod in_process;
mod load;
mod modules;
mod open_loop;
mod page;
mod peers;
mod releases;
mod report;
mod tables;
mod targets;
mod workload;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hookd_runtime::Isolation::{PerCall, Warm};

use crate::filters::Filters;
use crate::load::{Measured, measure};
use crate::peers::Peer;
use crate::report::{OverHttp, Report, Servers};
use hookd_benches::machine::{self, Fact};
use hookd_benches::progress::progress;
use hookd_benches::workspace;

// As hookd itself, so that the echo is not slower for its allocator, and a call in process costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of all peers in turn. Many short ones: a machine that others share changes from minute to minute, and a ratio
/// compares what happened in the same seconds.
const ROUNDS: usize = 11;
const WARM_UP: Duration = Duration::from_millis(500);
const ROUND: Duration = Duration::from_secs(2);
/// At a fixed rate.
const MEASURED: Duration = Duration::from_secs(4);
/// Requests a second.
const FIXED_RATE: u32 = 2_000;
/// Of a server that can do no more than this, the fixed rate would show little but a queue.
const FIXED_RATE_FROM: f64 = 1.5 * FIXED_RATE as f64;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => bench(),
        ["serve-echo"] => echo::serve(),
        ["release-modules", data, count, module] => modules::release(Path::new(data), count, Path::new(module)),
        ["call-modules", data, count] => modules::call_cold(Path::new(data), count),
        _ => bail!("unknown arguments `{}`; run `make bench`", arguments.join(" ")),
    }
}

fn bench() -> anyhow::Result<()> {
    let workspace = workspace()?;
    let modules = workspace.join("target/hookd-modules");
    let filters = Filters::find(workspace, &modules)?;
    let Filters { rust, javascript, python } = &filters;
    progress("starting the peers, and compiling the filter in Python");
    let peers = [
        Peer::echo()?,
        Peer::hookd_with("hookd, Rust", rust, PerCall)?,
        Peer::hookd_with("hookd, Rust, warm", rust, Warm)?,
        Peer::hookd_with("hookd, JavaScript", javascript, PerCall)?,
        Peer::hookd_with("hookd, JavaScript, warm", javascript, Warm)?,
        Peer::workerd(workspace)?,
        Peer::leanengine(workspace)?,
        Peer::leanengine_bare(workspace)?,
        Peer::hookd_with_python("hookd, Python", python, PerCall)?,
        Peer::hookd_with_python("hookd, Python, warm", python, Warm)?,
        Peer::leancloud_python(workspace)?,
    ];
    let [echo, rust, rust_warm, js, js_warm, workerd, leanengine, leanengine_bare, py, py_warm, leancloud_python] =
        over_http(&peers)?;
    drop(peers);
    let servers = Servers {
        echo,
        rust,
        rust_warm,
        js,
        js_warm,
        workerd,
        leanengine,
        leanengine_bare,
        py,
        py_warm,
        leancloud_python,
    };

    progress("in process");
    let in_process = in_process::measure(&filters)?;
    progress("a new project in JavaScript");
    let hello_world = hello_world::measure()?;
    progress("beside an app that spins");
    let fairness = fairness::measure(&modules)?;
    progress("deploy and rollback");
    let releases = releases::measure(&modules)?;
    progress("a thousand modules, which takes minutes");
    let modules = modules::measure(&filters.rust)?;
    let machine = facts(workspace);
    let report = Report { servers, in_process, hello_world, fairness, modules, releases, machine };
    report.print();
    report.write_summary(&workspace.join("target/bench/summary.json"))?;
    page::write_page(&report, &workspace.join("docs/performance.md"))
}

/// Measures every peer once per round; answers each peer's rounds, and its latency at the fixed rate.
fn over_http<const PEERS: usize>(peers: &[Peer; PEERS]) -> anyhow::Result<[OverHttp; PEERS]> {
    // One thread: the generator has one core, the server under test has the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut measured: [Vec<Measured>; PEERS] = std::array::from_fn(|_| Vec::new());
    for round in 1..=ROUNDS {
        for (peer, results) in peers.iter().zip(&mut measured) {
            let target = peer.target();
            runtime.block_on(measure(target, WARM_UP)).with_context(|| format!("warming `{}` up", peer.name()))?;
            let result = runtime.block_on(measure(target, ROUND)).with_context(|| peer.name().to_owned())?;
            progress(&format!(
                "round {round} of {ROUNDS}: {} {:.0} requests/s",
                peer.name(),
                result.requests_per_second
            ));
            results.push(result);
        }
    }
    let mut servers = Vec::new();
    for (peer, rounds) in peers.iter().zip(measured) {
        let mut server = OverHttp { rounds, at_rate: None };
        if server.rate() < FIXED_RATE_FROM {
            progress(&format!("not at {FIXED_RATE} requests/s: {}", peer.name()));
        } else {
            let at_rate = runtime.block_on(open_loop::measure(peer.target(), FIXED_RATE, MEASURED));
            let at_rate = at_rate.with_context(|| format!("`{}` at a fixed rate", peer.name()))?;
            progress(&format!("at {FIXED_RATE} requests/s: {} p99 {:.0} µs", peer.name(), at_rate.p99_us));
            server.at_rate = Some(at_rate);
        }
        servers.push(server);
    }
    servers.try_into().ok().context("every peer was measured")
}

fn facts(workspace: &Path) -> Vec<Fact> {
    let mut facts = machine::facts(workspace);
    let javascript_engine = machine::locked_version(&workspace.join("hook-sdk/js/engine/Cargo.lock"), "rquickjs");
    let python = |name| machine::required_version(&workspace.join("tests/leancloud-python/requirements.txt"), name);
    facts.extend([
        machine::fact("rquickjs (QuickJS-ng)", javascript_engine),
        machine::fact(
            "componentize-py",
            machine::required_version(&workspace.join("tests/python-hooks/requirements.txt"), "componentize-py"),
        ),
        machine::fact("Node.js", machine::output("node", &["--version"], workspace)),
        machine::fact("leanengine", machine::installed_version(workspace, "benches/leanengine", "leanengine")),
        machine::fact("workerd", machine::installed_version(workspace, "benches/workerd", "workerd")),
        machine::fact("Python", machine::output("tests/leancloud-python/.venv/bin/python", &["--version"], workspace)),
        machine::fact("leancloud", python("leancloud")),
        machine::fact("gevent", python("gevent")),
    ]);
    facts
}
