//! The tables, for the terminal and the page.

use crate::hello_world::HelloWorld;
use crate::in_process::{InProcess, Latency};
use crate::load::Measured;
use crate::modules::ThousandModules;
use crate::releases::Releases;
use crate::report::{OverHttp, Report, Servers};
use crate::targets;

impl Report {
    /// All tables but the machine's.
    pub fn tables(&self) -> String {
        let operations = [self.neighbours(), self.operations(), self.hello_world(), targets::table(self)];
        [self.over_http(), self.at_rate(), self.in_process()]
            .into_iter()
            .chain(operations)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn over_http(&self) -> String {
        let mut table =
            "| over HTTP | requests/s | median | p99 | × echo | × leanengine in express | × bare | × leancloud |\n\
                         |---|--:|--:|--:|--:|--:|--:|--:|\n"
                .to_owned();
        let Servers { echo, leanengine, leanengine_bare, leancloud_python, .. } = &self.servers;
        for (name, server) in self.servers.named() {
            let Measured { requests_per_second: rate, median_us, p99_us } = server.median_round();
            let [echo, leanengine, bare, leancloud] =
                [echo, leanengine, leanengine_bare, leancloud_python].map(|peer| server.times(peer));
            let line = format!(
                "| {name} | {rate:.0} | {median_us:.0} µs | {p99_us:.0} µs | {echo:.2} | {leanengine:.1} | {bare:.1} | \
                 {leancloud:.1} |\n"
            );
            table.push_str(&line);
        }
        table
    }

    fn at_rate(&self) -> String {
        let mut table =
            format!("| {} requests/s, each sent when due | median | p99 |\n|---|--:|--:|\n", crate::FIXED_RATE);
        for (name, server) in self.servers.named() {
            if let Some(Latency { median_us, p99_us }) = server.at_rate {
                table.push_str(&format!("| {name} | {median_us:.0} µs | {p99_us:.0} µs |\n"));
            }
        }
        table
    }

    fn in_process(&self) -> String {
        let InProcess { rust, javascript, python } = &self.in_process;
        let mut table = "| in process | median | p99 | × Rust |\n|---|--:|--:|--:|\n".to_owned();
        for (name, language) in [("Rust", rust), ("JavaScript", javascript), ("Python", python)] {
            let rows = [
                ("hook call, fresh sandbox per call", language.call, rust.call),
                ("hook call, warm", language.warm, rust.warm),
                ("instantiation alone", language.instantiate, rust.instantiate),
            ];
            for (what, Latency { median_us, p99_us }, of_rust) in rows {
                let times = median_us / of_rust.median_us;
                table.push_str(&format!("| {name}: {what} | {median_us:.1} µs | {p99_us:.1} µs | {times:.1} |\n"));
            }
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

    fn hello_world(&self) -> String {
        let HelloWorld { build_s, rebuild_s, first_deploy_s, deploy_s, first_call_ms, ten_apps_mib, bare_mib } =
            self.hello_world;
        format!(
            "| a new project in JavaScript | |\n|---|--:|\n\
             | `hookd build` | {build_s:.3} s |\n\
             | `hookd build` again | {rebuild_s:.3} s |\n\
             | `hookd deploy`, until it is live, the first on a new server | {first_deploy_s:.2} s |\n\
             | `hookd deploy`, until it is live, later ones | {deploy_s:.2} s |\n\
             | first call after a release, the slowest | {first_call_ms:.2} ms |\n\
             | resident memory of a server without apps | {bare_mib:.0} MiB |\n\
             | resident memory of the same with ten apps | {ten_apps_mib:.0} MiB |\n"
        )
    }
}

impl Servers {
    fn named(&self) -> [(&'static str, &OverHttp); 11] {
        [
            ("axum echo", &self.echo),
            ("hookd RPC, Rust, fresh sandbox per call", &self.rust),
            ("hookd RPC, Rust, warm", &self.rust_warm),
            ("hookd RPC, JavaScript, fresh sandbox per call", &self.js),
            ("hookd RPC, JavaScript, warm", &self.js_warm),
            ("workerd", &self.workerd),
            ("leanengine in express", &self.leanengine),
            ("leanengine, bare", &self.leanengine_bare),
            ("hookd RPC, Python, fresh sandbox per call", &self.py),
            ("hookd RPC, Python, warm", &self.py_warm),
            ("leancloud, Python", &self.leancloud_python),
        ]
    }
}
