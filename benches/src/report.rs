//! The table, for the terminal, the page and the machine-readable summary.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::in_process::InProcess;
use crate::load::{CONNECTIONS, Measured};
use crate::machine::Fact;
use crate::{MEASURED, ROUNDS};

/// Everything that a run found out.
pub struct Report {
    /// Bare axum.
    pub echo: Measured,
    /// The RPC of `hookd up`.
    pub hookd: Measured,
    /// LeanCloud's engine SDK.
    pub leanengine: Measured,
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
             npm with the same filter in JavaScript, in production mode; it keeps one process for all calls.\n\n\
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
        let echo = self.echo.requests_per_second;
        let leanengine = self.leanengine.requests_per_second;
        let mut tables =
            "| over HTTP | requests/s | median | p99 | × leanengine | × echo |\n|---|--:|--:|--:|--:|--:|\n".to_owned();
        let rows = [
            ("axum echo", &self.echo),
            ("hookd RPC, fresh sandbox per call", &self.hookd),
            ("leanengine", &self.leanengine),
        ];
        for (name, measured) in rows {
            let Measured { requests_per_second, median_us, p99_us } = measured;
            let line = format!(
                "| {name} | {requests_per_second:.0} | {median_us:.0} µs | {p99_us:.0} µs | {:.1} | {:.2} |\n",
                requests_per_second / leanengine,
                requests_per_second / echo,
            );
            tables.push_str(&line);
        }
        let InProcess { call, instantiate } = &self.in_process;
        let _ = write!(
            tables,
            "\n| in process | median | p99 | × instantiation |\n|---|--:|--:|--:|\n\
             | hook call, fresh sandbox per call | {:.1} µs | {:.1} µs | {:.1} |\n\
             | instantiation alone | {:.1} µs | {:.1} µs | 1.0 |\n",
            call.median_us,
            call.p99_us,
            call.median_us / instantiate.median_us,
            instantiate.median_us,
            instantiate.p99_us,
        );
        tables
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
