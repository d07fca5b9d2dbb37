//! What the caller of a message can know of it while it is on its way. Caller and writer agree on the moment after which it
//! cannot be given up.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::postgres::append::Appended;

#[derive(Default)]
enum State {
    /// It has not begun.
    #[default]
    Waiting,
    /// It never will.
    GivenUp,
    /// It is sent to the database, or about to be. With what it becomes if the commit succeeds.
    Begun(Option<Appended>),
}

/// How far a message has got.
#[derive(Default)]
pub(super) struct Progress(Mutex<State>);

/// How it ends when its caller waits no longer.
pub(super) enum Ended {
    /// It is not stored, and will not be.
    NeverBegan,
    /// It may be stored.
    Unknown(Option<Appended>),
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the caller: from now on it does not begin, if it has not.
    pub(super) fn give_up(&self) -> Ended {
        let mut state = self.lock();
        match mem::take(&mut *state) {
            State::Begun(done) => {
                *state = State::Begun(None);
                Ended::Unknown(done)
            }
            State::Waiting | State::GivenUp => {
                *state = State::GivenUp;
                Ended::NeverBegan
            }
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(*self.lock(), State::GivenUp)
    }

    /// For the writer: false when it is given up.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::GivenUp) {
            return false;
        }
        *state = State::Begun(None);
        true
    }

    /// For the writer: what it becomes if the commit succeeds.
    pub(super) fn becomes(&self, appended: Appended) {
        *self.lock() = State::Begun(Some(appended));
    }
}
