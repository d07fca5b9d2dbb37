//! What a run found out, and its machine-readable summary.

use std::io::Write as _;
use std::path::Path;

use hookd_benches::files::write;
use hookd_benches::machine::Fact;
use hookd_benches::statistics::{median, rounded};
use serde_json::json;

use crate::fairness::Fairness;
use crate::hello_world::HelloWorld;
use crate::in_process::{InProcess, Latency};
use crate::load::{self, Measured};
use crate::modules::ThousandModules;
use crate::releases::Releases;

/// Everything that a run found out.
pub struct Report {
    /// Over HTTP.
    pub servers: Servers,
    /// Without a network.
    pub in_process: InProcess,
    /// A new project in JavaScript.
    pub hello_world: HelloWorld,
    /// Beside an app that spins.
    pub fairness: Fairness,
    /// Many modules.
    pub modules: ThousandModules,
    /// Deploy and rollback.
    pub releases: Releases,
    /// Where.
    pub machine: Vec<Fact>,
}

/// Each with the word filter; hookd with a fresh sandbox for each call, or warm.
pub struct Servers {
    /// Bare axum.
    pub echo: OverHttp,
    pub rust: OverHttp,
    pub rust_warm: OverHttp,
    pub js: OverHttp,
    pub js_warm: OverHttp,
    /// The hook in JavaScript on workerd.
    pub workerd: OverHttp,
    /// LeanCloud's engine SDK, set up as documented.
    pub leanengine: OverHttp,
    /// The same without a web framework around it.
    pub leanengine_bare: OverHttp,
    pub py: OverHttp,
    pub py_warm: OverHttp,
    /// LeanCloud's package for Python.
    pub leancloud_python: OverHttp,
}

/// One server.
#[derive(Clone)]
pub struct OverHttp {
    /// As much as it can do, round by round.
    pub rounds: Vec<Measured>,
    /// At the fixed rate; `None` for a server that cannot keep it up.
    pub at_rate: Option<Latency>,
}

impl OverHttp {
    /// The round in the middle.
    pub fn median_round(&self) -> Measured {
        load::median(self.rounds.clone())
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.median_round().requests_per_second
    }

    /// How many times as much as a peer in the same round: the middle of all rounds.
    pub fn times(&self, peer: &Self) -> f64 {
        let rates = self.rounds.iter().zip(&peer.rounds);
        median(rates.map(|(own, peer)| own.requests_per_second / peer.requests_per_second))
    }
}

impl Report {
    /// Prints the tables.
    pub fn print(&self) {
        // As above.
        let _ = writeln!(std::io::stdout(), "{}", self.tables());
    }

    /// A flat object of numbers.
    pub fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        let [_, first_call_p99_ms, first_call_max_ms] = self.modules.first_call_ms;
        let Self { servers, in_process: InProcess { rust, javascript, python }, hello_world, .. } = self;
        let rate = |server: &OverHttp| server.rate().round();
        let summary = json!({
            "echo_rps": rate(&servers.echo),
            "rpc_per_call_rps": rate(&servers.rust),
            "rpc_warm_rps": rate(&servers.rust_warm),
            "js_per_call_rps": rate(&servers.js),
            "js_warm_rps": rate(&servers.js_warm),
            "workerd_rps": rate(&servers.workerd),
            "leanengine_rps": rate(&servers.leanengine),
            "leanengine_bare_rps": rate(&servers.leanengine_bare),
            "py_per_call_rps": rate(&servers.py),
            "py_warm_rps": rate(&servers.py_warm),
            "leancloud_py_rps": rate(&servers.leancloud_python),
            "inproc_per_call_us": rust.call.median_us,
            "inproc_warm_us": rust.warm.median_us,
            "instantiate_us": rust.instantiate.median_us,
            "js_per_call_inproc_us": javascript.call.median_us,
            "js_warm_inproc_us": javascript.warm.median_us,
            "py_per_call_inproc_us": python.call.median_us,
            "py_warm_inproc_us": python.warm.median_us,
            "js_build_s": thousandths(hello_world.build_s),
            "js_rebuild_s": thousandths(hello_world.rebuild_s),
            "js_first_deploy_s": thousandths(hello_world.first_deploy_s),
            "js_deploy_s": thousandths(hello_world.deploy_s),
            "js_first_call_ms": rounded(hello_world.first_call_ms),
            "js_ten_apps_mib": rounded(hello_world.apps_cost_mib()),
            "rpc_p50_us": servers.rust.at_rate.map(|latency| latency.median_us),
            "rpc_p99_us": servers.rust.at_rate.map(|latency| latency.p99_us),
            "neighbour_p99_ratio": rounded(self.fairness.p99_ratio()),
            "rss_1000_modules_mib": self.modules.rss_mib.round(),
            "first_call_ms": rounded(first_call_max_ms),
            "first_call_p99_ms": rounded(first_call_p99_ms),
            "deploy_to_live_ms": rounded(self.releases.deploy_to_live_ms),
            "rollback_ms": rounded(self.releases.rollback_ms),
        });
        write(path, &format!("{summary:#}\n"))
    }
}

/// Three digits after the point, for seconds.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
