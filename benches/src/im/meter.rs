//! Which messages are on their way, and how long each took.
//!
//! A message counts as delivered when the receiver's client has it. Its text holds its number, by which it is known again
//! behind any server and hook.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use hookd_benches::statistics::quantile;
use tokio::sync::OwnedSemaphorePermit;

/// A server under load that stays silent this long is broken.
const SILENCE: Duration = Duration::from_secs(20);

/// What the word filter of the examples looks for, and a word of the same length that it lets pass.
const IMPOLITE: &str = "crap";
const HARMLESS: &str = "cats";

/// What it writes instead.
const REPLACEMENT: &[u8] = b"**";

/// Whether the messages of a load have a word in them that a hook rewrites.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Arrives as it was sent.
    Harmless,
    /// Arrives with another word in its place.
    Rewritten,
}

impl Text {
    /// The text of one message: of ordinary length, and the same length for all.
    pub fn of(self, message: u64) -> String {
        let word = if self == Self::Rewritten { IMPOLITE } else { HARMLESS };
        format!("#{message:012}# Holy {word}! This is a message of ordinary length.")
    }
}

/// Counts the messages of one load. Shared by the clients of that load, which one thread drives.
pub struct Meter {
    text: Text,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    flights: HashMap<u64, Flight>,
    deliveries: u64,
    /// Clients that have got any message.
    listening: usize,
    /// The first message that counts; `None` before the measurement begins.
    counted_from: Option<u64>,
    latencies_us: Vec<u32>,
    failure: Option<String>,
}

struct Flight {
    due: Instant,
    /// Receivers that do not have it yet.
    missing: u32,
    /// The place in its sender's window.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Quantiles of the time from when a message was due to be sent until a receiver has it.
#[derive(Clone, Copy)]
pub struct Latency {
    /// Half are faster.
    pub p50_ms: f64,
    /// One in a hundred is slower.
    pub p99_ms: f64,
}

impl Meter {
    /// Expects messages of that kind.
    pub fn new(text: Text) -> Self {
        Self { text, state: Mutex::default() }
    }

    /// What the messages of this load say.
    pub fn text(&self) -> Text {
        self.text
    }

    /// A message is due now; answers its number. The permit returns once all `receivers` have it.
    pub fn begin(&self, due: Instant, receivers: u32, permit: Option<OwnedSemaphorePermit>) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let message = state.next;
        state.flights.insert(message, Flight { due, missing: receivers, _permit: permit });
        message
    }

    /// The number of a message that does not count: only that it arrives does.
    pub fn probe(&self) -> u64 {
        let mut state = self.state();
        state.next += 1;
        state.next
    }

    /// How many clients have got any message. One that has logged in just now may hear of messages as unread ones instead.
    ///
    /// # Errors
    /// When a client has failed.
    pub fn listening(&self) -> anyhow::Result<usize> {
        self.deliveries()?;
        Ok(self.state().listening)
    }

    /// From now on messages count.
    pub fn count(&self) {
        let mut state = self.state();
        state.counted_from = Some(state.next + 1);
    }

