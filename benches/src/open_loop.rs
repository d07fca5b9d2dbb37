//! Latency at a fixed rate: requests are sent when they are due, whether or not earlier ones were answered.
//!
//! The clock of a request starts when it is due and not when a connection is free for it, so a server that stalls is
//! charged for everything that it kept waiting (no coordinated omission).

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::BytesMut;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::in_process::Latency;
use crate::load::{ANSWER_TIMEOUT, Target, receive};
use hookd_benches::statistics::quantile;

/// More than are ever in use at the rates measured, unless the server stalls.
const CONNECTIONS: usize = 64;

/// Asks `rate` times a second for `duration`.
///
/// # Errors
/// When a connection breaks or an answer is wrong.
pub async fn measure(target: &Target, rate: u32, duration: Duration) -> anyhow::Result<Latency> {
    let (due, requests) = mpsc::unbounded_channel();
    let requests = std::sync::Arc::new(Mutex::new(requests));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (target, requests) = (target.clone(), requests.clone());
        let mut socket = TcpStream::connect(target.address).await?;
        socket.set_nodelay(true)?;
        connections.spawn(async move {
            let mut received = BytesMut::with_capacity(16 * 1024);
            let mut latencies_us = Vec::new();
            loop {
                let Some(asked) = requests.lock().await.recv().await else { return Ok(latencies_us) };
                socket.write_all(&target.request).await?;
                let body = receive(&mut socket, &mut received).await?;
                let elapsed = Instant::now().saturating_duration_since(asked);
                latencies_us.push(u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX));
                if !(target.is_right)(&serde_json::from_slice(&body)?) {
                    bail!("a wrong answer: {}", String::from_utf8_lossy(&body));
                }
            }
        });
    }
    // A thread of its own: the timers of tokio are a millisecond apart.
    let clock = std::thread::spawn(move || {
        let start = Instant::now();
        let interval = Duration::from_secs(1) / rate;
        let mut next = start;
        while next < start + duration {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if due.send(next).is_err() {
                return;
            }
            next += interval;
        }
    });
    let mut latencies_us: Vec<u32> = Vec::new();
    let finishing = async {
        while let Some(finished) = connections.join_next().await {
            latencies_us.extend(finished??);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(duration + ANSWER_TIMEOUT, finishing).await.context("no answer in time")??;
    if clock.join().is_err() {
        bail!("the clock of the load generator failed");
    }
    latencies_us.sort_unstable();
    Ok(Latency { median_us: quantile(&latencies_us, 0.5), p99_us: quantile(&latencies_us, 0.99) })
}
