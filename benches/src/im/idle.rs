//! What clients cost that are logged in and do nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_benches::processes::ProcessTree;
use hookd_benches::progress::progress;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::clients::{Connection, Endpoint};
use crate::servers::Hookd;

/// The slope between these is what a session costs: what the first ones make the server allocate once is not in it.
pub const FEW: usize = 5_000;
/// See [`FEW`].
pub const MANY: usize = 15_000;

/// Clients that log in at the same time.
const AT_ONCE: usize = 64;

/// A server has come to rest when its memory has not changed for this long by more than a trifle.
const AT_REST: Duration = Duration::from_secs(2);
const TRIFLE_KIB: u64 = 256;
const REST_TIMEOUT: Duration = Duration::from_secs(20);

/// Resident memory in KiB.
pub struct Idle {
    /// Of the server alone.
    pub bare_kib: f64,
    /// With [`FEW`] sessions.
    pub few_kib: f64,
    /// With [`MANY`] sessions.
    pub many_kib: f64,
}

impl Idle {
    /// What one more session costs.
    pub fn session_kib(&self) -> f64 {
        (self.many_kib - self.few_kib) / (MANY - FEW) as f64
    }

    /// What [`MANY`] sessions cost over the bare server.
    pub fn all_mib(&self) -> f64 {
        (self.many_kib - self.bare_kib) / 1024.0
    }
}

/// Makes this process and those that it starts take as many descriptors as the system lets them.
pub fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it, fewer clients fit; `measure` looks how many.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Measures a server of its own; `None` where the system lets a process have too few connections.
pub async fn measure(workspace: &Path) -> anyhow::Result<Option<Idle>> {
    // hookd keeps 4,096 descriptors for everything else.
    let needed = MANY as u64 + 4_096 + 256;
    if getrlimit(Resource::Nofile).current.is_some_and(|limit| limit < needed) {
        progress(&format!("{MANY} idle sessions are left out: they need {needed} descriptors (`ulimit -n`)"));
        return Ok(None);
    }
    let server = Hookd::start(workspace)?;
    let (endpoint, processes) = (server.without_hook(), server.processes());
    let bare_kib = at_rest(processes).await?;
    let mut clients = Vec::with_capacity(MANY);
    log_in(&endpoint, 0..FEW, &mut clients).await?;
    let few_kib = at_rest(processes).await?;
    progress(&format!("{FEW} idle sessions: {few_kib:.0} KiB, the bare server {bare_kib:.0} KiB"));
    log_in(&endpoint, FEW..MANY, &mut clients).await?;
    let many_kib = at_rest(processes).await?;
    progress(&format!("{MANY} idle sessions: {many_kib:.0} KiB"));
    Ok(Some(Idle { bare_kib, few_kib, many_kib }))
}

async fn log_in(
    endpoint: &Endpoint,
    numbers: std::ops::Range<usize>,
    clients: &mut Vec<Connection>,
) -> anyhow::Result<()> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    for number in numbers {
        let (endpoint, turn) = (endpoint.clone(), turns.clone().acquire_owned().await?);
        opening.spawn(async move {
            let _turn = turn;
            Connection::open(&endpoint, &format!("idle-{number}")).await
        });
        while let Some(opened) = opening.try_join_next() {
            clients.push(opened??);
        }
    }
    while let Some(opened) = opening.join_next().await {
        clients.push(opened??);
    }
    Ok(())
}

/// The server's memory once it does not change any more.
async fn at_rest(processes: ProcessTree) -> anyhow::Result<f64> {
    let began = tokio::time::Instant::now();
    let mut last = processes.resident_kib()?;
    loop {
        tokio::time::sleep(AT_REST).await;
        let now = processes.resident_kib()?;
        if now.abs_diff(last) <= TRIFLE_KIB || began.elapsed() > REST_TIMEOUT {
            return Ok(now as f64);
        }
        last = now;
    }
}
