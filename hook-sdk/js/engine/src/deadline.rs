//! The time that the running call has.

use std::cell::Cell;

use crate::clock;

thread_local! {
    /// When the running call is stopped, on the clock of the instance.
    static DEADLINE: Cell<f64> = const { Cell::new(0.0) };
    /// The budget of the running call in milliseconds, until the shim asks for the time that is left of it.
    static BUDGET: Cell<Option<f64>> = const { Cell::new(None) };
}

/// For a call that begins now.
pub(crate) fn set_budget(milliseconds: f64) {
    BUDGET.set(Some(milliseconds));
}

/// What is left of the running call.
pub(crate) fn milliseconds_left() -> f64 {
    let now = clock::now();
    if let Some(budget) = BUDGET.take() {
        DEADLINE.set(now + budget);
    }
    (DEADLINE.get() - now).max(0.0)
}
