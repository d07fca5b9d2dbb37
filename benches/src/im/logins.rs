//! Logins: connect, log in until messages would come, and leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use hookd_benches::progress::progress;
use hookd_benches::statistics::median;
use tokio::task::JoinSet;

use crate::Pace;
use crate::clients::Connection;
use crate::contest::Contender;
use crate::load::client_name;

/// Clients that log in at the same time, again and again.
pub const CLIENTS: usize = 32;

/// What came out for one contender.
pub struct Logins {
    /// Who.
    pub name: &'static str,
    /// Logins a second, the middle of all rounds.
    pub per_second: f64,
    /// CPU time of the server for one of them.
    pub cpu_us: f64,
}

/// Measures all of them in turn.
pub async fn measure(contenders: &[&Contender], pace: Pace) -> anyhow::Result<Vec<Logins>> {
    let mut all: Vec<Vec<(f64, f64)>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 1..=pace.rounds {
        for (contender, rounds) in contenders.iter().zip(&mut all) {
            let name = contender.name;
            let (per_second, cpu_us) = one_round(contender, pace).await.with_context(|| format!("{name}, logins"))?;
            progress(&format!(
                "logins, round {round} of {}: {name} {per_second:.0}/s, {cpu_us:.0} µs CPU",
                pace.rounds
            ));
            rounds.push((per_second, cpu_us));
        }
    }
    let middle = |(contender, rounds): (&&Contender, Vec<(f64, f64)>)| Logins {
        name: contender.name,
        per_second: median(rounds.iter().map(|round| round.0)),
        cpu_us: median(rounds.iter().map(|round| round.1)),
    };
    Ok(contenders.iter().zip(all).map(middle).collect())
}

async fn one_round(contender: &Contender, pace: Pace) -> anyhow::Result<(f64, f64)> {
    let count = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (endpoint, count) = (contender.endpoint.clone(), count.clone());
        clients.spawn(async move {
            let name = client_name(number);
            loop {
                if let Err(error) = Connection::open(&endpoint, &name).await {
                    return error;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(pace.warm_up).await;
    let (before, cpu_before, began) = (count.load(Ordering::Relaxed), contender.processes.cpu_time()?, Instant::now());
    tokio::time::sleep(pace.round).await;
    let (after, cpu, seconds) = (count.load(Ordering::Relaxed), contender.processes.cpu_time()?, began.elapsed());
    if let Some(ended) = clients.try_join_next() {
        return Err(ended?);
    }
    clients.shutdown().await;
    let logins = (after - before) as f64;
    if logins == 0.0 {
        bail!("no client could log in");
    }
    Ok((logins / seconds.as_secs_f64(), (cpu - cpu_before).as_secs_f64() * 1e6 / logins))
}
