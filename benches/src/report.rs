//! The tables, for the terminal and the page, and the machine-readable summary.

use std::io::Write as _;
use std::path::Path;

use hookd_benches::files::write;
use hookd_benches::machine::Fact;
use hookd_benches::statistics::{median, rounded};
use serde_json::json;

use crate::fairness::Fairness;
use crate::in_process::{InProcess, Latency};
use crate::load::{self, Measured};
use crate::modules::ThousandModules;
use crate::releases::Releases;

/// Everything that a run found out.
pub struct Report {
    /// Bare axum.
    pub echo: OverHttp,
    /// The RPC of `hookd up`, a fresh sandbox for each call.
    pub hookd: OverHttp,
    /// The same with warm instances.
    pub warm: OverHttp,
    /// The hook in JavaScript on workerd.
    pub workerd: OverHttp,
    /// LeanCloud's engine SDK, set up as documented.
    pub leanengine: OverHttp,
    /// The same without a web framework around it.
    pub leanengine_bare: OverHttp,
    /// Without a network.
    pub in_process: InProcess,
    /// Beside an app that spins.
    pub fairness: Fairness,
    /// Many modules.
    pub modules: ThousandModules,
    /// Deploy and rollback.
    pub releases: Releases,
    /// Where.
    pub machine: Vec<Fact>,
}

/// One server.
#[derive(Clone)]
pub struct OverHttp {
    /// As much as it can do, round by round.
    pub rounds: Vec<Measured>,
    /// At the fixed rate.
    pub at_rate: Latency,
}

impl OverHttp {
    fn median_round(&self) -> Measured {
        load::median(self.rounds.clone())
    }

    fn rate(&self) -> f64 {
        self.median_round().requests_per_second
    }

    /// How many times as much as a peer in the same round: the middle of all rounds.
    fn times(&self, peer: &Self) -> f64 {
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
        let summary = json!({
            "echo_rps": self.echo.rate().round(),
            "rpc_per_call_rps": self.hookd.rate().round(),
            "rpc_warm_rps": self.warm.rate().round(),
            "workerd_rps": self.workerd.rate().round(),
            "leanengine_rps": self.leanengine.rate().round(),
            "leanengine_bare_rps": self.leanengine_bare.rate().round(),
            "inproc_per_call_us": self.in_process.call.median_us,
            "inproc_warm_us": self.in_process.warm.median_us,
            "instantiate_us": self.in_process.instantiate.median_us,
            "rpc_p50_us": self.hookd.at_rate.median_us,
            "rpc_p99_us": self.hookd.at_rate.p99_us,
            "neighbour_p99_ratio": rounded(self.fairness.p99_ratio()),
            "rss_1000_modules_mib": self.modules.rss_mib.round(),
            "first_call_ms": rounded(first_call_max_ms),
            "first_call_p99_ms": rounded(first_call_p99_ms),
            "deploy_to_live_ms": rounded(self.releases.deploy_to_live_ms),
            "rollback_ms": rounded(self.releases.rollback_ms),
        });
        write(path, &format!("{summary:#}\n"))
    }

    /// All tables but the machine's.
    pub fn tables(&self) -> String {
        [self.over_http(), self.at_rate(), self.in_process(), self.neighbours(), self.operations(), self.targets()]
            .join("\n")
    }

    fn servers(&self) -> [(&'static str, &OverHttp); 6] {
        [
            ("axum echo", &self.echo),
            ("hookd RPC, fresh sandbox per call", &self.hookd),
            ("hookd RPC, warm", &self.warm),
            ("workerd", &self.workerd),
            ("leanengine in express", &self.leanengine),
            ("leanengine, bare", &self.leanengine_bare),
        ]
    }

    fn over_http(&self) -> String {
        let mut table = "| over HTTP | requests/s | median | p99 | × echo | × leanengine in express | × bare |\n\
                         |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for (name, server) in self.servers() {
            let Measured { requests_per_second: rate, median_us, p99_us } = server.median_round();
            let [echo, leanengine, bare] =
                [&self.echo, &self.leanengine, &self.leanengine_bare].map(|peer| server.times(peer));
            let line = format!(
                "| {name} | {rate:.0} | {median_us:.0} µs | {p99_us:.0} µs | {echo:.2} | {leanengine:.1} | {bare:.1} |\n"
            );
            table.push_str(&line);
        }
        table
    }

    fn at_rate(&self) -> String {
        let mut table =
            format!("| {} requests/s, each sent when due | median | p99 |\n|---|--:|--:|\n", crate::FIXED_RATE);
        for (name, server) in self.servers() {
            let Latency { median_us, p99_us } = server.at_rate;
            table.push_str(&format!("| {name} | {median_us:.0} µs | {p99_us:.0} µs |\n"));
        }
        table
    }

