//! The table, for the terminal, the page and the machine-readable summary.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::in_process::{InProcess, Latency};
use crate::load::{CONNECTIONS, Measured};
use crate::machine::Fact;
use crate::{MEASURED, ROUNDS};

/// Everything that a run found out.
pub struct Report {
    /// Bare axum.
    pub echo: Measured,
    /// The RPC of `hookd up`.
    pub hookd: Measured,
    /// LeanCloud's engine SDK, set up as documented.
    pub leanengine: Measured,
    /// The same without a web framework around it.
    pub leanengine_bare: Measured,
    /// Without a network.
    pub in_process: InProcess,
    /// Where.
    pub machine: Vec<Fact>,
}

/// Tells what goes on.
pub fn progress(line: &str) {
    // A closed terminal is no reason to stop measuring.
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Report {
    /// Prints the tables.
    pub fn print(&self) {
        // As above.
        let _ = writeln!(std::io::stdout(), "{}", self.tables());
    }

    /// A flat object of numbers.
    pub fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        let summary = json!({
            "echo_rps": self.echo.requests_per_second.round(),
            "rpc_per_call_rps": self.hookd.requests_per_second.round(),
            "leanengine_rps": self.leanengine.requests_per_second.round(),
            "leanengine_bare_rps": self.leanengine_bare.requests_per_second.round(),
            "inproc_per_call_us": self.in_process.call.median_us,
            "instantiate_us": self.in_process.instantiate.median_us,
        });
        write(path, &format!("{summary:#}\n"))
    }

    /// The page of the documentation.
    pub fn write_page(&self, path: &Path) -> anyhow::Result<()> {
        let seconds = MEASURED.as_secs();
        let mut page = format!(
            "# Performance\n\nWritten by `make bench`; run it to get the numbers of your machine.\n\n{tables}\n\
             ## How it is measured\n\n\
             Every server is a process of its own and answers the same request: `_messageReceived` for one text message of\n\
             ordinary length with a word that must be replaced. The load generator has one thread and {CONNECTIONS} keep-alive\n\
             connections, and sends the next request of a connection when its answer is in. Each server is measured for\n\
             {seconds} s after a warm-up, {ROUNDS} rounds in turn; the table shows each server's median round. The first answer\n\
             of every connection is checked, and all later ones must have its status and length.\n\n\
             *axum echo* is the least that this HTTP stack can do: it answers the body that it got. *hookd RPC* checks the\n\
             keys, makes a fresh sandbox for every call, and drops it afterwards. *leanengine* is LeanCloud's engine SDK from\n\
             npm with the same filter in JavaScript, in production mode; it keeps one process for all calls. *In express* it is\n\
             set up as its documentation shows; *bare*, without a web framework around it, it does the least it can.\n\n\
             In process, one thread calls the engine without HTTP. *Instantiation alone* is the part of it that makes the\n\
             sandbox and drops it again.\n\n## The machine\n\n| | |\n|---|---|\n",
            tables = self.tables(),
        );
        for Fact { name, value } in &self.machine {
            writeln!(page, "| {name} | {value} |")?;
        }
        write(path, &page)
    }

    fn tables(&self) -> String {
        format!("{}\n{}\n{}", self.over_http(), self.in_process(), self.targets())
    }

    fn over_http(&self) -> String {
        let rows = [
            ("axum echo", &self.echo),
            ("hookd RPC, fresh sandbox per call", &self.hookd),
            ("leanengine in express", &self.leanengine),
            ("leanengine, bare", &self.leanengine_bare),
        ];
        let mut table = "| over HTTP | requests/s | median | p99 | × echo | × leanengine in express | × bare |\n\
                         |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for (name, measured) in rows {
            let Measured { requests_per_second: rate, median_us, p99_us } = measured;
            let times = |peer: &Measured| rate / peer.requests_per_second;
            let (echo, leanengine, bare) = (times(&self.echo), times(&self.leanengine), times(&self.leanengine_bare));
            let line = format!(
                "| {name} | {rate:.0} | {median_us:.0} µs | {p99_us:.0} µs | {echo:.2} | {leanengine:.1} | {bare:.1} |\n"
            );
            table.push_str(&line);
        }
        table
    }

    fn in_process(&self) -> String {
        let InProcess { call, instantiate } = &self.in_process;
        let rows = [("hook call, fresh sandbox per call", call), ("instantiation alone", instantiate)];
        let mut table = "| in process | median | p99 | × instantiation |\n|---|--:|--:|--:|\n".to_owned();
        for (name, Latency { median_us, p99_us }) in rows {
            let times = median_us / instantiate.median_us;
            table.push_str(&format!("| {name} | {median_us:.1} µs | {p99_us:.1} µs | {times:.1} |\n"));
        }
        table
    }

    fn targets(&self) -> String {
        let InProcess { call, instantiate } = &self.in_process;
        let to_instantiation = call.median_us / instantiate.median_us;
        let to_leanengine = self.hookd.requests_per_second / self.leanengine.requests_per_second;
        let to_echo = self.hookd.requests_per_second / self.echo.requests_per_second;
        let rows = [
            (
                "call in process: at most 12 µs, or 2.5 × instantiation",
                format!("{:.1} µs, {to_instantiation:.1} ×", call.median_us),
                call.median_us <= 12.0 || to_instantiation <= 2.5,
            ),
            ("RPC: at least 4 × leanengine", format!("{to_leanengine:.1} ×"), to_leanengine >= 4.0),
            ("RPC: at least 0.40 × echo", format!("{to_echo:.2} ×"), to_echo >= 0.40),
        ];
        let mut table = "| target | measured | met |\n|---|--:|---|\n".to_owned();
        for (target, measured, met) in rows {
            table.push_str(&format!("| {target} | {measured} | {} |\n", if met { "yes" } else { "no" }));
        }
        table
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
