//! The load generator: keep-alive HTTP/1.1, the next request of a connection as soon as its answer is in.
//!
//! The request is bytes made beforehand and answers are parsed no further than their length, so that the generator costs
//! as little as it can: it shares the machine with the server that it measures.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::{Buf as _, Bytes, BytesMut};
use hookd_benches::statistics::quantile;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections that ask at the same time.
pub const CONNECTIONS: usize = 16;

/// A peer under load that stays silent this long is broken.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The server to call, and the request.
#[derive(Clone)]
pub struct Target {
    /// Address of the server.
    pub address: SocketAddr,
    /// A whole request, head and body.
    pub request: Bytes,
    /// Judges the body of an answer.
    pub is_right: fn(&Value) -> bool,
}

/// One round.
#[derive(Clone)]
pub struct Measured {
    /// Answers per second over all connections.
    pub requests_per_second: f64,
    /// Half of the answers were faster.
    pub median_us: f64,
    /// One in a hundred was slower.
    pub p99_us: f64,
}

/// Asks for `duration` on all connections.
///
/// # Errors
/// When a connection breaks or an answer has another status than 200. The first answer of each connection must also be
/// right, and every later one as long as the first, so that no peer is measured on errors.
pub async fn measure(target: &Target, duration: Duration) -> anyhow::Result<Measured> {
    let mut connections = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let target = target.clone();
        // One deadline a round, not one an answer: a timer set and cleared for each would slow the generator down.
        let round = async move { drive(&target, start + duration).await };
        connections.spawn(async move {
            tokio::time::timeout(duration + ANSWER_TIMEOUT, round).await.context("no answer in time")?
        });
    }
    let mut latencies_us: Vec<u32> = Vec::new();
    while let Some(finished) = connections.join_next().await {
        latencies_us.extend(finished??);
    }
    let seconds = start.elapsed().as_secs_f64();
    let requests_per_second = latencies_us.len() as f64 / seconds;
    latencies_us.sort_unstable();
    Ok(Measured { requests_per_second, median_us: quantile(&latencies_us, 0.5), p99_us: quantile(&latencies_us, 0.99) })
}

/// Asks once, on a connection of its own; answers how long the answer took.
///
/// # Errors
/// When the answer is wrong.
pub async fn ask(target: &Target) -> anyhow::Result<Duration> {
    let mut socket = TcpStream::connect(target.address).await?;
    socket.set_nodelay(true)?;
    let asked = Instant::now();
    socket.write_all(&target.request).await?;
    let mut received = BytesMut::new();
    let answering = receive(&mut socket, &mut received);
    let body = tokio::time::timeout(ANSWER_TIMEOUT, answering).await.context("no answer in time")??;
    let elapsed = asked.elapsed();
    if !(target.is_right)(&serde_json::from_slice(&body)?) {
        bail!("a wrong answer: {}", String::from_utf8_lossy(&body));
    }
    Ok(elapsed)
}

/// The round in the middle by requests per second.
pub fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|left, right| left.requests_per_second.total_cmp(&right.requests_per_second));
    let middle = rounds.len() / 2;
    rounds.swap_remove(middle)
}

async fn drive(target: &Target, until: Instant) -> anyhow::Result<Vec<u32>> {
    let mut socket = TcpStream::connect(target.address).await?;
    socket.set_nodelay(true)?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    let mut latencies_us = Vec::new();
    let mut right_length = None;
    while Instant::now() < until {
        let asked = Instant::now();
        socket.write_all(&target.request).await?;
        let body = receive(&mut socket, &mut received).await?;
        latencies_us.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        match right_length {
            None if (target.is_right)(&serde_json::from_slice(&body)?) => right_length = Some(body.len()),
            Some(length) if length == body.len() => {}
            _ => bail!("a wrong answer: {}", String::from_utf8_lossy(&body)),
        }
    }
    Ok(latencies_us)
}

/// Reads one answer; leaves nothing behind, since the next request is sent only afterwards.
pub async fn receive(socket: &mut TcpStream, received: &mut BytesMut) -> anyhow::Result<Bytes> {
    loop {
        if let Some((head, body)) = lengths(received)?
            && received.len() >= head + body
        {
            received.advance(head);
            return Ok(received.split_to(body).freeze());
        }
        if socket.read_buf(received).await? == 0 {
            bail!("the server closed the connection");
        }
    }
}

/// Bytes of head and body, once the head is complete.
fn lengths(received: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(received)? else {
        return Ok(None);
    };
    if answer.code != Some(200) {
        bail!("the server answered {}: {}", answer.code.unwrap_or_default(), String::from_utf8_lossy(received));
    }
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("an answer without length")?;
    Ok(Some((head, std::str::from_utf8(length.value)?.trim().parse()?)))
}
