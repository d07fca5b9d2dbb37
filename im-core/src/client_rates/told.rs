//! When the operator was last told of something.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Reference;

/// A client that goes on for hours is one line a minute.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// One line a minute, and how much happened since.
#[derive(Debug)]
pub(super) struct Told<I>(Mutex<State<I>>);

#[derive(Debug)]
struct State<I> {
    last: Option<I>,
    since: u64,
}

impl<I> Default for Told<I> {
    fn default() -> Self {
        Self(Mutex::new(State { last: None, since: 0 }))
    }
}

impl<I: Reference> Told<I> {
    /// Calls `tell` with what was not told since the last time, unless that was a moment ago.
    pub(super) fn tell(&self, now: I, tell: impl FnOnce(u64)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |last: I| Duration::from(now.duration_since(last)) < TELL_EVERY;
        if state.last.is_some_and(is_recent) {
            state.since = state.since.saturating_add(1);
            return;
        }
        let since = std::mem::take(&mut state.since);
        state.last = Some(now);
        drop(state);
        tell(since);
    }
}