    fn in_process(&self) -> String {
        let InProcess { call, warm, instantiate } = &self.in_process;
        let rows = [
            ("hook call, fresh sandbox per call", call),
            ("hook call, warm", warm),
            ("instantiation alone", instantiate),
        ];
        let mut table = "| in process | median | p99 | × instantiation |\n|---|--:|--:|--:|\n".to_owned();
        for (name, Latency { median_us, p99_us }) in rows {
            let times = median_us / instantiate.median_us;
            table.push_str(&format!("| {name} | {median_us:.1} µs | {p99_us:.1} µs | {times:.1} |\n"));
        }
        table
    }

    fn neighbours(&self) -> String {
        let rows = [
            ("no other app calls", &self.fairness.quiet),
            ("another app spins in all its places", &self.fairness.beside),
        ];
        let mut table = "| a hook while … | median | p99 |\n|---|--:|--:|\n".to_owned();
        for (name, Latency { median_us, p99_us }) in rows {
            table.push_str(&format!("| {name} | {median_us:.0} µs | {p99_us:.0} µs |\n"));
        }
        table
    }

    fn operations(&self) -> String {
        let ThousandModules { release_s, open_ms, rss_mib, first_call_ms: [median, p99, max] } = self.modules;
        let Releases { deploy_to_live_ms, rollback_ms } = self.releases;
        format!(
            "| releases | |\n|---|--:|\n\
             | `hookd deploy` of a compiled module, until it is live | {deploy_to_live_ms:.0} ms |\n\
             | `hookd rollback` | {rollback_ms:.0} ms |\n\
             | 1,000 modules: compile and release, one after the other | {release_s:.0} s |\n\
             | 1,000 modules: open the engine | {open_ms:.0} ms |\n\
             | 1,000 modules: resident memory | {rss_mib:.0} MiB |\n\
             | 1,000 modules: first call of each, median | {median:.2} ms |\n\
             | 1,000 modules: first call of each, p99 | {p99:.2} ms |\n\
             | 1,000 modules: first call of each, slowest | {max:.2} ms |\n"
        )
    }

    fn targets(&self) -> String {
        let InProcess { call, instantiate, .. } = &self.in_process;
        let to_instantiation = call.median_us / instantiate.median_us;
        let to_leanengine = self.hookd.times(&self.leanengine);
        let to_echo = self.hookd.times(&self.echo);
        let warm_to_echo = self.warm.times(&self.echo);
        let late = self.hookd.at_rate.p99_us / self.echo.at_rate.p99_us;
        let neighbour = self.fairness.p99_ratio();
        let [_, _, first_call_ms] = self.modules.first_call_ms;
        let ThousandModules { rss_mib, .. } = self.modules;
        let Releases { deploy_to_live_ms, rollback_ms } = self.releases;
        let rows = [
            (
                "call in process: at most 12 µs, or 2.5 × instantiation",
                format!("{:.1} µs, {to_instantiation:.1} ×", call.median_us),
                call.median_us <= 12.0 || to_instantiation <= 2.5,
            ),
            ("RPC: at least 5 × leanengine", format!("{to_leanengine:.1} ×"), to_leanengine >= 5.0),
            ("RPC: at least 0.45 × echo", format!("{to_echo:.2} ×"), to_echo >= 0.45),
            ("RPC, warm: at least 0.6 × echo", format!("{warm_to_echo:.2} ×"), warm_to_echo >= 0.6),
            ("at 2,000 requests/s: p99 at most 2 × echo's", format!("{late:.2} ×"), late <= 2.0),
            ("beside an app that spins: p99 at most 2 ×", format!("{neighbour:.2} ×"), neighbour <= 2.0),
            ("1,000 modules: at most 1 GiB resident", format!("{rss_mib:.0} MiB"), rss_mib <= 1024.0),
            ("1,000 modules: any first call within 5 ms", format!("{first_call_ms:.2} ms"), first_call_ms <= 5.0),
            ("deploy to live: at most 1 s", format!("{deploy_to_live_ms:.0} ms"), deploy_to_live_ms <= 1000.0),
            ("rollback: at most 100 ms", format!("{rollback_ms:.0} ms"), rollback_ms <= 100.0),
        ];
        let mut table = "| target | measured | met |\n|---|--:|---|\n".to_owned();
        for (target, measured, met) in rows {
            table.push_str(&format!("| {target} | {measured} | {} |\n", if met { "yes" } else { "no" }));
        }
        table
    }
}
