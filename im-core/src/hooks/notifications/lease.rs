//! Until when the calls that this node has claimed are its own.

use std::time::Duration;

use crate::sync::{Instant, Mutex, MutexGuard, PoisonError};

/// A node that did not renew its lease for so long is dead: others end its sessions and make its calls.
pub const LEASE: Duration = Duration::from_secs(30);

/// So long before others may take it for dead a node begins no more calls: their clocks may be ahead.
const MARGIN: Duration = Duration::from_secs(5);

/// From the begin of a lease to its loss. What was claimed in an earlier term may be another node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(u64);

/// What a renewal means for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// Nothing: the lease went on.
    InTime,
    /// Calls may be begun again.
    Late,
    /// It is a new lease: others may have ended this node before it.
    Anew,
}

/// The lease of this node, as far as it knows.
#[derive(Default)]
pub struct Lease {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    terms: u64,
    /// `None`: the lease has not begun, or others have ended it.
    until: Option<Instant>,
}

impl Lease {
    /// The term in which calls may be claimed and begun now; `None`: none may.
    pub fn term(&self) -> Option<Term> {
        let state = self.state();
        state.until.filter(|until| Instant::now() < *until).map(|_| Term(state.terms))
    }

    /// The store has the lease, from when it was asked to on.
    pub fn renewed(&self, asked: Instant) -> Renewed {
        let mut state = self.state();
        match state.until.replace(asked + LEASE - MARGIN) {
            Some(until) if Instant::now() < until => Renewed::InTime,
            Some(_) => Renewed::Late,
            None => {
                state.terms += 1;
                Renewed::Anew
            }
        }
    }

    /// The store has no lease; true when it had one.
    pub fn lost(&self) -> bool {
        self.state().until.take().is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
