//! What an app that computes as much as it can costs its neighbour.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use hookd_runtime::Isolation;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::in_process::Latency;
use crate::load::Target;
use crate::open_loop;
use crate::peers::Peer;
use hookd_benches::progress::progress;

/// Far below what the server can do, so that waiting shows, and not load.
const RATE: u32 = 1_000;
const MEASURED: Duration = Duration::from_secs(4);
/// Calls of the app that spins: more than there are places for all apps.
pub const SPINNING: usize = 300;
/// After which all of them have begun.
const RAMP_UP: Duration = Duration::from_secs(1);
/// An odd number: the round in the middle is reported.
const ROUNDS: usize = 3;

/// The neighbour's latency in one round, alone and beside the app that spins.
pub struct Fairness {
    /// No other app calls.
    pub quiet: Latency,
    /// Another app, whose concurrency is raised, has as many endless loops as it gets places.
    pub beside: Latency,
}

impl Fairness {
    /// How many times its quiet p99 the neighbour's p99 is.
    pub fn p99_ratio(&self) -> f64 {
        self.beside.p99_us / self.quiet.p99_us
    }
}

/// Measures in turn, so that a slow minute of the machine hits both.
pub fn measure(modules: &Path) -> anyhow::Result<Fairness> {
    let peer = Peer::hookd_with("beside one that spins", &modules.join("word-filter.wasm"), Isolation::PerCall)?;
    let spinning = peer.second_app(&modules.join("infinite-loop.wasm"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut rounds = Vec::new();
        open_loop::measure(peer.target(), RATE, RAMP_UP).await?;
        for round in 1..=ROUNDS {
            let quiet = open_loop::measure(peer.target(), RATE, MEASURED).await?;
            let spin = Spin::start(&spinning);
            tokio::time::sleep(RAMP_UP).await;
            let beside = open_loop::measure(peer.target(), RATE, MEASURED).await?;
            spin.stop().await?;
            let fairness = Fairness { quiet, beside };
            progress(&format!("fairness {round} of {ROUNDS}: p99 × {:.2}", fairness.p99_ratio()));
            rounds.push(fairness);
        }
        rounds.sort_by(|left, right| left.p99_ratio().total_cmp(&right.p99_ratio()));
        Ok(rounds.swap_remove(ROUNDS / 2))
    })
}

/// Connections that ask for an endless loop, again and again.
struct Spin {
    connections: JoinSet<anyhow::Result<()>>,
    stop: Arc<AtomicBool>,
}

impl Spin {
    fn start(target: &Target) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut connections = JoinSet::new();
        for _ in 0..SPINNING {
            let (target, stop) = (target.clone(), stop.clone());
            connections.spawn(async move {
                let mut socket = TcpStream::connect(target.address).await?;
                let mut answer = vec![0; 4096];
                while !stop.load(Ordering::Relaxed) {
                    socket.write_all(&target.request).await?;
                    // The server stops the loop at the app's deadline, and answers in one piece.
                    let length = socket.read(&mut answer).await?;
                    if !answer.get(..length).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 503")) {
                        bail!("the endless loop ended with `{}`", String::from_utf8_lossy(&answer));
                    }
                }
                Ok(())
            });
        }
        Self { connections, stop }
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.connections.join_next().await {
            ended??;
        }
        Ok(())
    }
}
