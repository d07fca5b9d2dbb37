//! The order of the events of one conversation: what may be handed over, what waits, what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use tokio::time::Instant;

use super::OwnedPush;
use super::recovered::Recovered;
use crate::actor::Origin;
use crate::timestamp::Timestamp;

/// Numbers of late events that are kept of a conversation.
const LATE_KEPT: usize = 64;

/// What one operation leads to, on this node.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) pushes: Vec<OwnedPush>,
    pub(super) origin: Option<Origin>,
    /// When it happened. `None`: it is for all sessions that are online when it is handed over.
    pub(super) at: Option<Timestamp>,
    pub(super) bytes: usize,
}

impl Held {
    pub(super) fn new(pushes: Vec<OwnedPush>, origin: Option<Origin>, at: Option<Timestamp>) -> Self {
        let bytes = pushes.iter().map(OwnedPush::bytes).sum();
        Self { pushes, origin, at, bytes }
    }
}

/// The state of a conversation. It does no I/O: what it returns is to be handed over, in this order.
#[derive(Debug)]
pub(super) struct Order {
    /// The number of the newest stored event that was handed over. `None`: those before the first one may be missing.
    handed: Option<u64>,
    /// Of events up to this number it is not known here whether they were handed over.
    unknown_until: u64,
    /// Those of them that were handed over late, the newest.
    late: BTreeSet<u64>,
    /// Stored events whose predecessors are missing.
    ahead: BTreeMap<u64, Held>,
    /// Events that are not stored, each with the number that it comes after, and when it came.
    transient: Vec<(u64, Held, Instant)>,
    /// The greatest number that was heard of.
    newest: u64,
    /// When something began to be missing, or the store was asked in vain.
    missing_since: Option<Instant>,
    /// Since when the store has not helped.
    vain_since: Option<Instant>,
    /// The store is being read.
    is_reading: bool,
    /// Bytes of what waits.
    held_bytes: usize,
    /// When something was heard of the conversation.
    touched: Instant,
}

