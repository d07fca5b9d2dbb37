//! Dates of HTTP (RFC 9110, 5.6.7): as much of the crate `httpdate` as libraries of this workspace use. A time before 1970 or
//! past the year 9999 is written as the nearest date that there is; the original panics with it, and hyper asks the original
//! whenever a connection goes on, also for answers that bring a `Date` of their own.
//!
//! ```
//! # use std::time::{Duration, UNIX_EPOCH};
//! let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
//! assert_eq!(httpdate::fmt_http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDateTime, Utc};

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

const FIXED: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// Those that a recipient must understand: the one that is written, and the obsolete ones.
const FORMS: [&str; 3] = [FIXED, "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// A date that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpDate(DateTime<Utc>);

impl From<SystemTime> for HttpDate {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = i64::try_from(since.as_secs()).unwrap_or(LAST).min(LAST);
        Self(DateTime::from_timestamp(second, 0).unwrap_or(DateTime::UNIX_EPOCH))
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(FIXED).fmt(formatter)
    }
}

/// A text is not a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(());

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the text is not an HTTP date")
    }
}

impl StdError for Error {}

/// Writes a date.
pub fn fmt_http_date(time: SystemTime) -> String {
    HttpDate::from(time).to_string()
}

/// Reads a date.
///
/// # Errors
/// The text is not a date, or the date is before 1970.
pub fn parse_http_date(text: &str) -> Result<SystemTime, Error> {
    let read = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).ok_or(Error(()))?;
    let second = u64::try_from(read.and_utc().timestamp()).map_err(|_| Error(()))?;
    Ok(UNIX_EPOCH + Duration::from_secs(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_1970(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// F-34.
    #[test]
    fn every_time_has_a_date() {
        for (time, text) in [
            (UNIX_EPOCH - Duration::from_secs(60 * 365 * 86_400), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH - Duration::from_nanos(1), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (after_1970(0), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (after_1970(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT"),
            (after_1970(253_402_300_799), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (after_1970(253_402_300_800), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (after_1970(1 << 60), "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(fmt_http_date(time), text);
        }
    }

    #[test]
    fn the_three_forms_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_http_date(text), Ok(after_1970(784_111_777)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_date_is_refused() {
        // The second one was a Sunday.
        for text in ["", "Sat, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Fri, 01 Jan 1960 00:00:00 GMT"]
        {
            assert_eq!(parse_http_date(text), Err(Error(())), "{text}");
        }
    }
}
