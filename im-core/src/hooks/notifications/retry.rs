//! When a failed call is made again.

use std::time::Duration;

use crate::app::ImSettings;
use crate::store::LONGEST_WAIT;

/// The first and the longest wait for a dead or overloaded engine. Short, because one call tries the engine for all
/// waiting calls.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The wait after so many failed attempts, at least 1.
pub(super) fn wait(settings: &ImSettings, failed_attempts: u32) -> Duration {
    jittered(doubled(Duration::from_millis(settings.notification_retry_ms), failed_attempts, LONGEST_WAIT))
}

/// The wait after so many failed tries in a row, at least 1, to reach the engine.
pub(super) fn pause(tries: u32) -> Duration {
    jittered(doubled(FIRST_PAUSE, tries, LONGEST_PAUSE))
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// Between half of the wait and all of it: calls that failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST_WAIT, doubled, jittered};

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |times| doubled(Duration::from_secs(1), times, LONGEST_WAIT).as_secs();
        assert_eq!([1, 2, 3, 8, 9, 40].map(seconds), [1, 2, 4, 128, 256, 300]);
    }

    #[test]
    fn jitter_shortens_by_half_at_most() {
        let second = Duration::from_secs(1);
        assert!((0..100).map(|_| jittered(second)).all(|wait| wait <= second && wait >= second / 2));
    }
}
