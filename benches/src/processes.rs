//! Processes under test: how they are started, and what they use.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Names another hookd to measure than the release build, for trying a bench out.
const PROGRAM_VARIABLE: &str = "BENCH_HOOKD";

/// The kernel reports CPU time in hundredths of a second, on every architecture that hookd runs on (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The release binary beside this one.
pub fn hookd_program() -> anyhow::Result<PathBuf> {
    if let Some(program) = std::env::var_os(PROGRAM_VARIABLE) {
        return Ok(program.into());
    }
    let program = std::env::current_exe()?.with_file_name("hookd");
    if !program.is_file() {
        bail!("`{}` is missing; `make bench` and `make bench-im` build it", program.display());
    }
    Ok(program)
}

/// Starts a server and waits for the JSON line with its URL.
pub fn start(name: &str, mut command: Command) -> anyhow::Result<(Child, Value)> {
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
    let stdout = process.stdout.take().context("the pipe was asked for")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let ready =
        serde_json::from_str(&line).with_context(|| format!("{name} did not start; its first line: `{line}`"))?;
    Ok((process, ready))
}

/// A process and its descendants.
#[derive(Clone, Copy)]
pub struct ProcessTree {
    root: u32,
}

/// What `/proc` knows of one process.
struct Stat {
    id: u32,
    parent: u32,
    ticks: u64,
}

impl ProcessTree {
    /// The tree below `root`.
    pub fn of(root: &Child) -> Self {
        Self { root: root.id() }
    }

    /// CPU time that the tree has used, children that have ended and were waited for included.
    pub fn cpu_time(self) -> anyhow::Result<Duration> {
        let ticks: u64 = self.members()?.iter().map(|stat| stat.ticks).sum();
        Ok(TICK * u32::try_from(ticks)?)
    }

    /// Resident memory of the tree in KiB. Pages that processes share count for each of them.
    pub fn resident_kib(self) -> anyhow::Result<u64> {
        self.members()?.iter().map(|stat| resident_kib(stat.id)).sum()
    }

    fn members(self) -> anyhow::Result<Vec<Stat>> {
        // A process that ends meanwhile has no file any more.
        let all: Vec<Stat> = std::fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(stat)
            .collect();
        let mut ids = vec![self.root];
        let mut found = 0;
        while found < ids.len() {
            let parents = ids.get(found..).unwrap_or_default().to_vec();
            found = ids.len();
            ids.extend(all.iter().filter(|stat| parents.contains(&stat.parent)).map(|stat| stat.id));
        }
        let members: Vec<Stat> = all.into_iter().filter(|stat| ids.contains(&stat.id)).collect();
        if members.is_empty() {
            bail!("process {} under test has ended", self.root);
        }
        Ok(members)
    }
}

fn stat(id: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may hold spaces and parentheses.
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Own time in user and kernel mode, and the same of children that were waited for.
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Stat { id, parent: u32::try_from(number(1)?).ok()?, ticks })
}

fn resident_kib(id: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).context("the process has memory")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS has a number")?.parse()?)
}
