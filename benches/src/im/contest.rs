//! Servers side by side: rounds in turn, so that a slow minute of the machine hits all of them.

use anyhow::Context as _;
use hookd_benches::processes::ProcessTree;
use hookd_benches::progress::progress;
use hookd_benches::statistics::median;

use crate::Pace;
use crate::clients::Endpoint;
use crate::load::{Load, Rate, Shape};
use crate::meter::{Latency, Text};

/// Names of the contenders.
pub const NO_HOOK: &str = "hookd, no hook";
/// The word filter finds nothing to rewrite.
pub const PASSES: &str = "hookd, the hook passes";
/// The word filter rewrites each message.
pub const REWRITES: &str = "hookd, the hook rewrites";
/// The engine is dead.
pub const BREAKER: &str = "hookd, breaker open";
/// Its archive in files.
pub const PROSODY: &str = "prosody";
/// Its archive in Mnesia.
pub const EJABBERD: &str = "ejabberd";
/// Its archive in SQLite.
pub const EJABBERD_SQL: &str = "ejabberd, SQL archive";

/// A server, and with hookd what its hooks do.
pub struct Contender {
    /// For people.
    pub name: &'static str,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What runs it.
    pub processes: ProcessTree,
    /// What its clients write.
    pub text: Text,
}

/// What came out for one contender.
pub struct Measured {
    /// Who.
    pub name: &'static str,
    /// As many messages as it can deliver, round by round.
    pub rounds: Vec<Rate>,
    /// Round by round at half of the middle of these rates.
    pub at_half: Vec<Latency>,
}

impl Measured {
    /// The middle of all rounds.
    pub fn rate(&self) -> Rate {
        let middle = |number: fn(&Rate) -> f64| median(self.rounds.iter().map(number));
        Rate {
            messages: middle(|rate| rate.messages),
            deliveries: middle(|rate| rate.deliveries),
            cpu_us: middle(|rate| rate.cpu_us),
        }
    }

    /// The middle of all rounds.
    pub fn latency(&self) -> Latency {
        Latency {
            p50_ms: median(self.at_half.iter().map(|round| round.p50_ms)),
            p99_ms: median(self.at_half.iter().map(|round| round.p99_ms)),
        }
    }

    /// How many times the messages of another in the same round: the middle of all rounds.
    pub fn times(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own.messages / other.messages))
    }
}

/// Measures all of them in one shape; answers in their order. An XMPP server that has trouble with groups is left out.
pub async fn measure(contenders: &[&Contender], shape: Shape, name: &str, pace: Pace) -> anyhow::Result<Vec<Measured>> {
    let mut running = Vec::new();
    for contender in contenders {
        let Contender { endpoint, processes, text, name: who } = contender;
        let is_needed = matches!(shape, Shape::Pairs(_)) || matches!(endpoint, Endpoint::Hookd { .. });
        let load = Load::new((endpoint, *processes), *text, shape, name).await.context("clients cannot log in");
        let Some(load) = unless_left_out(load, is_needed, (who, name))? else { continue };
        running.push((load, is_needed, Measured { name: who, rounds: Vec::new(), at_half: Vec::new() }));
    }
    for round in 1..=pace.rounds {
        let mut next = Vec::new();
        for (load, is_needed, mut measured) in running {
            let who = measured.name;
            let Some(rate) = unless_left_out(load.at_most(pace).await, is_needed, (who, name))? else { continue };
            let Rate { messages, deliveries, cpu_us } = rate;
            progress(&format!(
                "{name}, round {round} of {}: {who} {messages:.0} messages/s, {deliveries:.0} deliveries/s, \
                 {cpu_us:.0} µs CPU a message",
                pace.rounds
            ));
            measured.rounds.push(rate);
            next.push((load, is_needed, measured));
        }
        running = next;
    }
    for round in 1..=pace.latency_rounds {
        let mut next = Vec::new();
        for (load, is_needed, mut measured) in running {
            let who = measured.name;
            let half = measured.rate().messages / 2.0;
            let latency = load.at_rate(half, pace).await;
            let Some(latency) = unless_left_out(latency, is_needed, (who, name))? else { continue };
            let Latency { p50_ms, p99_ms } = latency;
            progress(&format!(
                "{name}, round {round} of {}: {who} at {half:.0} messages/s: p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms",
                pace.latency_rounds
            ));
            measured.at_half.push(latency);
            next.push((load, is_needed, measured));
        }
        running = next;
    }
    Ok(running.into_iter().map(|(_, _, measured)| measured).collect())
}

fn unless_left_out<T>(
    outcome: anyhow::Result<T>,
    is_needed: bool,
    (who, name): (&str, &str),
) -> anyhow::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_needed => Err(error.context(format!("{who}, {name}"))),
        Err(error) => {
            progress(&format!("{name}: {who} is left out: {error:#}"));
            Ok(None)
        }
    }
}
