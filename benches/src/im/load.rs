//! The load generator: clients of one server that write to each other, as fast as they can or when a clock says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hookd_benches::processes::ProcessTree;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::Pace;
use crate::clients::{Client, Connection, Destination, Endpoint};
use crate::meter::{Latency, Meter, Text};

/// Messages of one sender that are on their way at the same time.
pub const WINDOW: usize = 8;

/// The same of all groups together, if that is less: a server that reads all it gets before it writes anything would deliver
/// nothing for seconds.
pub const IN_GROUPS: usize = 100;

/// How long clients may take from their login until they get messages, and how often it is tried.
const LISTENED_WITHIN: Duration = Duration::from_secs(30);
const PROBED_EVERY: Duration = Duration::from_millis(200);

/// Who writes to whom.
#[derive(Clone, Copy)]
pub enum Shape {
    /// So many pairs; one of each writes to the other.
    Pairs(usize),
    /// So many groups, each with members of its own; one of them writes.
    Groups {
        /// Of that many.
        groups: usize,
        /// Members of each.
        members: usize,
        /// Those that get messages at once.
        online: usize,
    },
}

/// The name of a client, and of its account.
pub fn client_name(number: usize) -> String {
    format!("c{number}")
}

/// Clients of one server, logged in.
pub struct Load {
    lanes: Arc<Vec<Lane>>,
    window: usize,
    meter: Arc<Meter>,
    processes: ProcessTree,
    _listeners: Vec<Client>,
}

/// A client that writes.
struct Lane {
    client: Client,
    to: Destination,
    receivers: u32,
}

/// As many messages as a server can deliver.
#[derive(Clone, Copy)]
pub struct Rate {
    /// Messages a second that the online receivers get.
    pub messages: f64,
    /// The same, each receiver counted.
    pub deliveries: f64,
    /// CPU time of the server for one message.
    pub cpu_us: f64,
}

impl Load {
    /// Logs the clients in. Groups of XMPP get the `name`, which must be new.
    pub async fn new(
        (endpoint, processes): (&Endpoint, ProcessTree),
        text: Text,
        shape: Shape,
        name: &str,
    ) -> anyhow::Result<Self> {
        let meter = Arc::new(Meter::new(text));
        let (mut lanes, mut listeners) = (Vec::new(), Vec::new());
        let window = match shape {
            Shape::Pairs(_) => WINDOW,
            Shape::Groups { groups, .. } => (IN_GROUPS / groups.max(1)).clamp(1, WINDOW),
        };
        match shape {
            Shape::Pairs(pairs) => {
                for pair in 0..pairs {
                    let receiver = client_name(2 * pair + 1);
                    listeners.push(Connection::open(endpoint, &receiver).await?.listen(&meter));
                    let mut sender = Connection::open(endpoint, &client_name(2 * pair)).await?;
                    let to = sender.pair_with(&receiver).await?;
                    lanes.push(Lane { client: sender.listen(&meter), receivers: 1, to });
                }
            }
            Shape::Groups { groups, members, online } => {
                for group in 0..groups {
                    let own = (group * online..(group + 1) * online).map(client_name);
                    let absent = (online..members).map(|member| format!("absent-{member}"));
                    let mut owner = Connection::open(endpoint, &client_name(group * online)).await?;
                    let all = own.clone().chain(absent).collect();
                    let to = owner.create_group(&format!("{name}-{group}"), all).await?;
                    let receivers = to.receivers(u32::try_from(online)?);
                    lanes.push(Lane { client: owner.listen(&meter), receivers, to: to.clone() });
                    for member in own.skip(1) {
                        let mut connection = Connection::open(endpoint, &member).await?;
                        connection.join(&to).await?;
                        listeners.push(connection.listen(&meter));
                    }
                }
            }
        }
        let load = Self { lanes: Arc::new(lanes), window, meter, processes, _listeners: listeners };
        load.listened().await?;
        Ok(load)
    }

    /// Waits until every receiver gets messages at once, and begins to count.
    async fn listened(&self) -> anyhow::Result<()> {
        let receivers = self.lanes.iter().map(|lane| lane.receivers as usize).sum();
        let began = Instant::now();
        while self.meter.listening()? < receivers {
            if began.elapsed() > LISTENED_WITHIN {
                bail!("{} of {receivers} clients get messages", self.meter.listening()?);
            }
            for lane in self.lanes.iter() {
                lane.client.send(&lane.to, self.meter.probe());
            }
            tokio::time::sleep(PROBED_EVERY).await;
        }
        self.meter.count();
        Ok(())
    }

    /// Every sender writes the next message once one of its last ones is delivered.
    pub async fn at_most(&self, pace: Pace) -> anyhow::Result<Rate> {
        let mut senders = JoinSet::new();
        for number in 0..self.lanes.len() {
            let (lanes, window, meter) = (self.lanes.clone(), self.window, self.meter.clone());
            senders.spawn(async move {
                let Some(lane) = lanes.get(number) else { return };
                let window = Arc::new(Semaphore::new(window));
                while let Ok(place) = window.clone().acquire_owned().await {
                    let message = meter.begin(Instant::now(), lane.receivers, Some(place));
                    lane.client.send(&lane.to, message);
                }
            });
        }
        let at_first = self.meter.deliveries()?;
        tokio::time::sleep(pace.warm_up).await;
        self.meter.more_than(at_first).await?;
        let (before, cpu_before, began) = (self.meter.deliveries()?, self.processes.cpu_time()?, Instant::now());
        tokio::time::sleep(pace.round).await;
        let (after, cpu, seconds) =
            (self.meter.deliveries()?, self.processes.cpu_time()?, began.elapsed().as_secs_f64());
        senders.shutdown().await;
        self.meter.drained().await?;
        let deliveries = (after - before) as f64;
        if deliveries == 0.0 {
            bail!("no message was delivered in {seconds:.1} s");
        }
        // All lanes have as many receivers. What some of them have of a message counts, so that no message is cut by the ends of
        // the round.
        let receivers = f64::from(self.lanes.first().context("the load has no sender")?.receivers);
        let messages = deliveries / receivers;
        Ok(Rate {
            messages: messages / seconds,
            deliveries: deliveries / seconds,
            cpu_us: (cpu - cpu_before).as_secs_f64() * 1e6 / messages,
        })
    }

    /// Sends so many messages a second, whether or not earlier ones were delivered. The time of a message starts when it is due,
    /// so a server that stalls is charged for everything that it kept waiting.
    pub async fn at_rate(&self, messages_per_second: f64, pace: Pace) -> anyhow::Result<Latency> {
        let (due, mut messages) = mpsc::unbounded_channel();
        let interval = Duration::from_secs_f64(1.0 / messages_per_second);
        // A thread of its own: the timers of tokio are a millisecond apart.
        let clock = std::thread::spawn(move || {
            let start = Instant::now();
            let mut next = start;
            while next < start + pace.at_rate {
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
                if due.send(next).is_err() {
                    return;
                }
                next += interval;
            }
        });
        self.meter.start_latencies();
        let mut lanes = self.lanes.iter().cycle();
        while let Some(due) = messages.recv().await {
            let lane = lanes.next().context("the load has no sender")?;
            let message = self.meter.begin(due, lane.receivers, None);
            lane.client.send(&lane.to, message);
        }
        self.meter.drained().await?;
        if clock.join().is_err() {
            bail!("the clock of the load generator failed");
        }
        Ok(self.meter.latency())
    }
}