    fn delivered(&self, text: &[u8], is_first: bool) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(message) = number(text) else {
            return state.fail(format!("a client got a text that no client sent: {}", String::from_utf8_lossy(text)));
        };
        let is_rewritten = text.windows(REPLACEMENT.len()).any(|part| part == REPLACEMENT);
        if is_rewritten != (self.text == Text::Rewritten) {
            return state.fail(format!("message {message} arrived as `{}`", String::from_utf8_lossy(text)));
        }
        state.listening += usize::from(is_first);
        if state.counted_from.is_none_or(|first| message < first) {
            return;
        }
        let Some(flight) = state.flights.get_mut(&message) else {
            return state.fail(format!("a client got message {message} twice"));
        };
        flight.missing -= 1;
        let (due, missing) = (flight.due, flight.missing);
        let latency = u32::try_from(now.saturating_duration_since(due).as_micros()).unwrap_or(u32::MAX);
        state.latencies_us.push(latency);
        state.deliveries += 1;
        if missing == 0 {
            state.flights.remove(&message);
        }
    }

    /// A client cannot go on; the load fails with the first such text.
    pub fn fail(&self, failure: String) {
        self.state().fail(failure);
    }

    /// How many messages were delivered so far; each receiver of one counts.
    ///
    /// # Errors
    /// When a client has failed.
    pub fn deliveries(&self) -> anyhow::Result<u64> {
        let state = self.state();
        match &state.failure {
            Some(failure) => bail!("{failure}"),
            None => Ok(state.deliveries),
        }
    }

    /// Forgets the latencies so far.
    pub fn start_latencies(&self) {
        self.state().latencies_us.clear();
    }

    /// The latencies of all deliveries since [`Self::start_latencies`].
    pub fn latency(&self) -> Latency {
        let mut latencies_us = std::mem::take(&mut self.state().latencies_us);
        latencies_us.sort_unstable();
        let ms = |fraction| quantile(&latencies_us, fraction) / 1_000.0;
        Latency { p50_ms: ms(0.5), p99_ms: ms(0.99) }
    }

    /// Waits until more than that were delivered.
    ///
    /// # Errors
    /// When a client has failed, or nothing comes.
    pub async fn more_than(&self, deliveries: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.deliveries()? <= deliveries {
            if began.elapsed() > SILENCE {
                bail!("no message was delivered in {} s", SILENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until nothing is on its way.
    ///
    /// # Errors
    /// When a client has failed, or no more messages come.
    pub async fn drained(&self) -> anyhow::Result<()> {
        let mut last = (self.deliveries()?, Instant::now());
        loop {
            let deliveries = self.deliveries()?;
            let waiting = self.state().flights.len();
            match waiting {
                0 => return Ok(()),
                _ if deliveries > last.0 => last = (deliveries, Instant::now()),
                _ if last.1.elapsed() > SILENCE => bail!("{waiting} messages did not arrive"),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the meter what one client gets.
pub struct Ear {
    meter: Arc<Meter>,
    has_heard: bool,
}

impl Ear {
    /// Of a client that has not got anything.
    pub fn new(meter: &Arc<Meter>) -> Self {
        Self { meter: meter.clone(), has_heard: false }
    }

    /// The client got a text.
    pub fn delivered(&mut self, text: &[u8]) {
        self.meter.delivered(text, !self.has_heard);
        self.has_heard = true;
    }
}

impl State {
    fn fail(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.split(|byte| *byte == b'#').nth(1)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn a_message_is_known_by_the_number_in_its_text() {
        assert_eq!(number(Text::Harmless.of(7).as_bytes()), Some(7));
        assert_eq!(number(br##"{"_lctype":-1,"_lctext":"#000000000012# Holy **!"}"##), Some(12));
        assert_eq!(number(b"hello"), None);
    }

    #[test]
    fn the_permit_of_a_message_for_two_returns_once_both_have_it() {
        let meter = Arc::new(Meter::new(Text::Harmless));
        meter.count();
        let (mut one, mut other) = (Ear::new(&meter), Ear::new(&meter));
        let window = Arc::new(Semaphore::new(1));
        let message = meter.begin(Instant::now(), 2, window.clone().try_acquire_owned().ok());
        let text = Text::Harmless.of(message);
        one.delivered(text.as_bytes());
        assert_eq!(window.available_permits(), 0);
        other.delivered(text.as_bytes());
        assert_eq!(window.available_permits(), 1);
        assert_eq!(meter.deliveries().unwrap(), 2);
        other.delivered(text.as_bytes());
        assert!(meter.deliveries().is_err(), "it came once too often");
    }

    #[test]
    fn a_message_from_before_the_measurement_shows_only_that_its_receiver_listens() {
        let meter = Arc::new(Meter::new(Text::Harmless));
        let mut ear = Ear::new(&meter);
        let early = Text::Harmless.of(meter.probe());
        ear.delivered(early.as_bytes());
        meter.count();
        ear.delivered(early.as_bytes());
        assert_eq!((meter.listening().unwrap(), meter.deliveries().unwrap()), (1, 0));
    }

    #[test]
    fn a_message_that_no_hook_rewrote_fails_a_load_that_is_about_rewriting() {
        let meter = Arc::new(Meter::new(Text::Rewritten));
        let message = meter.begin(Instant::now(), 1, None);
        Ear::new(&meter).delivered(Text::Harmless.of(message).as_bytes());
        assert!(meter.deliveries().is_err());
    }
}
