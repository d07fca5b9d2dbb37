//! The page of the documentation.

use std::fmt::Write as _;
use std::path::Path;

use hookd_benches::by_hand;
use hookd_benches::files::write;
use hookd_benches::machine::Fact;

use crate::fairness::SPINNING;
use crate::load::CONNECTIONS;
use crate::peers::PYTHON_GUEST_MEMORY;
use crate::report::Report;
use crate::{FIXED_RATE, MEASURED, ROUND, ROUNDS};

/// Writes tables, method and machine.
pub fn write_page(report: &Report, path: &Path) -> anyhow::Result<()> {
    let by_hand = by_hand::kept(path, "make bench")?;
    let (round, seconds) = (ROUND.as_secs(), MEASURED.as_secs());
    let mut page = format!(
        "# Performance\n\nWritten by `make bench`; run it to get the numbers of your machine.\n\n{by_hand}\n{tables}\n\
         ## How it is measured\n\n\
         Every server is a process of its own and answers the same request: `_messageReceived` for one text message of\n\
         ordinary length with a word that must be replaced. The load generator has one thread and {CONNECTIONS} keep-alive\n\
         connections, and sends the next request of a connection when its answer is in. Each server is measured for\n\
         {round} s after a warm-up, {ROUNDS} rounds in turn; the table shows each server's median round, and the median of\n\
         the ratios of all rounds: what others do on the machine meets both sides of a ratio. The first answer of every\n\
         connection is checked, and all later ones must have its status and length.\n\n\
         *axum echo* is the least that a server on this HTTP stack can do: it answers the body that it got. *hookd RPC*\n\
         checks the keys, makes a fresh sandbox for every call, and drops it afterwards; *warm*, a sandbox serves up to\n\
         1,000 calls of its version. *workerd* runs the same filter in JavaScript with the same check of the keys; it keeps\n\
         one isolate for all calls and has one thread. *leanengine* is LeanCloud's engine SDK from npm, in production mode;\n\
         it keeps one process for all calls, and the file with the hook is the one that hookd gets. *In express* it is set up\n\
         as its documentation shows; *bare*, without a web framework around it, it does the least it can. *leancloud* is\n\
         LeanCloud's package for Python from PyPI on gevent's WSGI server, with no web framework around it, in one process,\n\
         and with the file that hookd gets. It has `TCP_NODELAY`, without which each of its answers takes 40 ms. Beside it hookd\n\
         has `--guest-memory {PYTHON_GUEST_MEMORY}`: the default does not hold as many interpreters as there are connections.\n\n\
         *At a fixed rate* a clock says when each of {FIXED_RATE} requests a second is due, and a request's time runs from\n\
         that moment, so a server that stalls is charged for all that it kept waiting. A server that cannot do half as much\n\
         again is left out.\n\n\
         In process, one thread calls the engine without HTTP, the languages in turn. *Instantiation alone* is the part of\n\
         it that makes the sandbox and drops it again.\n\n\
         *A new project in JavaScript* is what `hookd new --lang js` makes, and a function that no other project has; ten\n\
         of them, with medians. Each command is timed as a whole. A new server's first deployment compiles the JavaScript\n\
         engine, too. Memory is that of `hookd up` before, and after ten apps got one of the projects and 100 calls each.\n\n\
         *Beside an app that spins*: one hookd, two apps. One gets 1,000 requests a second at the fixed rate, for\n\
         {seconds} s alone and {seconds} s while {SPINNING} calls of the other app are in an endless loop or wait for a\n\
         place to begin one, its concurrency being raised; the middle of three rounds.\n\n\
         *1,000 modules* are the filter with a section of its own each, compiled each for itself and live in an app of its\n\
         own, in a process that holds nothing else. Memory is the highest of three looks: all released, all called, and all\n\
         called after the engine was opened again. A *first call* brings the machine code back from disk. `hookd deploy`\n\
         and `hookd rollback` are timed as whole commands.\n\n\
         ## The machine\n\n| | |\n|---|---|\n",
        tables = report.tables(),
    );
    for Fact { name, value } in &report.machine {
        writeln!(page, "| {name} | {value} |")?;
    }
    write(path, &page)
}
