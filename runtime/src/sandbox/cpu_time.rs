//! CPU time of guests, by the clocks of the threads that run them.
//!
//! Ticks pass by the wall, and so also for a guest whose thread has no core at the time. A look at the clock of a thread is a
//! system call; a guest that is over within its first tick is not measured.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

thread_local! {
    /// Of the guest on this thread that is measured: what it had used before, and this thread's clock when it began.
    static MEASURED: Cell<Option<(Duration, Duration)>> = const { Cell::new(None) };
}

/// CPU time that the guest on this thread has used; zero while it is not measured.
pub(super) fn used_by_guest() -> Duration {
    MEASURED.get().map_or(Duration::ZERO, |(before, began)| before + clock_of_thread().saturating_sub(began))
}

/// CPU time that one guest used while it was measured.
#[derive(Debug, Default)]
pub(super) struct CpuTime(Duration);

impl CpuTime {
    pub(super) fn total(&self) -> Duration {
        self.0
    }

    /// Until the answer is dropped, this thread does nothing but run the guest.
    pub(super) fn measure(&mut self) -> Measuring<'_> {
        MEASURED.set(Some((self.0, clock_of_thread())));
        Measuring(self)
    }
}

/// A guest runs, and is measured.
pub(super) struct Measuring<'a>(&'a mut CpuTime);

impl Drop for Measuring<'_> {
    fn drop(&mut self) {
        self.0.0 = used_by_guest();
        MEASURED.set(None);
    }
}

/// CPU time that this thread used.
pub(super) fn clock_of_thread() -> Duration {
    // It fails before 1970 only.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_computed_while_it_is_measured_counts() {
        let mut cpu_time = CpuTime::default();
        compute(Duration::from_millis(1));
        assert_eq!(used_by_guest(), Duration::ZERO);
        for milliseconds in 1..=2 {
            let measuring = cpu_time.measure();
            compute(Duration::from_millis(1));
            assert!(used_by_guest() >= Duration::from_millis(milliseconds));
            drop(measuring);
            assert!(cpu_time.total() >= Duration::from_millis(milliseconds));
            compute(Duration::from_millis(1));
        }
        assert!(cpu_time.total() < Duration::from_millis(3), "{cpu_time:?}");
    }

    fn compute(cpu_time: Duration) {
        let end = clock_of_thread() + cpu_time;
        while clock_of_thread() < end {}
    }
}
