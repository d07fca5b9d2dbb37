//! Times as text, such as `2026-11-21T05:16:36Z`. There are four digits for a year, and none for one before 1970: other times
//! are written as the nearest that can be. `humantime` panics with them.
#![expect(clippy::disallowed_methods, reason = "what they cannot write does not come so far")]

use std::time::{Duration, SystemTime};

/// The last second of the year 9999.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// To the second.
pub fn seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(within(time)).to_string()
}

/// To the millisecond.
pub fn millis(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(within(time)).to_string()
}

/// To the microsecond.
pub fn micros(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(within(time)).to_string()
}

fn within(time: SystemTime) -> SystemTime {
    time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-34.
    #[test]
    fn times_out_of_range_are_written_as_the_nearest() {
        let epoch = SystemTime::UNIX_EPOCH;
        for (time, text) in [
            (epoch - Duration::from_secs(1), "1970-01-01T00:00:00Z"),
            (epoch + Duration::from_secs(1), "1970-01-01T00:00:01Z"),
            (epoch + LAST, "9999-12-31T23:59:59Z"),
            (epoch + LAST + Duration::from_secs(1), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(seconds(time), text);
        }
        assert_eq!(millis(epoch - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
        assert_eq!(micros(epoch + 2 * LAST), "9999-12-31T23:59:59.000000Z");
    }
}
