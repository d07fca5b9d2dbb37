//! Time: real in an instance; before the snapshot it stands still at the time of the deployment, and only timers move it.

use std::cell::Cell;

use crate::bindings::wasi::{clocks0_2_6::wall_clock, clocks0_2_12::monotonic_clock};
use crate::preparation;

const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

unsafe extern "C" {
    /// What `Date` adds to a local time to get UTC: see `quickjs.patch`.
    safe fn hookd_set_timezone_offset(minutes_west: i32);
}

thread_local! {
    /// The date of the deployment, in milliseconds.
    static DEPLOYED: Cell<f64> = const { Cell::new(0.0) };
    /// How far timers moved the time before the snapshot, in milliseconds.
    static PREPARED: Cell<f64> = const { Cell::new(0.0) };
    /// The machine's time when the instance first asked.
    static ORIGIN: Cell<Option<u64>> = const { Cell::new(None) };
}

/// For the time before the snapshot.
pub(crate) fn set_date(milliseconds: f64) {
    DEPLOYED.set(milliseconds);
}

/// The zone of local times, in minutes east of UTC.
pub(crate) fn set_utc_offset(minutes: i32) {
    hookd_set_timezone_offset(-minutes);
}

/// Moves the time on to `now`, before the snapshot.
pub(crate) fn advance(now: f64) {
    PREPARED.set(PREPARED.get().max(now));
}

/// Milliseconds on a clock that never goes back. It goes on after the snapshot where it stood, so that timers begun before
/// count from the first question after it.
pub(crate) fn now() -> f64 {
    if preparation::is_preparing() {
        return PREPARED.get();
    }
    let now = monotonic_clock::now();
    let origin = ORIGIN.get().unwrap_or_else(|| {
        ORIGIN.set(Some(now));
        now
    });
    PREPARED.get() + now.saturating_sub(origin) as f64 / NANOSECONDS_PER_MILLISECOND
}

/// What QuickJS asks for `Date`: microseconds since 1970.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    if preparation::is_preparing() {
        return (DEPLOYED.get() + PREPARED.get()) * 1e3;
    }
    let now = wall_clock::now();
    now.seconds as f64 * 1e6 + f64::from(now.nanoseconds / 1_000)
}