impl Order {
    /// Of a conversation whose events before the first one are looked for.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            handed: None,
            unknown_until: 0,
            late: BTreeSet::new(),
            ahead: BTreeMap::new(),
            transient: Vec::new(),
            newest: 0,
            missing_since: None,
            vain_since: None,
            is_reading: false,
            held_bytes: 0,
            touched: now,
        }
    }

    /// Events up to this number are none of this node's business.
    pub(super) fn begin_after(&mut self, sequence: u64) {
        if self.handed.is_none() && !self.is_reading {
            self.handed = Some(sequence);
            self.unknown_until = sequence;
        }
    }

    fn is_new(&self, sequence: u64) -> bool {
        self.handed.is_none_or(|handed| sequence > handed) && !self.ahead.contains_key(&sequence)
    }

    /// True when an event of this number would wait.
    pub(super) fn would_wait(&self, sequence: u64) -> bool {
        self.handed.is_none_or(|handed| sequence > handed.saturating_add(1))
    }

    /// A stored event; one that was handed over before, or waits already, is dropped.
    pub(super) fn accept(&mut self, sequence: u64, held: Held, now: Instant) -> Vec<Held> {
        self.touched = now;
        if !self.is_new(sequence) {
            return Vec::new();
        }
        self.newest = self.newest.max(sequence);
        self.hold(sequence, held);
        self.drain(now)
    }

    /// A stored event that perhaps was not handed over at its time.
    pub(super) fn accept_late(&mut self, sequence: u64, held: Held, now: Instant) -> Vec<Held> {
        if self.handed.is_none_or(|handed| sequence > handed) {
            return self.accept(sequence, held, now);
        }
        self.touched = now;
        if sequence > self.unknown_until || !self.late.insert(sequence) {
            return Vec::new();
        }
        if self.late.len() > LATE_KEPT {
            self.late.pop_first();
        }
        vec![held]
    }

    /// There is an event of this number, which is not here.
    pub(super) fn hear_of(&mut self, sequence: u64, now: Instant) {
        self.touched = now;
        self.newest = self.newest.max(sequence);
        self.note_missing(now);
    }

    /// True when an event that is not stored would wait for the stored one of this number.
    pub(super) fn transient_would_wait(&self, after: u64) -> bool {
        self.handed.map_or(self.newest > 0, |handed| handed < after)
    }

    /// An event that is not stored; it comes back when it need not wait.
    pub(super) fn accept_transient(&mut self, after: u64, held: Held, now: Instant) -> Option<Held> {
        if !self.transient_would_wait(after) {
            return Some(held);
        }
        self.held_bytes = self.held_bytes.saturating_add(held.bytes);
        self.transient.push((after, held, now));
        None
    }

    /// Those events that are not stored and came until then: they do not wait any longer.
    pub(super) fn overdue_transient(&mut self, came_until: Instant) -> Vec<Held> {
        let overdue = self.transient.extract_if(.., |(_, _, came)| *came <= came_until);
        let overdue = overdue.map(|(_, held, _)| held).collect();
        self.let_go(overdue)
    }

    /// When the oldest event that is not stored began to wait.
    pub(super) fn transient_since(&self) -> Option<Instant> {
        self.transient.iter().map(|(_, _, came)| *came).min()
    }

    /// When something began to be missing for which the store is to be read.
    pub(super) fn missing_since(&self) -> Option<Instant> {
        self.missing_since.filter(|_| !self.is_reading)
    }

    /// Since when the store has not helped.
    pub(super) fn vain_since(&self) -> Option<Instant> {
        self.vain_since
    }

    /// The store is read now; answers what is there already.
    pub(super) fn begin_reading(&mut self) -> Option<u64> {
        self.is_reading = true;
        self.handed
    }

    /// What the store had: events by their numbers, all that there are up to `until`. What came meanwhile is preferred.
    pub(super) fn read(&mut self, events: Vec<Recovered>, until: u64, now: Instant) -> Vec<Held> {
        self.is_reading = false;
        self.missing_since = None;
        let handed = self.handed.unwrap_or(0);
        let later = self.ahead.split_off(&until.saturating_add(1));
        let mut known = mem::replace(&mut self.ahead, later);
        for Recovered { sequence, at, pushes } in events {
            if sequence > handed && sequence <= until {
                known.entry(sequence).or_insert_with(|| {
                    let held = Held::new(pushes, None, Some(at));
                    self.held_bytes = self.held_bytes.saturating_add(held.bytes);
                    held
                });
            }
        }
        let has_helped = until > handed;
        if has_helped {
            self.vain_since = None;
        } else {
            self.vain_since.get_or_insert(now);
        }
        self.handed = Some(handed.max(until));
        let mut ready = self.let_go(known.into_values().collect());
        ready.extend(self.drain(now));
        ready
    }

    /// The store could not be read.
    pub(super) fn read_failed(&mut self, now: Instant) {
        self.is_reading = false;
        self.missing_since = Some(now);
        self.vain_since.get_or_insert(now);
    }

    /// Gives missing events up: what waits is handed over without them.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<Held> {
        self.vain_since = None;
        self.handed = Some(self.newest.max(self.handed.unwrap_or(0)));
        let ahead = mem::take(&mut self.ahead).into_values().collect();
        let mut ready = self.let_go(ahead);
        ready.extend(self.drain(now));
        ready
    }

    /// True when nothing waits and nothing was heard of it since then.
    pub(super) fn is_idle_since(&self, then: Instant) -> bool {
        self.touched < then && self.missing_since.is_none() && self.is_at_rest()
    }

    /// True when nothing waits.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.is_reading && self.ahead.is_empty() && self.transient.is_empty()
    }

    /// When something was heard of it.
    pub(super) fn touched(&self) -> Instant {
        self.touched
    }

    /// Bytes of what waits.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    fn hold(&mut self, sequence: u64, held: Held) {
        self.held_bytes = self.held_bytes.saturating_add(held.bytes);
        self.ahead.insert(sequence, held);
    }

    fn let_go(&mut self, ready: Vec<Held>) -> Vec<Held> {
        let bytes = ready.iter().map(|held| held.bytes).sum();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        ready
    }

    fn drain(&mut self, now: Instant) -> Vec<Held> {
        let mut ready = Vec::new();
        if let Some(handed) = &mut self.handed {
            while let Some(next) = self.ahead.remove(&handed.saturating_add(1)) {
                *handed += 1;
                ready.push(next);
            }
            let handed = *handed;
            ready.extend(self.transient.extract_if(.., |(after, _, _)| *after <= handed).map(|(_, held, _)| held));
        }
        self.note_missing(now);
        self.let_go(ready)
    }

    fn note_missing(&mut self, now: Instant) {
        if self.handed.is_some_and(|handed| handed >= self.newest) {
            self.missing_since = None;
        } else if !self.is_reading {
            self.missing_since.get_or_insert(now);
        }
    }
}
